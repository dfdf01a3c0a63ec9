"""Uploads with Uppy: in one request and in parts, resumed, completed, aborted, and the rules."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from tests.ingest.reconciliation.helpers import objects
from tests.support.files import store
from tests.support.http import send
from tests.support.local_aws import drain
from tests.support.waiting import wait_for
from tests.transfers.uploads import incomplete
from tests.web.companion.uppy import BODY, PART, Uppy, refused
from uploads.aws import multipart, s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.ingest import confirm
from uploads.models import Quota
from uploads.transfers import tokens


def test_an_upload_in_one_request_works(uppy: Uppy, alice: User) -> None:
    response = uppy.params().json()
    assert set(response) == {"method", "url", "headers", "fields", "expires"}
    assert (response["method"], response["expires"]) == ("PUT", 900)
    assert send("PUT", response["url"], b"hello", response["headers"]).status == 200
    uppy.key = response["fields"]["key"]
    assert confirm.confirm(uppy.id) == "stored"
    file = uppy.http.get(f"/files/{uppy.id}").json()
    assert (file["file_name"], file["content_type"], file["owner"]) == (
        "große Datei.bin", "text/plain", "alice",
    )  # fmt: skip
    # The request works once.
    assert send("PUT", response["url"], b"other", response["headers"]).status == 412


def test_an_upload_in_parts_works(begun: Uppy) -> None:
    assert set(begun.sign(1).json()) == {"url", "expires"}
    parts = begun.send_all()
    response = begun.complete(parts[::-1])
    assert response.status_code == 200
    assert response.json()["key"] == begun.key
    assert confirm.confirm(begun.id) == "stored"
    file = begun.http.get(f"/files/{begun.id}").json()
    assert (file["file_name"], file["size"]) == ("große Datei.bin", len(BODY))
    location = begun.http.get(response.json()["location"].removeprefix("http://testserver"))
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
    # Its response was lost, and perhaps S3's event too, so a hint is queued.
    wait_for(lambda: drain(conf().tasks_queue))
    assert begun.abort().status_code == 409
    assert objects() == {begun.id}


def test_an_upload_can_be_aborted(begun: Uppy) -> None:
    parts = begun.send_all()
    response = begun.abort()
    assert (response.status_code, response.json()) == (200, {})
    assert incomplete() == []
    assert begun.abort().status_code == 200
    refused(begun.list_parts(), 404, "upload_not_found")
    refused(begun.complete(parts), 404, "upload_not_found")


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
    response = begun.complete(parts)
    assert "at least 5 MiB" in refused(response, 400, "part_too_small")


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


def test_parts_are_expected_without_checksums(begun: Uppy, alice: User) -> None:
    mine = tokens.read(begun.upload_id, upload_id=begun.id, owner=str(alice.pk))
    begun.send_all()
    uploaded = multipart.parts(mine.upload_id, mine.s3_upload_id)
    assert uploaded is not None
    assert {part.checksum for part in uploaded} == {""}
    assert s3.head(begun.id) is None
