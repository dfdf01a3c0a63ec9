"""The API over HTTP: responses, errors, and access to own files only."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from local.aws import LocalAws
from tests.support.files import store, upload
from tests.support.http import send, sha256
from tests.support.local_aws import drain
from tests.support.records import tamper
from tests.support.users import Api, error_of
from uploads.accounts import api_tokens
from uploads.aws import s3
from uploads.core.conf import conf
from uploads.files.listing import FileFilter, find
from uploads.files.record import StoredFile
from uploads.ingest import confirm
from uploads.models import ApiToken

#: Created with another secret. It never changes, because it is part of test ids.
UNKNOWN = "019c0000-0000-7000-8000-0123456789ab"


def check_error(response: Any, status: int, code: str | None = None) -> None:
    assert response.status_code == status, response.content
    body = response.json()
    # Uppy shows its users a `message`.
    is_uppys = response.wsgi_request.path.startswith("/s3/")
    assert set(body) == {"error", "code", "request_id"} | ({"message"} if is_uppys else set())
    assert body["error"].strip()
    assert body.get("message", body["error"]) == body["error"]
    if code:
        assert body["code"] == code


def test_get_url_returns_a_request_that_s3_accepts(api: Api) -> None:
    body = b"hello"
    response = api.post(
        "/get-url", {"file_name": "a.txt", "content_type": "text/plain", "size": 5,
                     "sha256": sha256(body)},
    ).json()  # fmt: skip
    assert set(response) == {"id", "method", "url", "headers", "expires_at"}
    assert send(response["method"], response["url"], body, response["headers"]).status == 200


def test_a_page_of_another_user_is_refused(aws: LocalAws, alice: User, bob: User) -> None:
    client = Client()
    client.force_login(bob)
    mine, foreign = ({"X-Filehub-User": str(user.pk)} for user in (bob, alice))
    assert client.get("/files").status_code == 200
    assert client.get("/files", headers=mine).status_code == 200
    check_error(client.get("/files", headers=foreign), 401, "not_authenticated")


def test_get_url_without_a_put_leaves_nothing(api: Api) -> None:
    upload_id = api.post("/get-url", {"file_name": "unsent.txt"}).json()["id"]
    assert list(StoredFile.scan()) == []
    assert api.get("/files").json() == []
    assert find(FileFilter(), limit=10).files == []
    assert api.get(f"/uploads/{upload_id}").json()["state"] == "pending"


def test_post_uploads_returns_201(api: Api) -> None:
    response = api.post("/uploads", {"file_name": "a.txt", "size": 5})
    assert response.status_code == 201
    assert response.json()["headers"]["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 400, "missing_body"),
        ("not json", 400, "invalid_json"),
        ("[1]", 400, "invalid_json"),
        ('"text"', 400, "invalid_json"),
        ("[" * 100_000, 400, "invalid_json"),
        ('{"file_name": NaN}', 400, "invalid_json"),
        (b"\xff\xfe\x00", 400, "invalid_json"),
        ({}, 400, "missing_file_name"),
        ({"file_name": ""}, 400, "missing_file_name"),
        ({"file_name": None}, 400, "missing_file_name"),
        ({"file_name": "   "}, 400, "missing_file_name"),
        ({"file_name": 5}, 400, "invalid_file_name"),
        ({"file_name": ["a"]}, 400, "invalid_file_name"),
        ({"file_name": "x" * 300}, 400, "name_too_long"),
        ({"file_name": "a\nb"}, 400, "invalid_name"),
        ('{"file_name": "a\\ud83d.txt"}', 400, "invalid_name"),
        ('{"file_name": "\\uDC00"}', 400, "invalid_name"),
        ('{"file_name": "\\udc00\\ud83d", "size": 1}', 400, "invalid_name"),
        ('{"file_name": "\\ud83d\\ude00\\ud83d"}', 400, "invalid_name"),
        ('{"file_name": "\\ud83d\\u0041"}', 400, "invalid_name"),
        ('{"file_name": "\\\\\\ud83d"}', 400, "invalid_name"),
        ('{"file_name": "\\ud83d", "file_name": "a"}', 400, "invalid_json"),
        ('{"file_name": "\\ud83d"', 400, "invalid_json"),
        ('{"file_name": "a", "content_type": "\\ud83d"}', 400, "invalid_json"),
        ('["\\ud83d"]', 400, "invalid_json"),
        (b'{"file_name": "\xed\xa0\xbd"}', 400, "invalid_json"),
        ({"file_name": "a", "size": -1}, 400, "invalid_size"),
        ({"file_name": "a", "size": "5"}, 400, "invalid_size"),
        ({"file_name": "a", "size": 5.5}, 400, "invalid_size"),
        ({"file_name": "a", "size": True}, 400, "invalid_size"),
        ({"file_name": "a", "size": 10**30}, 400, "invalid_size"),
        ('{"file_name": "a", "size": ' + "9" * 5000 + "}", 400, None),
        ({"file_name": "a", "size": 6 * 1024**4}, 413, "file_too_large"),
        ({"file_name": "a", "sha256": "abc"}, 400, "invalid_sha256"),
        ({"file_name": "a", "content_type": "no type"}, 400, "invalid_content_type"),
        ({"file_name": "a", "content_type": "text/plain\r\nX-Y: z"}, 400, "invalid_content_type"),
        ({"file_name": "a", "content_type": 7}, 400, "invalid_content_type"),
    ],
    ids=lambda value: str(value)[:40] if not isinstance(value, int) else "",
)
@pytest.mark.parametrize("path", ["/get-url", "/uploads"])
def test_bad_input_is_a_4xx_with_a_sentence(
    api: Api, path: str, body: Any, status: int, code: str | None
) -> None:
    if path == "/uploads" and isinstance(body, dict):
        body = {"size": 1, **body}
    check_error(api.post(path, body), status, code)


def test_an_oversized_body_is_a_413(api: Api) -> None:
    check_error(api.post("/get-url", {"file_name": "a" * 2_000_000}), 413, "body_too_large")


def test_uploads_needs_a_size(api: Api) -> None:
    check_error(api.post("/uploads", {"file_name": "a"}), 400, "missing_size")


def test_the_documented_error_messages_are_kept(api: Api) -> None:
    assert api.post("/get-url", {}).json()["error"] == "Missing file_name"
    assert api.get(f"/files/{UNKNOWN}").json()["error"] == "File not found"
    assert api.get("/nothing/here").json()["error"] == "Not Found"


def test_a_type_that_is_not_allowed_is_a_415(api: Api, settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("image/*",)}
    response = api.post("/get-url", {"file_name": "a", "content_type": "text/plain"})
    check_error(response, 415, "type_not_allowed")


def test_files_are_found_by_their_exact_name(api: Api, other_api: Api) -> None:
    mine = [store(api.owner, "a & b.txt") for _ in range(2)]
    store(api.owner, "A & b.txt")
    store(other_api.owner, "a & b.txt")
    first = api.get("/files?limit=1&name=a%20%26%20b.txt")
    assert [file["id"] for file in first.json()] == [mine[1]]
    following = api.get(first["Link"].split(">")[0].removeprefix("<http://testserver"))
    assert [file["id"] for file in following.json()] == [mine[0]]
    assert "Link" not in following


def test_the_wrong_method_is_a_405(api: Api) -> None:
    response = api.get("/get-url")
    check_error(response, 405, "method_not_allowed")
    assert "POST" in response["Allow"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "/get-url"),
        ("post", "/uploads"),
        ("get", f"/uploads/{UNKNOWN}"),
        ("get", f"/uploads?ids={UNKNOWN}"),
        ("post", f"/uploads/{UNKNOWN}/complete"),
        ("get", "/files"),
        ("get", f"/files/{UNKNOWN}"),
        ("get", f"/files/{UNKNOWN}/download"),
        ("delete", f"/files/{UNKNOWN}"),
    ],
)
@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer ", "Basic YTpi", "Bearer \udcff"])
@pytest.mark.django_db
def test_every_route_needs_credentials(method: str, path: str, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    response = getattr(Client(), method)(path, headers=headers)
    check_error(response, 401, "not_authenticated")


def test_a_token_of_an_inactive_user_is_refused(api: Api, alice: User) -> None:
    User.objects.update(is_active=False)
    check_error(api.get("/files"), 401)


def test_tokens_are_stored_hashed(alice: User) -> None:
    secret = api_tokens.create(alice)
    assert not ApiToken.objects.filter(digest__contains=secret[8:20]).exists()
    assert len(ApiToken.objects.get().digest) == 64


def test_a_session_needs_a_csrf_token_to_write(aws: LocalAws, alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.get("/files").status_code == 200
    response = client.post("/get-url", {"file_name": "a"}, content_type="application/json")
    check_error(response, 403, "csrf_failed")


def test_a_session_with_a_csrf_token_may_write(aws: LocalAws, alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    client.get("/")
    token = client.cookies["csrftoken"].value
    response = client.post(
        "/get-url",
        {"file_name": "a"},
        content_type="application/json",
        headers={"X-CSRFToken": token},
    )
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/uploads/{}"),
        ("post", "/uploads/{}/complete"),
        ("get", "/files/{}"),
        ("get", "/files/{}/download"),
        ("get", "/files/{}/download?redirect=1"),
        ("delete", "/files/{}"),
    ],
)
def test_another_users_id_is_treated_exactly_like_an_unknown_one(
    api: Api, other_api: Api, method: str, path: str
) -> None:
    mine = store(api.owner)
    pending = upload(api.owner)

    def respond(upload_id: str) -> tuple[int, dict[str, Any]]:
        arguments = ({},) if method == "post" else ()
        response = getattr(other_api, method)(path.format(upload_id), *arguments)
        return response.status_code, error_of(response)

    unknown = respond(UNKNOWN)
    assert unknown[0] == 404
    assert respond(mine) == respond(pending) == respond("not-an-id") == unknown
    assert s3.head(mine) is not None


def test_lists_and_polls_omit_files_of_other_users(api: Api, other_api: Api) -> None:
    mine = store(api.owner)
    assert other_api.get("/files").json() == []
    assert other_api.get("/files?q=a").json() == []
    assert other_api.get(f"/uploads?ids={mine},{UNKNOWN},x").json() == []
    assert [u["state"] for u in api.get(f"/uploads?ids={mine}").json()] == ["stored"]


def test_a_poll_returns_the_uploads_in_the_requested_order(api: Api) -> None:
    first, second = store(api.owner), upload(api.owner)
    response = api.get(f"/uploads?ids={second},{first}").json()
    assert [(u["id"], u["state"]) for u in response] == [(second, "pending"), (first, "stored")]


def test_a_poll_for_too_many_ids_is_refused(api: Api) -> None:
    check_error(api.get("/uploads?ids=" + ",".join(["x"] * 101)), 400, "too_many_ids")
    check_error(api.get("/uploads"), 400, "missing_ids")


def test_a_file_has_the_contracts_fields(api: Api) -> None:
    file = api.get(f"/files/{store(api.owner, 'b.txt')}").json()
    assert set(file) == {
        "id", "file_name", "folder", "content_type", "kind", "type_name", "size", "checksum",
        "created_at", "confirmed_at", "owner", "state", "thumbnail_url", "tags",
        "context", "destination", "kept_until",
    }  # fmt: skip
    assert (file["file_name"], file["size"], file["owner"]) == ("b.txt", 5, "alice")
    assert file["created_at"].endswith("Z")


def test_lists_have_what_the_schema_requires(api: Api) -> None:
    schema = api.get("/api/openapi.json").json()["components"]["schemas"]["ListedFileOut"]
    store(api.owner, "new.txt")
    tamper(store(api.owner, "old.txt"), StoredFile.confirmed_at.remove())
    files = api.get("/files").json()
    assert len(files) == 2
    for file in files:
        assert set(schema["required"]) <= set(file) <= set(schema["properties"])


def test_the_link_header_leads_through_all_pages(api: Api) -> None:
    ids = [store(api.owner, f"n{n}.txt") for n in range(5)]
    listed, path = [], "/files?limit=2"
    while path:
        response = api.get(path)
        listed += [file["id"] for file in response.json()]
        link = response.headers.get("Link")
        path = link[1 : link.index(">")].removeprefix("http://testserver") if link else ""
    assert listed == ids[::-1]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=x"])
def test_bad_paging_is_a_400(api: Api, query: str) -> None:
    check_error(api.get(f"/files?{query}"), 400)


def test_a_download_redirects_to_s3(api: Api) -> None:
    response = api.get(f"/files/{store(api.owner, body=b'12345')}/download?redirect=1")
    assert response.status_code == 302
    assert send("GET", response["Location"]).body == b"12345"


def test_only_safe_types_are_shown_inline(api: Api) -> None:
    text = store(api.owner)
    html = upload(api.owner, "a.html", type_="text/html")
    confirm.confirm(html)
    for upload_id, disposition in ((text, "inline"), (html, "attachment")):
        url = api.get(f"/files/{upload_id}/download?inline=1").json()["url"]
        assert send("GET", url).headers["Content-Disposition"].startswith(disposition)


def test_deleting_removes_the_object_first(api: Api) -> None:
    upload_id = store(api.owner)
    assert api.delete(f"/files/{upload_id}").json() == {"id": upload_id, "state": "deleting"}
    assert s3.head(upload_id) is None


def test_a_hint_is_queued_and_never_trusted(api: Api) -> None:
    upload_id = api.post("/get-url", {"file_name": "a"}).json()["id"]
    assert api.post(f"/uploads/{upload_id}/complete", {}).status_code == 202
    assert len(drain(conf().tasks_queue)) == 1
    assert list(StoredFile.scan()) == []


def test_an_unavailable_backend_is_a_503(
    api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StoredFile.Meta, "table_name", "no-such-table")
    monkeypatch.setattr(StoredFile, "_connection", None)
    response = api.get("/files")
    check_error(response, 503, "unavailable")
    assert response["Retry-After"]


def test_openapi_is_3_1_and_its_page_loads_nothing_external(api: Api) -> None:
    assert api.get("/api/openapi.json").json()["openapi"].startswith("3.1")
    page = api.get("/api/docs").content.decode()
    assert (
        "//"
        not in page.replace("http://www.w3.org", "").partition("<body")[2].partition("settings")[0]
    )
    assert "cdn" not in page


def test_operation_ids_for_generated_clients_are_stable(api: Api) -> None:
    """By default django-ninja derives them from module paths, which may change."""
    paths = api.get("/api/openapi.json").json()["paths"]
    names = {operation["operationId"] for path in paths.values() for operation in path.values()}
    assert {
        "uploads_api_routes_get_url", "uploads_api_routes_begin_upload",
        "uploads_api_companion_begin",
    } <= names  # fmt: skip
    assert {name.rpartition("uploads_api_")[1] for name in names} == {"uploads_api_"}


@pytest.mark.django_db
def test_health_works_without_credentials(aws: LocalAws) -> None:
    assert Client().get("/healthz").status_code == 200
    response = Client().get("/readyz")
    assert response.status_code == 200
    assert set(response.json()["checks"].values()) == {"ok"}


def test_file_names_are_stored_and_returned_unchanged(api: Api) -> None:
    names = [
        "naïve file+v2 100%.txt", "日本語.pdf", 'a"b;c.txt', "é" * 127 + "x", "../../etc/passwd",
        "<script>alert(1)</script>.html", "a\\b", "%41.txt", "\u202egpj.exe", "🦄.png",
    ]  # fmt: skip
    for name in names:
        response = api.post("/get-url", {"file_name": name, "size": 1}).json()
        assert send("PUT", response["url"], b"x", response["headers"]).status == 200
        confirm.confirm(response["id"])
        assert api.get(f"/files/{response['id']}").json()["file_name"] == name
    assert [f["file_name"] for f in api.get("/files").json()] == names[::-1]
