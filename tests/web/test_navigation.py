"""People get pages on every address, and programs get JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from pytest_django import Settings

from local.aws import LocalAws
from tests.support.files import store
from tests.support.users import Api, signed_in
from tests.web.security.routes import PAGES, UNKNOWN, check_json, fill, operations
from uploads.aws import s3
from uploads.files import queries
from uploads.files.record import StoredFile
from uploads.ingest import confirm
from uploads.web.navigation import is_navigation, prefers_json

pytestmark = pytest.mark.usefixtures("_static_files")

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
#: A browser that opens an address: today's, and an older one or one on plain HTTP.
BROWSERS = {
    "with fetch metadata": {
        "Accept": CHROMIUM,
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    },
    "without": {"Accept": CHROMIUM},
}
PERSON = BROWSERS["with fetch metadata"]
#: Programs, and scripts of a page.
PROGRAMS = {
    "curl": {"Accept": "*/*"},
    "axios": {"Accept": "application/json, text/plain, */*"},
    "nothing": {},
    "fetch": {"Accept": "*/*", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
    "fetch that accepts HTML": {"Accept": "text/html", "Sec-Fetch-Mode": "same-origin"},
}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        *((headers, True) for headers in BROWSERS.values()),
        *((headers, False) for headers in PROGRAMS.values()),
        ({"Accept": "TEXT/HTML"}, True),
        ({"Accept": "*/*;q=0.5, text/html"}, True),
        ({"Accept": "application/json;q=0.1, text/html;q=0.9"}, True),
        ({"Accept": "application/json, text/html;q=0.5"}, False),
        ({"Accept": "text/html;q=0"}, False),
        ({"Accept": "text/*"}, False),
        ({"Accept": "garbage, ;q=,,"}, False),
        ({"Accept": CHROMIUM, "X-Requested-With": "XMLHttpRequest"}, False),
        ({"Accept": CHROMIUM, "Authorization": "Bearer x"}, False),
        ({**PERSON, "Authorization": "bearer x"}, False),
        # The password of a proxy.
        ({**PERSON, "Authorization": "Basic eDp5"}, True),
        ({"Accept": "*/*", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, True),
        ({"Accept": CHROMIUM, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, False),
    ],
)
def test_a_navigation_is_what_a_browser_will_show(
    headers: Mapping[str, str], expected: bool
) -> None:
    assert is_navigation(RequestFactory().get("/", headers=headers)) is expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/json", True),
        ("application/json, */*", True),
        ("text/html, application/json;q=0.9", False),
        ("*/*", False),
        ("", False),
        (CHROMIUM, False),
    ],
)
def test_a_script_must_ask_for_json(accept: str, expected: bool) -> None:
    assert prefers_json(RequestFactory().get("/", headers={"Accept": accept})) is expected


#: Addresses that are for programs alone, even if a person opens them, or download a file.
FOR_PROGRAMS = {
    "/admin/uploads/auditentry/export/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/openapi.json",
    "/api/v1/openapi.json",
    "/jsi18n/",
    "/admin/jsi18n/",
}
EVERYWHERE = sorted(
    {fill(path) for _, path in operations()}
    | {path for path, _ in PAGES}
    | {"/nowhere", "/files/", "/files/x/y", "/files/0/download", "/api/", "/s3/nothing"}
)


def check_page(response: Any) -> None:
    """The response is a page with a way on, or leads to one."""
    if response.status_code in {301, 302}:
        return
    text = response.content.decode()
    assert response["Content-Type"].startswith("text/html"), response["Content-Type"]
    assert "<h1" in text or "<title>" in text, text
    if response.status_code >= 400:
        assert re.search(r'<a [^>]*href="', text)
        assert 'class="error-detail">Error code: ' in text or 'id="linked-file"' in text


@pytest.mark.parametrize("browser", BROWSERS)
@pytest.mark.parametrize("who", ["anonymous", "alice", "root"])
def test_no_address_shows_json_to_a_person(
    aws: LocalAws, alice: User, root: User, who: str, browser: str
) -> None:
    client = Client(headers=BROWSERS[browser], raise_request_exception=False)
    if who != "anonymous":
        client.force_login({"alice": alice, "root": root}[who])
    for path in EVERYWHERE:
        if path in FOR_PROGRAMS:
            continue
        for method in ("get", "post"):
            response = getattr(client, method)(path)
            assert response.status_code != 500, (method, path)
            check_page(response)
            # Signing out is one of the addresses.
            if who != "anonymous":
                client.force_login({"alice": alice, "root": root}[who])


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_get_the_same_json_as_before(aws: LocalAws, alice: User, program: str) -> None:
    client = Client(headers=PROGRAMS[program], raise_request_exception=False)
    for method, path in operations():
        response = getattr(client, method)(fill(path))
        check_json(response, 401)
        assert response.json()["code"] == "not_authenticated"
    check_json(client.get("/nowhere"), 404)
    client.force_login(alice)
    for path in ("/files/0/download?redirect=1", f"/files/{UNKNOWN}", f"/uploads/{UNKNOWN}"):
        check_json(client.get(path), 404)
    check_json(client.put("/files"), 405)
    assert client.get("/files").json() == []


# Where people are led


def open_as(user: User | None, path: str) -> Any:
    client = Client(headers=PERSON)
    if user:
        client.force_login(user)
    return client.get(path)


@pytest.mark.parametrize(
    ("path", "then"),
    [
        ("/", "/"),
        ("/?q=a%26b", "/%3Fq%3Da%2526b"),
        (f"/files/{UNKNOWN}/download?redirect=1", f"/%3Ffile%3D{UNKNOWN}"),
        (f"/files/{UNKNOWN}", f"/%3Ffile%3D{UNKNOWN}"),
        ("/files/x/download?redirect=1", "/"),
        ("/files", "/"),
        ("/uploads?ids=1", "/"),
        ("/s3/params?filename=a", "/"),
        ("/metrics", "/metrics"),
        ("/accounts/password/", "/accounts/password/"),
        (f"/files/{UNKNOWN}/download?redirect=1&next=//evil.example", f"/%3Ffile%3D{UNKNOWN}"),
    ],
)
def test_after_an_expired_session_people_return_to_a_page(db: None, path: str, then: str) -> None:
    response = open_as(None, path)
    assert response.status_code == 302
    assert response["Location"] == f"/accounts/login/?next={then}"


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/files", "/"),
        ("/quota", "/"),
        ("/accounts/session", "/"),
        (f"/files/{UNKNOWN}/download?redirect=1", f"/?file={UNKNOWN}"),
        (f"/files/{UNKNOWN}/download", f"/?file={UNKNOWN}"),
        (f"/files/{UNKNOWN}", f"/?file={UNKNOWN}"),
    ],
)
def test_addresses_without_a_page_lead_to_the_list(
    aws: LocalAws, alice: User, path: str, page: str
) -> None:
    response = open_as(alice, path)
    assert (response.status_code, response["Location"]) == (302, page)
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/accounts/logout/", 405, "method_not_allowed"),
        ("/get-url", 405, "method_not_allowed"),
        ("/nowhere", 404, "not_found"),
        ("/files/x/download", 404, "file_not_found"),
        (f"/uploads/{UNKNOWN}", 404, "upload_not_found"),
        ("/files?limit=0", 400, "invalid_limit"),
        ("/metrics", 403, "forbidden"),
    ],
)
def test_an_error_page_has_the_status_and_the_code(
    aws: LocalAws, alice: User, path: str, status: int, code: str
) -> None:
    response = open_as(alice, path)
    assert response.status_code == status
    assert f"Error code: {code}" in response.content.decode()


def test_too_many_requests_are_a_page_that_does_not_mention_signing_in(
    db: None, settings: Settings
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"SIGN_RATE_ADDRESS": "1/h"}
    responses = [open_as(None, "/files") for _ in range(3)]
    assert [response.status_code for response in responses][1:] == [429, 429]
    assert "Too many requests came from your network." in responses[-1].content.decode()
    assert int(responses[-1]["Retry-After"]) > 0


def test_an_outage_of_aws_is_a_page_that_can_be_reloaded(
    aws: LocalAws, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = store(str(alice.pk))
    monkeypatch.setattr(StoredFile.Meta, "table_name", "no-such-table")
    monkeypatch.setattr(StoredFile, "_connection", None)
    response = open_as(alice, f"/files/{upload_id}/download?redirect=1")
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert '<a class="button button-primary" href="">Try again</a>' in response.content.decode()


def test_a_bug_is_a_page(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("only for the log")

    monkeypatch.setattr(queries, "stored_file", fail)
    response = open_as(alice, f"/files/{UNKNOWN}/download")
    assert response.status_code == 500
    assert "Error code: internal_error" in response.content.decode()


# A file that a link leads to


def stored(owner: str, name: str = "a & b.txt") -> str:
    upload_id = store(owner, name)
    assert s3.head(upload_id)
    return upload_id


def notice(user: User, upload_id: str) -> tuple[int, str]:
    response = open_as(user, f"/?file={upload_id}")
    text = response.content.decode()
    found = re.search(r'id="linked-file".*?<p>(.*?)</p>', text, re.DOTALL)
    return response.status_code, " ".join(re.sub(r"<[^>]+>", "", found[1] if found else "").split())


GONE = "This file does not exist. It may have been deleted."


def test_the_list_says_what_became_of_a_file(api: Api, alice: User, bob: User) -> None:
    mine = stored(api.owner)
    assert notice(alice, mine) == (200, "“a &amp; b.txt” is ready to download.")
    # Another user's file and an unknown id look the same.
    assert notice(bob, mine) == notice(bob, UNKNOWN) == (404, GONE)
    assert notice(alice, "<script>") == (404, GONE)
    s3.delete(mine)
    # The record does not know yet.
    assert notice(alice, mine) == (404, "“a &amp; b.txt” was deleted.")
    confirm.check(mine)
    assert queries.any_file(mine).state == "deleted"
    assert notice(alice, mine) == (404, "“a &amp; b.txt” was deleted.")
    assert notice(bob, mine) == (404, GONE)


def test_a_download_of_an_object_that_is_gone_does_not_lead_to_s3(api: Api, alice: User) -> None:
    upload_id = stored(api.owner)
    path = f"/files/{upload_id}/download?redirect=1"
    assert open_as(alice, path)["Location"].startswith("http://127.0.0.1:")
    assert open_as(alice, path.removesuffix("?redirect=1")).status_code == 302
    s3.delete(upload_id)
    assert open_as(alice, path)["Location"] == f"/?file={upload_id}"
    response = api.get(path)
    check_json(response, 404)
    assert response.json()["code"] == "file_not_found"


def test_the_admin_leads_to_a_page_from_a_download_that_is_impossible(
    aws: LocalAws, root: User
) -> None:
    upload_id = stored("7")
    path = f"/admin/uploads/file/{upload_id}/download/"
    page = f"/admin/uploads/file/{upload_id}/change/"
    assert open_as(None, path)["Location"] == f"/admin/login/?next={page}"
    s3.delete(upload_id)
    assert open_as(root, path)["Location"] == "/admin/"
    assert "doesn’t exist" in signed_in(root).get(path, follow=True).content.decode()
