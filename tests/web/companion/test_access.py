"""Users, tokens and origins of Uppy's routes."""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import timedelta
from io import StringIO
from typing import Any
from unittest.mock import Mock

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client

from tests.support.users import Api
from tests.transfers.uploads import incomplete
from tests.web.companion.uppy import Uppy, refused
from uploads.core.errors import BackendUnavailable
from uploads.transfers import parts, tokens


def everything(uppy: Uppy) -> list[Any]:
    parts = [{"PartNumber": 1, "ETag": '"x"'}]
    return [uppy.sign(1), uppy.list_parts(), uppy.complete(parts), uppy.abort()]


def test_another_user_has_no_access(begun: Uppy, bob: User) -> None:
    other = Uppy(bob)
    other.key, other.upload_id = begun.key, begun.upload_id
    for response in everything(other):
        refused(response, 404, "upload_not_found")
    assert incomplete() == [begun.key]


@pytest.mark.parametrize(
    "forged", ["another key", "edited", "signed elsewhere", "S3's own", "long"]
)
def test_an_upload_that_filehub_did_not_sign_is_unknown(
    begun: Uppy, alice: User, forged: str
) -> None:
    mine = tokens.read(begun.upload_id, upload_id=begun.id, owner=str(alice.pk))
    if forged == "another key":
        other = Uppy(alice)
        other.create()
        begun.key = other.key
    else:
        begun.upload_id = {
            "edited": begun.upload_id[:-1] + ("A" if begun.upload_id[-1] != "A" else "B"),
            "signed elsewhere": signing.dumps(asdict(mine), salt="another", compress=True),
            "S3's own": mine.s3_upload_id,
            "long": "x" * 3_000,
        }[forged]
    for response in everything(begun):
        refused(response, 404, "upload_not_found")


def test_filehubs_own_routes_list_the_parts_but_refuse_to_complete_the_upload(begun: Uppy) -> None:
    """Only Uppy knows which parts it sent, and these routes have no place to say so."""
    begun.send_all()
    token = {"token": begun.upload_id}
    listed = begun.http.get(f"/uploads/{begun.id}/parts", token)
    assert [part["part_number"] for part in listed.json()] == [1, 2, 3]
    response = begun.http.post(f"/uploads/{begun.id}/complete", token, "application/json")
    assert (response.status_code, response.json()["code"]) == (409, "parts_missing")
    assert incomplete() == [begun.key]


def test_without_the_key_requests_are_refused(begun: Uppy) -> None:
    begun.key = ""
    for response in everything(begun):
        refused(response, 400, "missing_key")


def test_a_token_expires(begun: Uppy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MULTIPART_LIFETIME", timedelta(0))
    assert refused(begun.sign(1), 404, "upload_expired").endswith("Start it again.")


def test_without_credentials_requests_are_refused(aws: None, alice: User) -> None:
    uppy = Uppy(alice)
    uppy.key, uppy.upload_id = "uploads/x", "x"
    uppy.http = Client(headers={"Accept": "application/json"})
    for response in [uppy.params(), uppy.create(), *everything(uppy)]:
        refused(response, 401, "not_authenticated")


def test_a_session_needs_the_csrf_token(aws: None, alice: User) -> None:
    uppy = Uppy(alice)
    uppy.http = Client(enforce_csrf_checks=True)
    uppy.http.force_login(alice)
    assert uppy.params().status_code == 200
    refused(uppy.create(), 403, "csrf_failed")
    assert incomplete() == []
    uppy.http.get("/")
    token = uppy.http.cookies["csrftoken"].value
    uppy.http = Client(enforce_csrf_checks=True, headers={"X-CSRFToken": token})
    uppy.http.force_login(alice)
    uppy.http.cookies["csrftoken"] = token
    assert uppy.create().status_code == 200
    assert uppy.abort().status_code == 200


SENDERS = [
    ("http://testserver", "same-origin", True),
    # Older browsers, and those on plain HTTP.
    ("http://testserver", None, True),
    (None, None, False),
    (None, "same-origin", False),
    ("null", "same-origin", False),
    ("", "same-origin", False),
    ("http://testserver", "cross-site", False),
    ("http://testserver", "same-site", False),
    ("http://testserver", "none", False),
    ("http://testserver", "", False),
    ("https://testserver", "same-origin", False),
    ("http://testserver:81", "same-origin", False),
    ("http://testserver.evil.example", "same-origin", False),
    ("http://evil.example", "same-origin", False),
    ("http://TESTSERVER", "same-origin", False),
    ("http://testserver, http://evil.example", "same-origin", False),
    # An origin that may call the API and the bucket, but only with a token.
    ("http://localhost", "same-site", False),
]


def test_a_session_needs_no_csrf_token_on_pages_of_the_site_itself(
    begun: Uppy, alice: User
) -> None:
    """Uppy 6 sends none, but browsers say from where they send a request."""
    for origin, site, is_accepted in SENDERS:
        headers = {"Origin": origin, "Sec-Fetch-Site": site}
        begun.http = Client(
            enforce_csrf_checks=True,
            headers={name: value for name, value in headers.items() if value is not None},
        )
        begun.http.force_login(alice)
        for response in (begun.create(), begun.complete([]), begun.abort()):
            is_refused = response.status_code == 403
            assert is_refused == (response.json().get("code") == "csrf_failed")
            assert is_refused != is_accepted, (origin, site, response.content)


def test_other_routes_need_the_csrf_token_on_pages_of_the_site_too(alice: User) -> None:
    client = Client(
        enforce_csrf_checks=True,
        headers={"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"},
    )
    client.force_login(alice)
    for path in ("/get-url", "/uploads", "/s3/sign", "/files/trash"):
        response = client.post(path, {}, content_type="application/json")
        assert (response.status_code, response.json()["code"]) == (403, "csrf_failed"), path


def test_pages_of_allowed_origins_have_access(aws: None) -> None:
    for origin, allowed in [("http://testserver", True), ("https://elsewhere.example", False)]:
        response = Client().options(
            "/s3/multipart/x/1",
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": "DELETE",
                "Access-Control-Request-Headers": "authorization,content-type",
            },
        )
        assert (response.get("Access-Control-Allow-Origin") == origin) == allowed


def test_errors_of_other_routes_are_unchanged(api: Api) -> None:
    assert set(api.get("/files/x").json()) == {"error", "code", "request_id"}


def test_tokens_are_not_logged(begun: Uppy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uppy's addresses contain it, and several loggers write the address of a failed request."""
    lines = StringIO()
    handler = next(handler for handler in logging.getLogger().handlers if handler.name == "stderr")
    monkeypatch.setattr(handler, "stream", lines)
    for error in (BackendUnavailable(), ValueError()):
        monkeypatch.setattr(parts, "uploaded_parts", Mock(side_effect=error))
        assert begun.list_parts().status_code >= 500
    assert lines.getvalue().count("/s3/multipart/[hidden]") >= 2
    assert begun.upload_id not in lines.getvalue()
