"""The page of one file: its details, timeline, downloads and preview."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from tests.admin.files.helpers import LIST, act, event, ids_on, text_of
from tests.support.files import removal, store, upload
from tests.support.http import send
from tests.support.records import erase
from tests.support.users import PASSWORD, signed_in
from uploads.accounts import api_tokens
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.files import actions, queries
from uploads.files import store as records
from uploads.files.timeline import timeline
from uploads.ingest import confirm

pytestmark = pytest.mark.usefixtures("aws")


def test_a_file_shows_everything_about_it(admin: Client, alice: User) -> None:
    upload_id = store(str(alice.pk), "a.txt", b"x" * 5000)
    text = text_of(admin.get(f"{LIST}{upload_id}/change/"))
    info = queries.any_stored_file(upload_id)
    for word in ("a.txt", "alice", "5,000 bytes", "text/plain", upload_id, info.key, info.etag):
        assert word in text


def test_the_timeline_of_a_file_is_in_order(admin: Client, alice: User, bob: User) -> None:
    upload_id = upload(str(alice.pk))
    confirm.apply_event(event("created", upload_id, 1))
    actions.sign_download(queries.any_stored_file(upload_id), str(bob.pk))
    act(admin, "change_owner", upload_id, confirmed="yes", answer="bob")
    act(admin, "delete_files", upload_id, confirmed="yes")
    removal(upload_id, 9)
    info = queries.any_file(upload_id)
    assert info is not None
    assert [entry.what for entry in timeline(info)] == [
        "signed", "notified", "confirmed", "download", "owner_changed", "deletion_requested",
        "removed",
    ]  # fmt: skip
    page = admin.get(f"{LIST}{upload_id}/change/").content.decode()
    entries = [unescape(t) for t in re.findall(r"</time> <span>(.*?)</span>", page)]
    assert entries == [
        "Upload signed for alice",
        "S3 reported the object",
        "Confirmed and stored",
        "Download signed for bob",
        "Owner changed to bob by root",
        "Deletion requested by root",
        "Deleted",
    ]


def test_a_rejection_shows_its_reason(admin: Client, settings: Settings) -> None:
    upload_id = upload("7")
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("image/*",)}
    confirm.apply_event(event("created", upload_id, 1))
    assert "Rejected: Files of type text/plain" in text_of(admin.get(f"{LIST}{upload_id}/change/"))


def test_the_timeline_stays_short_after_many_downloads(alice: User) -> None:
    upload_id = store(str(alice.pk))
    for _ in range(actions.DOWNLOADS_KEPT + 3):
        actions.sign_download(queries.any_stored_file(upload_id), str(alice.pk))
    info = queries.any_stored_file(upload_id)
    assert info.downloads == actions.DOWNLOADS_KEPT + 3
    assert len(info.last_downloads) == actions.DOWNLOADS_KEPT
    assert [entry.detail for entry in timeline(info) if entry.what == "downloads"] == ["3"]


def test_a_download_works_even_if_it_cannot_be_recorded(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = store("7", body=b"bytes")

    def refuse(*args: object) -> None:
        raise BackendUnavailable

    monkeypatch.setattr(records, "annotate", refuse)
    page = admin.get(f"{LIST}{upload_id}/download/")
    assert page.status_code == 302
    assert send("GET", page["Location"]).body == b"bytes"


def test_a_download_in_the_admin_is_recorded_with_its_user(admin: Client, root: User) -> None:
    upload_id = store("7", "ü.txt", b"bytes")
    response = send("GET", admin.get(f"{LIST}{upload_id}/download/")["Location"])
    assert response.body == b"bytes"
    assert "attachment" in response.headers["Content-Disposition"]
    (download,) = queries.any_stored_file(upload_id).last_downloads
    assert download.by == str(root.pk)


def test_recording_a_download_does_not_create_a_record(alice: User) -> None:
    upload_id = store(str(alice.pk))
    info = queries.any_stored_file(upload_id)
    erase(upload_id)
    actions.sign_download(info, "1")
    actions.remove(upload_id, "1")
    assert queries.any_file(upload_id) is None


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("image/png", "image"),
        ("application/pdf", "pdf"),
        ("text/html", "text"),
        ("image/svg+xml", None),
        ("application/zip", None),
    ],
)
def test_a_preview_comes_from_s3_and_runs_no_script(
    admin: Client, type_: str, kind: str | None
) -> None:
    """tests/core/test_previews.py has all types; tests/browser/test_preview.py how they look."""
    # As an image it would be rejected.
    body = b"<script>" if type_.startswith("text/") else b"hello"
    upload_id = upload("7", "a</script>", body, type_)
    assert confirm.confirm(upload_id) == "stored"
    response = admin.get(f"{LIST}{upload_id}/change/")
    page = response.content.decode()
    if kind is None:
        assert "file-preview" not in page
        return
    embedded = re.search(r'<script id="file-preview"[^>]*>(.*?)</script>', page)
    assert embedded
    shown = json.loads(embedded[1])
    assert (shown["name"], shown["size"]) == ("a</script>", len(body))
    assert (shown["source"]["kind"], shown["source"]["reason"]) == (kind, None)
    assert shown["source"]["url"].startswith(conf().s3_bucket_url)
    headers = send("GET", shown["source"]["url"]).headers
    assert "inline" in headers["Content-Disposition"]
    assert headers["Content-Type"] == ("text/plain; charset=utf-8" if kind == "text" else type_)
    assert_may_load_from_s3(response)
    assert "frame-src" not in admin.get(LIST)["Content-Security-Policy"]


def test_the_page_of_the_files_may_load_previews_from_s3_alone(admin: Client) -> None:
    assert_may_load_from_s3(admin.get("/"))


def assert_may_load_from_s3(response: Any) -> None:
    """Check that previews may come from the bucket's origin, and from nowhere else."""
    policy = dict(
        part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";")
    )
    origin = conf().s3_origin
    assert policy["frame-src"] == policy["media-src"] == origin
    assert policy["img-src"] == f"'self' data: blob: {origin}"
    assert policy["script-src"] == "'self'"
    assert policy["default-src"] == "'none'"


@pytest.mark.parametrize(
    ("type_", "shown_as"),
    [
        ("text/plain", "text/plain; charset=utf-8"),
        ("text/plain; charset=iso-8859-1", "text/plain; charset=iso-8859-1"),
        ("application/pdf;version=1.4", "application/pdf;version=1.4"),
    ],
)
def test_an_inline_download_keeps_its_type_and_encoding(type_: str, shown_as: str) -> None:
    upload_id = upload("7", "a", "naïve".encode("latin-1"), type_)
    assert confirm.confirm(upload_id) == "stored"
    url, _ = actions.sign_download(queries.any_stored_file(upload_id), "7", inline=True)
    assert send("GET", url).headers["Content-Type"] == shown_as


@pytest.mark.parametrize(
    "page", ["{list}", "{list}{id}/change/", "{list}{id}/history/", "/admin/uploads/apitoken/"]
)
@pytest.mark.parametrize("language", ["en", "de"])
def test_every_time_says_its_zone(root: User, page: str, language: str) -> None:
    upload_id = upload(str(root.pk))
    confirm.apply_event(event("created", upload_id, 1))
    api_tokens.create(root)
    client = signed_in(root)
    act(client, "delete_files", upload_id, confirmed="yes")
    address = page.format(list=LIST, id=upload_id)
    text = text_of(client.get(address, headers={"Accept-Language": language}))
    times = re.findall(r"\b\d\d?:\d\d(?::\d\d)?\b(?: (?:UTC|Uhr|[ap]\.m\.))?", text)
    assert times
    assert [time for time in times if not time.endswith(" UTC")] == []


@pytest.mark.parametrize("path", ["change/", "delete/", "download/", "history/"])
@pytest.mark.parametrize("id_", ["zz", "01900000-0000-7000-8000-000000000000"])
def test_an_unknown_file_is_not_found(admin: Client, id_: str, path: str) -> None:
    assert admin.get(f"{LIST}{id_}/{path}").status_code in {302, 404}


def test_the_owner_links_to_the_user_and_their_files(admin: Client) -> None:
    user = User.objects.create_user("a&b=c", password=PASSWORD)
    page = admin.get(f"{LIST}{store(str(user.pk))}/change/").content.decode()
    assert reverse("admin:auth_user_change", args=[user.pk]) in page
    (listed,) = re.findall(rf'href="({LIST}\?owner_id=[^"]+)"', page)
    assert len(ids_on(admin.get(unescape(listed)))) == 1
