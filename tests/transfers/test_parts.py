"""Parts are signed one by one, and S3 enforces what was signed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.http import send, sha256
from tests.support.users import Api
from tests.transfers.uploads import PARTS, Upload
from tests.web.test_api import check_error
from uploads.aws import clients
from uploads.ingest import confirm


def test_a_flipped_byte_is_refused_by_s3(begun: Upload) -> None:
    body = bytearray(PARTS[0])
    body[1000] ^= 1
    response = begun.send(1, bytes(body))
    assert response.status == 400
    assert b"BadDigest" in response.body
    assert begun.listed().json() == []


def test_a_part_of_another_length_is_refused_by_s3(begun: Upload) -> None:
    assert begun.send(1, PARTS[0] + b"x", sha256=None).status == 403
    assert begun.send(3, PARTS[0], sha256=None).status == 403


def test_the_url_of_a_part_is_invalid_for_another(begun: Upload) -> None:
    (part,) = begun.sign({"part_number": 1, "sha256": sha256(PARTS[0])}).json()["parts"]
    url = part["url"].replace("partNumber=1", "partNumber=2")
    assert send("PUT", url, PARTS[0], part["headers"]).status == 403


def test_the_checksum_of_a_part_is_signed(begun: Upload) -> None:
    (part,) = begun.sign({"part_number": 1, "sha256": sha256(PARTS[0])}).json()["parts"]
    other = part["headers"] | {"x-amz-checksum-sha256": sha256(PARTS[1])}
    assert send("PUT", part["url"], PARTS[1], other).status == 403
    assert send("PUT", part["url"], PARTS[1]).status == 403


def test_many_parts_are_signed_in_one_call(begun: Upload) -> None:
    response = begun.sign({"part_number": 2}, {"part_number": 1}, {"part_number": 3})
    assert [part["part_number"] for part in response.json()["parts"]] == [2, 1, 3]


def test_a_client_without_checksums_says_so(api: Api) -> None:
    begun = Upload(api, checksum="none")
    for number in (1, 2, 3):
        assert begun.send(number, sha256=None).status == 200
    assert begun.complete().status_code == 202
    assert confirm.confirm(begun.id) == "stored"
    assert api.get(f"/files/{begun.id}").json()["checksum"] == ""


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([], "missing_parts"),
        ([{"part_number": 0}], "invalid_part_number"),
        ([{"part_number": 4}], "invalid_part_number"),
        ([{"part_number": -1}], "invalid_part_number"),
        ([{"part_number": 10**30}], "invalid_part_number"),
        ([{"part_number": True}], "invalid_part_number"),
        ([{"part_number": 1.0}], "invalid_part_number"),
        ([{"part_number": "1"}], "invalid_part_number"),
        ([{"part_number": 1, "sha256": "x"}], "invalid_sha256"),
        ([{}], "missing_part_number"),
        ([{"part_number": 1}] * 1001, "too_many_parts"),
    ],
)
def test_an_invalid_part_is_refused(begun: Upload, parts: Any, code: str) -> None:
    check_error(begun.sign(*parts), 400, code)


def test_signing_makes_no_request(begun: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "s3", lambda *_: pytest.fail("S3 was called"))
    assert begun.sign({"part_number": 1}).status_code == 200


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        (5, "invalid_parts"),
        ("1", "invalid_parts"),
        (None, "invalid_parts"),
        ({"part_number": 1}, "invalid_parts"),
        ([1], "missing_part_number"),
        ([[]], "missing_part_number"),
        ([None], "missing_part_number"),
    ],
    ids=str,
)
def test_an_invalid_list_of_parts_is_refused(begun: Upload, parts: Any, code: str) -> None:
    response = begun.api.post(f"{begun.path}/parts", {"token": begun.token, "parts": parts})
    check_error(response, 400, code)
