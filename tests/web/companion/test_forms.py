"""The forms with which Uppy 6 sends a file in one request, against the real service."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from tests.ingest.reconciliation.helpers import objects
from tests.ingest.test_confirm import event
from tests.support.http import Response, send
from tests.web.companion.uppy import Uppy, refused
from uploads.core.conf import conf
from uploads.ingest import confirm

BOUNDARY = "form-boundary"


def post(form: dict[str, Any], body: bytes, **changed: str | None) -> Response:
    """Send a form as browsers do, with the file as its last field; None leaves out a field."""
    fields = {
        name: value for name, value in (form["fields"] | changed).items() if value is not None
    }
    lines = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    lines.append(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="blob"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    content = "".join(lines).encode() + body + f"\r\n--{BOUNDARY}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return send("POST", form["url"], content, headers)


@pytest.fixture
def form(uppy: Uppy) -> dict[str, Any]:
    """The response to Uppy 6, which accepts anything."""
    response = uppy.params(accept="*/*")
    assert response.status_code == 200, response.content
    uppy.key = response.json()["fields"]["key"]
    return dict(response.json())


def test_an_upload_in_a_form_works(uppy: Uppy, form: dict[str, Any]) -> None:
    assert set(form) == {"method", "url", "headers", "fields", "expires"}
    assert (form["method"], form["headers"], form["url"]) == ("POST", {}, conf().s3_bucket_url)
    assert post(form, b"hello").status == 204
    assert confirm.confirm(uppy.id) == "stored"
    file = uppy.http.get(f"/files/{uppy.id}").json()
    assert (file["file_name"], file["content_type"], file["owner"], file["size"]) == (
        "große Datei.bin", "text/plain", "alice", 5,
    )  # fmt: skip


def test_an_empty_file_can_be_sent(uppy: Uppy, form: dict[str, Any]) -> None:
    assert post(form, b"").status == 204
    assert confirm.confirm(uppy.id) == "stored"


CHANGES: list[dict[str, str | None]] = [
    {"key": "uploads/0/another"}, {"Content-Type": "text/html"}, {"x-amz-meta-owner": "2"},
    {"x-amz-meta-filename": "other"}, {"x-amz-meta-folder": "added"}, {"acl": "public-read"},
    {"success_action_redirect": "https://evil.example"}, {"x-amz-meta-owner": None},
    {"policy": "e30="}, {"x-amz-signature": "0" * 64}, {"Content-Type": None},
    {"x-amz-storage-class": "GLACIER"}, {"bucket": "another"},
]  # fmt: skip


def test_s3_refuses_a_form_with_other_fields(form: dict[str, Any]) -> None:
    for changed in CHANGES:
        assert post(form, b"hello", **changed).status in {400, 403}, changed
    assert objects() == set()


def test_s3_refuses_a_file_that_is_too_large(uppy: Uppy, settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"MAX_SIZE": 4}
    form = uppy.params(accept="*/*").json()
    assert b"EntityTooLarge" in post(form, b"hello").body
    assert objects() == set()
    assert post(form, b"hell").status == 204


def test_a_file_that_a_form_replaces_is_inspected_again(
    uppy: Uppy, form: dict[str, Any], settings: Settings
) -> None:
    """S3 has no condition for forms that the object must not exist, so they can be sent again."""
    for number, body in enumerate((b"hello", b"replaced"), 1):
        assert post(form, body).status == 204
        assert confirm.apply_event(event("created", uppy.id, number)) == "stored"
        assert uppy.http.get(f"/files/{uppy.id}").json()["size"] == len(body)
    settings.FILEHUB = settings.FILEHUB | {"MAX_SIZE": 4}
    assert post(form, b"too large").status == 204
    assert confirm.apply_event(event("created", uppy.id, 3)) == "rejected"
    assert objects() == set()


ACCEPTED = [
    # Uppy 5, what else asks for JSON, and what does not say.
    (None, "PUT"),
    ("application/json", "PUT"), ("application/json, text/plain, */*", "PUT"),
    ("APPLICATION/JSON", "PUT"), ("application/json;q=0.5", "PUT"),
    # Uppy 6, which sends what browsers do, and what takes anything.
    ("*/*", "POST"), ("application/*", "POST"), ("text/plain", "POST"),
    ("application/json;q=0", "POST"),
]  # fmt: skip


def test_what_a_client_accepts_decides_how_it_sends_the_file(uppy: Uppy) -> None:
    for accept, method in ACCEPTED:
        assert uppy.params(accept=accept).json()["method"] == method, accept


def test_names_are_checked_before_a_form_is_signed(aws: None, alice: User) -> None:
    refused(Uppy(alice, "").params(accept="*/*"), 400, "missing_file_name")
