"""The catalogues are complete, and each page is in one language."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from babel.messages import Catalog, Message
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from local.messages import (
    LOCALE,
    SOURCES,
    entries,
    extract_catalog,
    is_untranslated,
    languages,
    path_of,
)
from tests.support.files import store
from tests.support.processes import ROOT
from tests.support.users import PASSWORD, Api, error_of
from uploads.accounts import api_tokens, owners

CATALOGUES = [
    pytest.param(language, domain, id=f"{language}-{domain}")
    for language in languages()
    for domain in SOURCES
]


def strings(catalog: Catalog) -> dict[Any, list[str]]:
    """Translations by context, singular and plural."""
    return {
        (message.context, *forms(message.id)): forms(message.string) for message in entries(catalog)
    }


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_mo(file) if path.suffix == ".mo" else read_po(file)


def forms(text: Any) -> list[str]:
    """The message, or its singular and plural forms."""
    return list(text) if isinstance(text, tuple | list) else [text]


def places(sentence: str) -> list[str]:
    """The placeholders of a message: names, and tags with their content."""
    return sorted(re.findall(r"%\(\w+\)\w|%[a-z%]|\{\w*\}|</?\w+[^>]*>", sentence))


def misplaced(message: Message) -> bool:
    """Whether a translation has other placeholders than its original.

    In some languages the first form is also for 21, 31 and so on, so it may be like the plural.
    """
    first, *rest = map(places, forms(message.string))
    originals = list(map(places, forms(message.id)))
    return first not in originals or any(form != originals[-1] for form in rest)


# --- Catalogues ---------------------------------------------------------------------------------


def test_every_language_has_its_catalogues_and_no_other_does() -> None:
    expected = {path_of(code, domain) for code in languages() for domain in SOURCES}
    assert set(LOCALE.rglob("*.po")) == expected
    assert set(LOCALE.rglob("*.mo")) == {path.with_suffix(".mo") for path in expected}


@pytest.mark.parametrize(("language", "domain"), CATALOGUES)
def test_catalogues_have_exactly_the_messages_of_the_sources(language: str, domain: str) -> None:
    catalog = read(path_of(language, domain))
    in_the_sources, known = set(strings(extract_catalog(language, domain))), set(strings(catalog))
    assert in_the_sources - known == set(), "run `make messages` and translate these"
    assert known - in_the_sources == set(), "run `make messages` to be rid of these"
    assert list(catalog.obsolete) == [], "run `make messages` to be rid of these"


@pytest.mark.parametrize(("language", "domain"), CATALOGUES)
def test_everything_is_translated(language: str, domain: str) -> None:
    catalog = read(path_of(language, domain))
    assert [message.id for message in entries(catalog) if is_untranslated(message)] == []
    assert [message.id for message in entries(catalog) if misplaced(message)] == []
    assert {len(forms(m.string)) for m in entries(catalog) if m.pluralizable} <= {
        catalog.num_plurals
    }


@pytest.mark.parametrize(("language", "domain"), CATALOGUES)
def test_the_compiled_catalogues_are_up_to_date(language: str, domain: str) -> None:
    path = path_of(language, domain)
    compiled, source = read(path.with_suffix(".mo")), read(path)
    assert strings(compiled) == strings(source), "run `make messages`"
    assert compiled.plural_forms == source.plural_forms


def extract(pattern: str, paths: Iterable[Path]) -> set[str]:
    return {
        match[1] for path in paths for match in re.finditer(pattern, path.read_text(), re.M | re.S)
    }


def test_scripts_translate_only_literals() -> None:
    """Anything else is invisible to the extractor and to the tests above."""
    after = extract(r"\bn?gettext\(\s*(\S)", (ROOT / "static").rglob("*.js"))
    assert after == {'"'}


def test_the_extractors_find_every_message() -> None:
    scripts = extract(r'\bn?gettext\(\s*"([^"]+)"', (ROOT / "static").rglob("*.js"))
    templates = extract(r'\{% translate ["\'](.+?)["\'] %\}', (ROOT / "templates").rglob("*.html"))
    python = extract(r'\b_\(\s*"([^"]+)"', (ROOT / "uploads").rglob("*.py"))
    for domain, expected in (("djangojs", scripts), ("django", templates | python)):
        gathered = {forms(message.id)[0] for message in entries(extract_catalog("de", domain))}
        assert len(expected) > 50
        assert expected - gathered == set()


@pytest.mark.parametrize(
    ("id_", "string", "wrong"),
    [
        ("%(size)s each", "je %(size)s", False),
        ("%(size)s each", "je %(groesse)s", True),
        ("%(size)s each", "je", True),
        ("<bdi>%(q)s</bdi>", "<b>%(q)s</b>", True),
        (("The file.", "All %(n)s files."), ("Die Datei.", "Alle %(n)s Dateien."), False),
        (("The file.", "All %(n)s files."), ("Die Datei.", "Alle Dateien."), True),
        (("%(n)s file", "%(n)s files"), ("Datei", "%(n)s Dateien"), True),
        (("The a.", "%(n)s b"), ("%(n)s a", "%(n)s b", "%(n)s c"), False),
        (("The a.", "%(n)s b"), ("%(n)s a", "b", "%(n)s c"), True),
    ],
)
def test_wrong_placeholders_are_detected(id_: Any, string: Any, wrong: bool) -> None:
    assert misplaced(Message(id_, string)) is wrong


# --- Pages --------------------------------------------------------------------------------------


def browser(language: str, user: User | None = None, **options: Any) -> Client:
    client = Client(headers={"Accept": "text/html", "Accept-Language": language}, **options)
    if user:
        client.force_login(user)
    return client


@pytest.mark.parametrize(
    ("accepted", "language", "text"),
    [
        ("de", "de", "Anmelden"),
        ("de-AT,de;q=0.9,en;q=0.5", "de", "Anmelden"),
        ("en", "en", "Sign in"),
        ("fr", "en", "Sign in"),
    ],
)
def test_the_login_page_is_translated(
    _static_files: None, db: None, accepted: str, language: str, text: str
) -> None:
    response = browser(accepted).get("/accounts/login/")
    page = response.content.decode()
    assert f'<html lang="{language}">' in page
    assert f"<h1>{text}</h1>" in page
    assert response["Content-Language"] == language
    assert "Accept-Language" in response["Vary"]


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("de", ("Dateien auswählen", "Noch keine Dateien", "Angemeldet als alice", "5,5\xa0TB")),
        ("en", ("Choose files", "No files yet", "Signed in as alice", "5.5\xa0TB")),
    ],
)
def test_the_home_page_is_translated(
    aws: Any, alice: User, language: str, texts: tuple[str, ...]
) -> None:
    page = browser(language, alice).get("/").content.decode()
    assert f'<html lang="{language}">' in page
    assert [text for text in texts if text not in page] == []


@pytest.mark.parametrize(
    ("language", "text"),
    [("de", "Seite nicht gefunden"), ("en", "Page not found")],
)
def test_the_not_found_page_is_translated(_static_files: None, language: str, text: str) -> None:
    response = browser(language).get("/nowhere")
    assert response.status_code == 404
    assert f'<html lang="{language}">' in response.content.decode()
    assert text in response.content.decode()


@pytest.mark.parametrize(
    ("language", "texts"),
    [("de", ("gespeichert", "abgelehnt", "Größe", "Status")), ("en", ("stored", "Size", "State"))],
)
def test_the_admin_is_translated(aws: Any, db: None, language: str, texts: tuple[str, ...]) -> None:
    store("7", "a.txt")
    root = User.objects.create_superuser("root", password=PASSWORD)
    page = browser(language, root).get("/admin/uploads/file/").content.decode()
    assert [text for text in texts if text not in page] == []
    assert ("stored</span></td>" in page) is (language == "en")


# --- The API ------------------------------------------------------------------------------------

EXACT = [
    ("POST", "/get-url", {}, "Missing file_name"),
    ("POST", "/get-url", {"file_name": " "}, "Missing file_name"),
    ("GET", "/files/0", None, "File not found"),
    ("GET", "/nowhere", None, "Not Found"),
]
OTHERS = [
    ("POST", "/uploads", {"file_name": "a", "size": -1}, None),
    ("POST", "/uploads", {"file_name": "a", "size": 2**60}, None),
    ("POST", "/uploads", {"file_name": "a" * 300, "size": 1}, None),
    ("POST", "/uploads", [], None),
    ("GET", "/files?limit=many", None, None),
    ("DELETE", "/get-url", None, None),
]


@pytest.mark.parametrize(("method", "path", "body", "sentence"), EXACT + OTHERS)
def test_api_responses_are_english(
    api: Api, alice: User, method: str, path: str, body: Any, sentence: str | None
) -> None:
    token = api_tokens.create(alice)
    german, english = (
        Client(headers={"Authorization": f"Bearer {token}", "Accept-Language": language}).generic(
            method, path, b"" if body is None else json.dumps(body), content_type="application/json"
        )
        for language in ("de", "en")
    )
    assert german.status_code == english.status_code >= 400
    assert error_of(german) == error_of(english)
    if sentence:
        assert german.json()["error"] == sentence


def test_stored_files_are_the_same_in_every_language(aws: Any, alice: User) -> None:
    store(owners.owner_of(alice), "a.txt")
    token = api_tokens.create(alice)
    german, english = (
        Client(headers={"Authorization": f"Bearer {token}", "Accept-Language": language})
        .get("/files")
        .json()
        for language in ("de", "en")
    )
    assert german == english
    assert len(german) == 1


# --- The scripts' catalogue ---------------------------------------------------------------------


def scripts(language: str, **headers: str) -> Any:
    return browser(language).get("/jsi18n/", headers=headers)


def test_scripts_get_the_language_of_the_page(db: None) -> None:
    german, english = scripts("de"), scripts("en")
    assert '"Stored": "Gespeichert"' in german.content.decode()
    assert "(n != 1)" in german.content.decode()
    assert "Gespeichert" not in english.content.decode()
    assert german["Content-Type"].startswith("text/javascript")


def test_messages_of_the_admin_are_not_sent_to_scripts(db: None) -> None:
    """Django's own catalogue for its admin is several times the size of the page's."""
    assert "Filter" not in scripts("de").content.decode()


def test_a_cached_catalogue_is_not_used_in_another_language(db: None) -> None:
    english = scripts("en")
    assert "Accept-Language" in english["Vary"]
    # The language may come from a cookie, so shared caches must not keep it.
    assert {"private", "no-cache"} <= set(english["Cache-Control"].split(", "))
    assert scripts("en", if_none_match=english["ETag"]).status_code == 304
    german = scripts("de", if_none_match=english["ETag"])
    assert german.status_code == 200
    assert german["ETag"] != english["ETag"]


# --- Choosing -----------------------------------------------------------------------------------


def form_of(page: str) -> dict[str, str]:
    """The fields of the language form for a language."""
    form = re.search(
        r'<form class="languages" method="post" action="/i18n/setlang/".*?</form>', page, re.S
    )
    assert form, page
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form[0])
    assert re.findall(r'name="language" value="(\w+)"', form[0]) == [
        code for code, _ in settings.LANGUAGES
    ]
    return dict(fields)


def test_the_form_chooses_a_language(_static_files: None, db: None) -> None:
    client = browser("en", enforce_csrf_checks=True)
    page = client.get("/accounts/login/?next=/").content.decode()
    response = client.post("/i18n/setlang/", form_of(page) | {"language": "de"})
    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/?next=/"
    page = client.get(response["Location"]).content.decode()
    assert '<html lang="de">' in page
    assert re.search(r'value="de"[^>]*aria-current="true"', page)
    assert "Gespeichert" in client.get("/jsi18n/").content.decode()


def test_another_site_cannot_choose_the_language(_static_files: None, db: None) -> None:
    client = browser("en", enforce_csrf_checks=True)
    client.get("/accounts/login/")
    response = client.post("/i18n/setlang/", {"language": "de", "next": "/"})
    assert response.status_code == 403
    assert settings.LANGUAGE_COOKIE_NAME not in response.cookies


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "https://testserver@evil.example/",
        "https://testserver.evil.example/",
    ],
)
@pytest.mark.parametrize("way", ["field", "referrer"])
def test_choosing_a_language_never_redirects_to_another_host(
    db: None, address: str, way: str
) -> None:
    data, headers = ({"next": address}, {}) if way == "field" else ({}, {"Referer": address})
    response = browser("en").post("/i18n/setlang/", data | {"language": "de"}, headers=headers)
    assert response.status_code == 302
    assert response["Location"] == "/"


@pytest.mark.parametrize("language", ["xx", "../de", "", "fr", "de\r\nX: y"])
def test_an_unknown_language_changes_nothing(_static_files: None, db: None, language: str) -> None:
    client = browser("de")
    assert client.post("/i18n/setlang/", {"language": language, "next": "/"}).status_code == 302
    assert '<html lang="de">' in client.get("/accounts/login/").content.decode()
