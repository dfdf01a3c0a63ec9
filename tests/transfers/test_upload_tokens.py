"""Upload tokens: owner, expiry, forgery."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import signing

from tests.support.users import Api
from tests.transfers.uploads import Upload, every_route, incomplete
from tests.web.test_api import UNKNOWN, check_error
from uploads.transfers import tokens


def test_a_token_is_required(begun: Upload) -> None:
    for response in every_route(begun, begun.path, ""):
        check_error(response, 400, "missing_token")


def test_a_forged_token_is_refused(begun: Upload) -> None:
    payload = signing.loads(begun.token, salt="filehub.upload")
    forged = [
        begun.token[:-1] + ("A" if begun.token[-1] != "A" else "B"),
        "A" + begun.token[1:],
        "x",
        "🙂",
        "a" * 100_000,
        signing.dumps(payload),
        signing.dumps(payload, salt="filehub.upload", key="another secret"),
        signing.dumps({**payload, "more": 1}, salt="filehub.upload"),
        signing.dumps([1], salt="filehub.upload"),
    ]
    for token in forged:
        for response in every_route(begun, begun.path, token):
            check_error(response, 404, "upload_not_found")
    assert len(incomplete()) == 1


def test_another_users_token_is_refused(begun: Upload, other_api: Api) -> None:
    thief = Upload(other_api)
    for path in (begun.path, thief.path, f"/uploads/{UNKNOWN}", "/uploads/x"):
        for response in every_route(thief, path, begun.token):
            check_error(response, 404, "upload_not_found")
    for response in every_route(begun, begun.path, thief.token):
        check_error(response, 404, "upload_not_found")
    assert len(incomplete()) == 2


def test_a_token_is_valid_for_one_upload(begun: Upload) -> None:
    other = Upload(begun.api)
    for response in every_route(begun, other.path, begun.token):
        check_error(response, 404, "upload_not_found")


def test_an_expired_token_is_reported_as_expired(
    begun: Upload, other_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "MULTIPART_LIFETIME", timedelta(seconds=-1))
    for response in every_route(begun, begun.path, begun.token):
        check_error(response, 404, "upload_expired")
    begun.api = other_api
    for response in every_route(begun, begun.path, begun.token):
        check_error(response, 404, "upload_not_found")


def test_a_token_of_null_is_missing(begun: Upload) -> None:
    client, body = begun.api._client, {"token": None, "parts": [{"part_number": 1}]}
    check_error(begun.api.post(f"{begun.path}/parts", body), 400, "missing_token")
    response = client.delete(begun.path, body, content_type="application/json")
    check_error(response, 400, "missing_token")


@pytest.mark.parametrize("token", [5, ["x"]], ids=str)
@pytest.mark.parametrize("route", ["parts", "complete", "abort"])
def test_a_token_that_is_not_text_is_refused(begun: Upload, route: str, token: Any) -> None:
    body = {"token": token, "parts": [{"part_number": 1}]}
    if route == "abort":
        response = begun.api._client.delete(begun.path, body, content_type="application/json")
    else:
        response = begun.api.post(f"{begun.path}/{route}", body)
    check_error(response, 400, "invalid_token")
