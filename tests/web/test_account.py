"""The account page: tokens, storage, language and theme, of the signed-in user alone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from pytest_django import Settings

from tests.support.files import store
from tests.support.users import body_of, signed_in
from uploads.accounts import api_tokens
from uploads.accounts.owners import owner_of
from uploads.core.errors import BackendUnavailable
from uploads.models import ApiToken, Quota, Scope
from uploads.web import account

pytestmark = pytest.mark.usefixtures("aws")

PAGE, NEW = "/account/", "/account/tokens/"
SECRET = re.compile(r"filehub_[\w-]{43}")


def text_of(response: Any) -> str:
    """The response as text, with spaces for the narrow ones in sizes."""
    return str(response.content.decode().replace("\xa0", " "))


def create(client: Client, **fields: Any) -> Any:
    return client.post(NEW, {"name": "", "scopes": ["upload", "read"], **fields})


def revoke(client: Client, pk: object) -> Any:
    return client.post(f"{NEW}{pk}/revoke/")


@pytest.mark.parametrize("path", [PAGE, NEW, f"{NEW}1/revoke/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_strangers_are_sent_to_the_sign_in_page(path: str, method: str, alice: User) -> None:
    api_tokens.create(alice)
    response = getattr(Client(headers={"Accept": "text/html"}), method)(path)
    assert response["Location"] == f"/accounts/login/?next={path}"
    assert ApiToken.objects.count() == 1


def test_an_api_token_opens_no_page(alice: User) -> None:
    """Otherwise a leaked token could create others."""
    secret = api_tokens.create(alice)
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    assert client.get(PAGE).status_code == 302
    assert create(client).status_code == 302
    assert ApiToken.objects.count() == 1


def test_a_new_token_works_and_is_shown_once(alice: User) -> None:
    client = signed_in(alice)
    response = create(client, name="backup", scopes=["read"], expires_on="2999-12-31")
    page = response.content.decode()
    (secret,) = SECRET.findall(page)
    assert "no-store" in response["Cache-Control"]
    assert "backup" in page
    assert "2999-12-31" in page
    token = api_tokens.find(secret)
    assert token is not None
    assert (token.user, token.name) == (alice, "backup")
    assert (token.scope_list, token.expires_on) == ([Scope.READ], date(2999, 12, 31))
    listed = client.get(PAGE).content.decode()
    assert "backup" in listed
    assert secret not in listed
    assert secret not in str([session.get_decoded() for session in Session.objects.all()])


def test_a_reload_of_the_address_of_the_form_leads_to_the_page(alice: User) -> None:
    assert signed_in(alice).get(NEW)["Location"] == PAGE


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"scopes": []}, "Choose at least one."),
        ({"scopes": ["write"]}, "write is not one of the available choices"),
        ({"expires_on": "2020-01-01"}, "This date is in the past."),
        ({"expires_on": "soon"}, "Enter a valid date."),
        ({"name": "a\nb"}, "must not contain control characters"),
        ({"name": "x" * 101}, "at most 100 characters"),
    ],
)
def test_a_mistake_is_explained_beside_its_field_and_nothing_is_lost(
    alice: User, fields: dict[str, Any], sentence: str
) -> None:
    response = create(signed_in(alice), **{"name": "my backup", "expires_on": "", **fields})
    page = response.content.decode()
    assert response.status_code == 200
    assert sentence in page
    assert 'role="alert"' in page
    assert "<title>Error: " in page
    if "name" not in fields:
        assert 'value="my backup"' in page
    assert not ApiToken.objects.exists()


def test_a_token_of_another_user_is_indistinguishable_from_none(alice: User, bob: User) -> None:
    bobs = api_tokens.issue(bob)
    client = signed_in(alice)
    answers = set()
    for pk in (bobs.id, 999_999, 10**30):
        for method in (client.get, client.post):
            response = method(f"{NEW}{pk}/revoke/")
            answers.add((response.status_code, body_of(response)))
    assert {status for status, _page in answers} == {404}
    assert len(answers) == 1
    assert ApiToken.objects.filter(pk=bobs.id).exists()
    assert f"/{bobs.id}/revoke" not in client.get(PAGE).content.decode()


def test_a_token_is_revoked_after_confirmation(alice: User) -> None:
    client = signed_in(alice)
    issued = api_tokens.issue(alice, name="old")
    question = client.get(f"{NEW}{issued.id}/revoke/").content.decode()
    assert "Revoke this token?" in question
    assert "old" in question
    assert ApiToken.objects.exists()
    response = revoke(client, issued.id)
    assert response["Location"] == f"{PAGE}#tokens"
    assert api_tokens.find(issued.secret) is None
    assert "The token was revoked." in client.get(PAGE).content.decode()
    assert revoke(client, issued.id).status_code == 404


@pytest.mark.parametrize("path", [NEW, f"{NEW}1/revoke/", "/account/theme/"])
def test_changes_need_the_csrf_token(alice: User, path: str) -> None:
    api_tokens.create(alice)
    response = signed_in(alice, checks_csrf=True).post(path, {"scopes": ["read"], "theme": "dark"})
    assert response.status_code == 403
    assert ApiToken.objects.count() == 1
    assert not response.cookies.get("filehub_theme")


def test_hostile_names_are_shown_as_text(alice: User) -> None:
    ApiToken.objects.create(
        user=alice, digest="d", name="<script>alert(1)</script>\u202e", scopes=""
    )
    client = signed_in(alice)
    pk = ApiToken.objects.get().pk
    for path in (PAGE, f"{NEW}{pk}/revoke/"):
        page = client.get(path).content.decode()
        assert "&lt;script&gt;alert(1)&lt;/script&gt;\N{REPLACEMENT CHARACTER}" in page, path
        assert "<script>alert" not in page, path


def test_the_list_says_what_a_token_may_do_and_whether_it_has_expired(alice: User) -> None:
    api_tokens.issue(alice, name="full", expires_on=datetime.now(UTC).date())
    page = signed_in(alice).get(PAGE).content.decode()
    assert "upload and organize files, list and download files, delete files" in page
    assert "token-expired" not in page
    ApiToken.objects.update(expires_on=date(2020, 1, 1), scopes="later")
    page = signed_in(alice).get(PAGE).content.decode()
    assert "token-expired" in page
    assert "2020-01-01" in page
    assert "none" in page


@pytest.mark.parametrize(
    ("limit", "text", "percent", "is_full"),
    [
        (None, "300 bytes in 2 files", None, False),
        (1_000, "300 bytes of 1 kB used", 30, False),
        (301, "300 bytes of 301 bytes used", 99, False),
        (300, "300 bytes of 300 bytes used", 100, True),
        (100, "300 bytes of 100 bytes used", 100, True),
        (0, "300 bytes of 0 bytes used", 100, True),
    ],
)
def test_the_page_shows_how_much_is_used(
    alice: User, limit: int | None, text: str, percent: int | None, is_full: bool
) -> None:
    for name in ("a", "b"):
        store(owner_of(alice), name, b"x" * 150)
    if limit is not None:
        Quota.objects.create(user=alice, limit=limit)
    page = text_of(signed_in(alice).get(PAGE))
    assert text in page
    assert ("<progress" in page) == (percent is not None)
    if percent is not None:
        assert f'max="100" value="{percent}"' in page
    assert ("Your storage is full." in page) == is_full


def test_an_outage_of_the_table_hides_only_the_figures(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_owner: str) -> None:
        raise BackendUnavailable

    monkeypatch.setattr(account.usage, "of_owner", fail)
    response = signed_in(alice).get(PAGE)
    assert response.status_code == 200
    assert "Storage usage is not available" in response.content.decode()


def test_a_user_without_a_password_is_not_asked_to_change_it(alice: User) -> None:
    assert "/accounts/password/" in signed_in(alice).get(PAGE).content.decode()
    alice.set_unusable_password()
    alice.save()
    assert "/accounts/password/" not in signed_in(alice).get(PAGE).content.decode()


def test_the_language_applies_at_once(alice: User) -> None:
    client = signed_in(alice)
    response = client.post("/i18n/setlang/", {"language": "de", "next": PAGE}, follow=True)
    assert response.redirect_chain == [(PAGE, 302)]
    assert '<html lang="de"' in response.content.decode()


# Theme

LIGHT_ONLY, DARK_ONLY, BOTH = "light", "dark", "light dark"
PAGES = [PAGE, "/", "/accounts/login/", "/accounts/password/", "/admin/", "/api/docs", "/no/such"]


def scheme(page: str) -> str:
    """The colour schemes of a page, which its style sheets have to match."""
    (content,) = re.findall(r'<meta name="color-scheme" content="([\w ]+)">', page)
    dark = re.findall(r'<link rel="stylesheet" href="[^"]*css/dark[^"]*"( media=[^>]+)?>', page)
    expected = {LIGHT_ONLY: [], DARK_ONLY: [""], BOTH: [' media="(prefers-color-scheme: dark)"']}
    assert dark == expected[content]
    return str(content)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_rendered_in_the_chosen_theme(root: User, path: str) -> None:
    client = signed_in(root)
    assert scheme(client.get(path).content.decode()) == BOTH
    for theme, expected in (("dark", DARK_ONLY), ("light", LIGHT_ONLY), ("system", BOTH)):
        response = client.post("/account/theme/", {"theme": theme, "next": PAGE})
        assert response["Location"] == PAGE
        assert scheme(client.get(path).content.decode()) == expected, theme


@pytest.mark.parametrize("cookie", ["", "x", "DARK", "dark; x", '"><script>', "system", "é"])
def test_a_strange_cookie_means_the_theme_of_the_system(alice: User, cookie: str) -> None:
    client = signed_in(alice)
    client.cookies["filehub_theme"] = cookie
    assert scheme(client.get(PAGE).content.decode()) == BOTH


@pytest.mark.parametrize("theme", ["", "x", "Dark"])
def test_an_unknown_theme_is_not_kept(alice: User, theme: str) -> None:
    response = signed_in(alice).post("/account/theme/", {"theme": theme, "next": PAGE})
    assert response.status_code == 302
    assert not response.cookies


def test_the_cookie_of_the_theme_is_for_this_site_only(alice: User, settings: Settings) -> None:
    settings.LANGUAGE_COOKIE_SECURE = True
    response = signed_in(alice).post("/account/theme/", {"theme": "dark"})
    cookie = response.cookies["filehub_theme"]
    assert cookie["httponly"]
    assert cookie["secure"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] >= 30 * 24 * 3600


# The menu


def test_the_header_links_to_the_account_page_and_staff_to_the_admin(
    alice: User, root: User
) -> None:
    for user, is_staff in ((alice, False), (root, True)):
        page = signed_in(user).get("/").content.decode()
        menu = page[page.index("data-menu") : page.index("</details>")]
        assert 'href="/account/"' in menu
        assert ('href="/admin/"' in menu) == is_staff
        assert 'action="/accounts/logout/"' in menu
