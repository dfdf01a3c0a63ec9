"""Why a file was rejected, in the language of the reader."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from tests.admin.files.helpers import LIST, text_of
from tests.support.files import upload
from tests.support.records import tamper
from tests.support.sample_files import HTML
from tests.support.users import Api, script_of, signed_in
from uploads.files.record import StoredFile
from uploads.ingest import confirm

ENGLISH = "It was uploaded as image/png, but its content is a web page."
GERMAN = "Die Datei wurde als image/png hochgeladen, ihr Inhalt ist aber eine Webseite."


def rejected(owner: str) -> str:
    upload_id = upload(owner, "a.png", HTML, "image/png")
    assert confirm.confirm(upload_id) == "rejected"
    return upload_id


def in_both_languages(client: Client, path: str) -> list[Any]:
    return [client.get(path, headers={"Accept-Language": language}) for language in ("en", "de")]


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("path", ["/uploads/{}", "/uploads?ids={}"])
def test_the_api_gives_the_reason_in_the_language_of_the_request(alice: User, path: str) -> None:
    upload_id = rejected(str(alice.pk))
    bodies = [page.json() for page in in_both_languages(script_of(alice), path.format(upload_id))]
    statuses = [body[0] if isinstance(body, list) else body for body in bodies]
    assert [status["reason"] for status in statuses] == [ENGLISH, GERMAN]
    assert [status["reason_code"] for status in statuses] == ["content_mismatch"] * 2


@pytest.mark.usefixtures("aws")
def test_the_admin_shows_the_reason_in_the_language_of_the_operator(root: User) -> None:
    upload_id = rejected("7")
    english, german = map(text_of, in_both_languages(signed_in(root), f"{LIST}{upload_id}/change/"))
    # In the description and in the timeline.
    assert (english.count(ENGLISH), german.count(GERMAN)) == (2, 2)
    assert (english.count(GERMAN), german.count(ENGLISH)) == (0, 0)


@pytest.mark.usefixtures("aws")
def test_a_sentence_of_an_earlier_version_is_shown_as_it_is(alice: User, root: User) -> None:
    upload_id = rejected(str(alice.pk))
    tamper(upload_id, StoredFile.reason.set("It was rejected in 2025."))
    for page in in_both_languages(script_of(alice), f"/uploads/{upload_id}"):
        assert page.json()["reason"] == "It was rejected in 2025."
        assert page.json()["reason_code"] is None
    for page in in_both_languages(signed_in(root), f"{LIST}{upload_id}/change/"):
        assert text_of(page).count("It was rejected in 2025.") == 2


def test_an_upload_without_a_reason_has_none(api: Api) -> None:
    status = api.get(f"/uploads/{upload(api.owner)}").json()
    assert (status["reason"], status["reason_code"]) == (None, None)


@pytest.mark.usefixtures("aws")
def test_a_reason_has_the_same_units_as_the_quota(alice: User, settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"USER_QUOTA": 2_000_000}
    upload_id = upload(str(alice.pk), body=b"x" * 2_100_000)
    assert confirm.confirm(upload_id) == "rejected"
    english, german = (
        page.json()["reason"].replace("\xa0", " ")
        for page in in_both_languages(script_of(alice), f"/uploads/{upload_id}")
    )
    assert english == "The file is 2.1 MB, but 0 bytes of the quota of 2 MB are already used."
    assert german == (
        "Die Datei hat 2,1 MB, aber vom Kontingent von 2 MB sind schon 0 Bytes belegt."
    )
