"""API tokens, upload tokens and other people's ids give nothing away."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from local.aws import LocalAws
from tests.support.files import store, upload
from tests.support.users import Api, body_of
from tests.web.security.routes import UNKNOWN, fill, operations
from uploads.accounts import api_tokens
from uploads.aws import s3
from uploads.core import keys
from uploads.core.errors import UploadNotFound
from uploads.core.limits import MIB
from uploads.files import queries
from uploads.models import ApiToken
from uploads.transfers import tokens

# Pages that need no AWS need static files too.
pytestmark = pytest.mark.usefixtures("_static_files")


def test_a_token_is_looked_up_by_its_digest_alone(alice: User) -> None:
    """So the time of a comparison does not reveal how much of a guess is right."""
    secret = api_tokens.create(alice)
    for guess in (secret, secret[:-1] + "x", "x"):
        with CaptureQueriesContext(connection) as captured:
            api_tokens.find(guess)
        (query,) = captured.captured_queries
        assert ApiToken.digest_of(guess) in query["sql"]
        assert guess not in query["sql"] or guess == "x"


def test_a_token_is_never_logged(
    aws: LocalAws, alice: User, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = api_tokens.create(alice)

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("a fault of filehub's own")

    monkeypatch.setattr(queries, "files_of", fail)
    for token in (secret, secret + "x"):
        client = Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False)
        assert client.get(f"/files?token={token}").status_code in {401, 500}
    assert "a fault of filehub's own" in caplog.text
    # Django logs its queries at DEBUG, which contain only the digest.
    assert secret not in caplog.text


def body_for(upload_id: str, token: str) -> dict[str, Any]:
    """All fields that any route needs."""
    return {
        "token": token, "parts": [{"part_number": 1}], "key": keys.object_key(upload_id),
        "uploadId": token, "file_name": "a.txt", "size": 1,
    }  # fmt: skip


def test_every_route_treats_another_users_id_exactly_like_an_unknown_one(
    api: Api, other_api: Api, settings: Settings
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"MULTIPART_THRESHOLD": 5 * MIB}
    begun = api.post("/uploads", {"file_name": "a", "size": 6 * MIB}).json()
    stored, pending = store(api.owner), upload(api.owner)

    def respond(method: str, path: str, upload_id: str, token: str) -> tuple[int, str]:
        body = body_for(upload_id, token)
        query = f"?token={token}&key={body['key']}"
        response = other_api._client.generic(
            method.upper(), fill(path, upload_id) + query, json.dumps(body),
            content_type="application/json",
        )  # fmt: skip
        return response.status_code, body_of(response).replace(upload_id, "…")

    distinguishable = set()
    for method, path in operations():
        if "{" not in path:
            continue
        unknown = respond(method, path, UNKNOWN, "x")
        assert 400 <= unknown[0] < 500, (method, path)
        for upload_id, token in (
            (begun["id"], begun["token"]), (stored, "x"), (pending, "x"), (stored, begun["token"]),
        ):  # fmt: skip
            if respond(method, path, upload_id, token) != unknown:
                distinguishable.add((method, path))
    assert distinguishable == set()
    assert s3.head(stored)
    assert len(api.get(f"/uploads/{begun['id']}/parts?token={begun['token']}").json()) == 0


TOKEN = tokens.UploadToken("019c0000-0000-7000-8000-0123456789ab", "s3", "7", 10, 5)


def read(text: str) -> tokens.UploadToken:
    return tokens.read(text, upload_id=TOKEN.upload_id, owner="7")


@pytest.mark.parametrize(
    "forge",
    [
        lambda: TOKEN.sign()[:-1],
        lambda: TOKEN.sign()[1:],
        lambda: TOKEN.sign() + "x",
        lambda: TOKEN.sign().replace(":", "", 1),
        lambda: signing.dumps({"upload_id": TOKEN.upload_id}, salt="filehub.upload"),
        lambda: signing.dumps([1], salt="filehub.upload"),
        lambda: signing.dumps(vars(TOKEN), salt="another", compress=True),
        lambda: signing.dumps(vars(TOKEN), key="another" * 8, salt="filehub.upload"),
    ],
    ids=["cut", "cut in front", "longer", "one piece less", "less in it", "a list", "another salt",
         "another key"],
)  # fmt: skip
def test_a_forged_upload_token_is_refused(forge: Callable[[], str]) -> None:
    assert read(TOKEN.sign()) == TOKEN
    with pytest.raises(UploadNotFound):
        read(forge())


def test_an_upload_token_is_valid_as_long_as_its_secret_key(settings: Settings) -> None:
    text, before = TOKEN.sign(), settings.SECRET_KEY
    settings.SECRET_KEY = "another" * 8
    with pytest.raises(UploadNotFound):
        read(text)
    settings.SECRET_KEY_FALLBACKS = [before]
    assert read(text) == TOKEN
