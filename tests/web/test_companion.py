"""The protocol of Uppy's Companion, driven over HTTP exactly as @uppy/aws-s3 5.1 drives it."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from datetime import timedelta
from io import StringIO
from typing import Any
from unittest.mock import Mock
from urllib.parse import quote, urlencode

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client
from pytest_django import Settings

from tests.ingest.reconciliation.helpers import objects
from tests.support.files import store
from tests.support.http import send
from tests.support.local_aws import drain
from tests.support.users import Api
from tests.support.waiting import wait_for
from tests.transfers.uploads import incomplete
from uploads.accounts import api_tokens
from uploads.aws import multipart, s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.core.limits import MIB
from uploads.ingest import confirm
from uploads.models import Quota
from uploads.transfers import parts, tokens

PART = 5 * MIB
BODY = b"".join(bytes([n]) * MIB for n in range(12))
CHUNKS = [BODY[start : start + PART] for start in range(0, len(BODY), PART)]


class Uppy:
    """The requests of Uppy for one file."""

    def __init__(
        self, user: User, name: str = "große Datei.bin", type_: str = "text/plain"
    ) -> None:
        self.name, self.type = name, type_
        self.http = Client(
            headers={
                "Accept": "application/json",
                "Authorization": f"Bearer {api_tokens.create(user)}",
            }
        )
        self.key = self.upload_id = ""

    def params(self) -> Any:
        query = urlencode(
            {
                "filename": self.name,
                "type": self.type,
                "metadata[name]": self.name,
                "metadata[type]": self.type,
            }
        )
        return self.http.get(f"/s3/params?{query}")

    def create(self) -> Any:
        metadata = {"name": self.name, "type": self.type, "relativePath": "null"}
        answer = self._post(
            "/s3/multipart", {"filename": self.name, "type": self.type, "metadata": metadata}
        )
        if answer.status_code == 200:
            self.key, self.upload_id = answer.json()["key"], answer.json()["uploadId"]
        return answer

    def sign(self, number: int | str) -> Any:
        return self.http.get(self._path(f"/{number}"))

    def list_parts(self) -> Any:
        return self.http.get(self._path())

    def send(self, number: int, body: bytes | None = None) -> dict[str, Any]:
        signed = self.sign(number)
        assert signed.status_code == 200, signed.content
        answer = send("PUT", signed.json()["url"], body or CHUNKS[number - 1])
        assert answer.status == 200, answer.body
        return {"ETag": answer.headers["ETag"], "PartNumber": number}

    def send_all(self) -> list[dict[str, Any]]:
        return [self.send(number) for number in range(1, len(CHUNKS) + 1)]

    def complete(self, parts: list[dict[str, Any]]) -> Any:
        return self._post(self._path("/complete"), {"parts": parts})

    def abort(self) -> Any:
        return self.http.delete(self._path())

    def _path(self, rest: str = "") -> str:
        """Encode both as encodeURIComponent does."""
        return (
            f"/s3/multipart/{quote(self.upload_id, safe='')}{rest}?key={quote(self.key, safe='')}"
        )

    def _post(self, path: str, body: Any) -> Any:
        return self.http.post(path, json.dumps(body), content_type="application/json")

    @property
    def id(self) -> str:
        found = keys.upload_id_of(self.key)
        assert found
        return found


@pytest.fixture
def uppy(aws: None, alice: User) -> Uppy:
    return Uppy(alice)


@pytest.fixture
def begun(uppy: Uppy) -> Uppy:
    assert uppy.create().status_code == 200
    return uppy


def refused(answer: Any, status: int, code: str) -> str:
    """The error has filehub's format, and a `message` for Uppy."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert answer.json()["message"] == answer.json()["error"]
    return str(answer.json()["message"])


def test_an_upload_in_one_request_works(uppy: Uppy, alice: User) -> None:
    answer = uppy.params().json()
    assert set(answer) == {"method", "url", "headers", "fields", "expires"}
    assert (answer["method"], answer["expires"]) == ("PUT", 900)
    assert send("PUT", answer["url"], b"hello", answer["headers"]).status == 200
    uppy.key = answer["fields"]["key"]
    assert confirm.confirm(uppy.id) == "stored"
    file = uppy.http.get(f"/files/{uppy.id}").json()
    assert (file["file_name"], file["content_type"], file["owner"]) == (
        "große Datei.bin", "text/plain", "alice",
    )  # fmt: skip
    # The request works once.
    assert send("PUT", answer["url"], b"other", answer["headers"]).status == 412


def test_an_upload_in_parts_works(begun: Uppy) -> None:
    assert set(begun.sign(1).json()) == {"url", "expires"}
    parts = begun.send_all()
    answer = begun.complete(parts[::-1])
    assert answer.status_code == 200
    assert answer.json()["key"] == begun.key
    assert confirm.confirm(begun.id) == "stored"
    file = begun.http.get(f"/files/{begun.id}").json()
    assert (file["file_name"], file["size"]) == ("große Datei.bin", len(BODY))
    location = begun.http.get(answer.json()["location"].removeprefix("http://testserver"))
    assert location.status_code == 302
    assert send("GET", location["Location"]).body == BODY


def test_resuming_sends_what_is_missing(begun: Uppy) -> None:
    first = begun.send(2)
    listed = begun.list_parts().json()
    assert listed == [{"PartNumber": 2, "Size": PART, "ETag": first["ETag"]}]
    assert first["ETag"].startswith('"')
    assert begun.complete([begun.send(1), first, begun.send(3)]).status_code == 200


def test_completing_twice_is_harmless(begun: Uppy) -> None:
    parts = begun.send_all()
    first = begun.complete(parts)
    again = begun.complete(parts)
    assert (first.status_code, first.content) == (again.status_code, again.content)
    # Its answer was lost, and perhaps S3's event too, so a hint is queued.
    wait_for(lambda: drain(conf().tasks_queue))
    assert begun.abort().status_code == 409
    assert objects() == {begun.id}


def test_an_upload_can_be_aborted(begun: Uppy) -> None:
    parts = begun.send_all()
    answer = begun.abort()
    assert (answer.status_code, answer.json()) == (200, {})
    assert incomplete() == []
    assert begun.abort().status_code == 200
    refused(begun.list_parts(), 404, "upload_not_found")
    refused(begun.complete(parts), 404, "upload_not_found")


# S3's list of parts decides


@pytest.mark.parametrize(
    "claim",
    [
        lambda parts: parts[:-1],
        lambda parts: [*parts, {"PartNumber": 4, "ETag": '"x"'}],
        lambda parts: [*parts[:2], {**parts[2], "ETag": parts[0]["ETag"]}],
        lambda parts: [],
    ],
    ids=["fewer", "more", "another", "none"],
)
def test_parts_that_differ_from_those_in_s3_are_not_completed(begun: Uppy, claim: Any) -> None:
    parts = begun.send_all()
    refused(begun.complete(claim(parts)), 409, "parts_missing")
    assert objects() == set()
    assert begun.complete(parts).status_code == 200


def test_an_empty_list_of_parts_is_not_completed(begun: Uppy) -> None:
    refused(begun.complete([]), 409, "parts_missing")


def test_small_parts_are_refused_in_a_sentence(begun: Uppy) -> None:
    parts = [begun.send(1, b"small"), begun.send(2)]
    answer = begun.complete(parts)
    assert "at least 5 MiB" in refused(answer, 400, "part_too_small")


# Rules


def test_more_than_the_largest_size_is_refused(begun: Uppy, settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"MAX_SIZE": len(BODY) - 1}
    parts = begun.send_all()
    refused(begun.complete(parts), 413, "file_too_large")
    assert objects() == set()
    # All parts but the last have at least 5 MiB, so a fourth is never needed.
    assert "at least 15,728,640 bytes" in refused(begun.sign(4), 413, "file_too_large")


def test_an_upload_above_the_quota_is_not_completed_until_there_is_space(
    begun: Uppy, alice: User
) -> None:
    quota = Quota.objects.create(user=alice, limit=len(BODY) + 4)
    kept = store(str(alice.pk), body=b"hello")
    parts = begun.send_all()
    assert "but 5 of your quota" in refused(begun.complete(parts), 413, "quota_exceeded")
    assert objects() == {kept}
    quota.limit += 1
    quota.save()
    assert begun.complete(parts).status_code == 200
    # The file is stored and uses no more space, so repeating the request is harmless.
    assert confirm.confirm(begun.id) == "stored"
    assert begun.complete(parts).status_code == 200


@pytest.mark.parametrize("call", [Uppy.params, Uppy.create], ids=["one request", "parts"])
def test_names_and_types_are_checked(call: Any, aws: None, alice: User, settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("image/*",)}
    for name, type_, status, code in [
        ("a.txt", "text/plain", 415, "type_not_allowed"),
        ("", "image/png", 400, "missing_file_name"),
        ("x" * 256, "image/png", 400, "name_too_long"),
        ("a\nb", "image/png", 400, "invalid_name"),
        ("a", "image", 400, "invalid_content_type"),
    ]:
        refused(call(Uppy(alice, name, type_)), status, code)
    assert call(Uppy(alice, "../a", "image/png")).status_code == 200
    assert all(keys.upload_id_of(key) for key in incomplete())


@pytest.mark.parametrize(
    ("number", "status"), [(0, 400), (-1, 400), (10_001, 400), ("x", 400), (10_000, 200)]
)
def test_part_numbers_are_checked(begun: Uppy, number: Any, status: int) -> None:
    assert begun.sign(number).status_code == status


# Owners


def everything(uppy: Uppy) -> list[Any]:
    parts = [{"PartNumber": 1, "ETag": '"x"'}]
    return [uppy.sign(1), uppy.list_parts(), uppy.complete(parts), uppy.abort()]


def test_another_user_has_no_access(begun: Uppy, bob: User) -> None:
    stranger = Uppy(bob)
    stranger.key, stranger.upload_id = begun.key, begun.upload_id
    for answer in everything(stranger):
        refused(answer, 404, "upload_not_found")
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
    for answer in everything(begun):
        refused(answer, 404, "upload_not_found")


def test_filehubs_own_routes_list_the_parts_but_complete_nothing_blindly(begun: Uppy) -> None:
    """Only Uppy knows which parts it sent, and these routes have no place to say so."""
    begun.send_all()
    token = {"token": begun.upload_id}
    listed = begun.http.get(f"/uploads/{begun.id}/parts", token)
    assert [part["part_number"] for part in listed.json()] == [1, 2, 3]
    answer = begun.http.post(f"/uploads/{begun.id}/complete", token, "application/json")
    assert (answer.status_code, answer.json()["code"]) == (409, "parts_missing")
    assert incomplete() == [begun.key]


def test_without_the_key_requests_are_refused(begun: Uppy) -> None:
    begun.key = ""
    for answer in everything(begun):
        refused(answer, 400, "missing_key")


def test_a_token_expires(begun: Uppy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MULTIPART_LIFETIME", timedelta(0))
    assert refused(begun.sign(1), 404, "upload_expired").endswith("Start it again.")


def test_without_credentials_requests_are_refused(aws: None, alice: User) -> None:
    uppy = Uppy(alice)
    uppy.key, uppy.upload_id = "uploads/x", "x"
    uppy.http = Client(headers={"Accept": "application/json"})
    for answer in [uppy.params(), uppy.create(), *everything(uppy)]:
        refused(answer, 401, "not_authenticated")


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


def test_pages_of_allowed_origins_have_access(aws: None) -> None:
    for origin, allowed in [("http://testserver", True), ("https://elsewhere.example", False)]:
        answer = Client().options(
            "/s3/multipart/x/1",
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": "DELETE",
                "Access-Control-Request-Headers": "authorization,content-type",
            },
        )
        assert (answer.get("Access-Control-Allow-Origin") == origin) == allowed


def test_errors_of_other_routes_are_unchanged(api: Api) -> None:
    assert set(api.get("/files/x").json()) == {"error", "code"}


def test_tokens_are_not_logged(begun: Uppy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uppy's addresses contain it, and several loggers write the address of a failed request."""
    lines = StringIO()
    handler = next(each for each in logging.getLogger().handlers if each.name == "stderr")
    monkeypatch.setattr(handler, "stream", lines)
    for error in (BackendUnavailable(), ValueError()):
        monkeypatch.setattr(parts, "uploaded_parts", Mock(side_effect=error))
        assert begun.list_parts().status_code >= 500
    assert lines.getvalue().count("/s3/multipart/…") >= 2
    assert begun.upload_id not in lines.getvalue()


def test_parts_are_expected_without_checksums(begun: Uppy, alice: User) -> None:
    mine = tokens.read(begun.upload_id, upload_id=begun.id, owner=str(alice.pk))
    begun.send_all()
    found = multipart.parts(mine.upload_id, mine.s3_upload_id)
    assert found is not None
    assert {part.checksum for part in found} == {""}
    assert s3.head(begun.id) is None
