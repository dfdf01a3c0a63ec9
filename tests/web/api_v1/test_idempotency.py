"""A request to begin an upload that is repeated with its Idempotency-Key begins no other one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache

from tests.support.files import confirm
from tests.support.http import send, sha256
from tests.web.api_v1.conftest import V1
from uploads.aws import multipart
from uploads.core import keys
from uploads.core.limits import MIB
from uploads.files.record import StoredFile
from uploads.transfers.idempotency import WINDOW

FILE = {"file_name": "a.txt", "size": 5}


@pytest.fixture(params=["remembered", "forgotten"])
def between(request: pytest.FixtureRequest) -> Any:
    """What happens between two requests: the cache keeps its keys, or loses them."""
    return cache.clear if request.param == "forgotten" else lambda: None


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """The start of a window, so that the two requests of a test are in the same one."""
    now = datetime.now(UTC).timestamp()
    with time_machine.travel(now - now % WINDOW.total_seconds() + 1, tick=True) as traveller:
        yield traveller


def test_a_repeated_request_gets_the_same_upload_and_a_fresh_signature(
    v1: V1, between: Any, clock: time_machine.Traveller
) -> None:
    first = v1.begin(FILE, "k-1").json()
    between()
    clock.shift(60)
    second = v1.begin(FILE, "k-1").json()
    assert first["id"] == second["id"]
    assert first["url"] != second["url"]
    assert list(StoredFile.scan()) == []
    # The first attempt has succeeded, so the second one cannot replace it.
    assert send("PUT", first["url"], b"hello", first["headers"]).status == 200
    assert send("PUT", second["url"], b"hello", second["headers"]).status == 412
    assert confirm.confirm(first["id"]) == "stored"


def test_other_keys_other_users_and_no_key_get_other_uploads(v1: V1, other_v1: V1) -> None:
    requests = [(v1, "k"), (v1, "l"), (other_v1, "k"), (v1, None), (v1, None)]
    assert len({user.begin(FILE, key).json()["id"] for user, key in requests}) == 5


def test_a_key_with_another_body_is_refused(v1: V1) -> None:
    assert v1.begin(FILE, "k").status_code == 201
    response = v1.begin({**FILE, "file_name": "b.txt"}, "k")
    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
    assert v1.begin(FILE, "k").status_code == 201


def test_a_key_with_another_body_never_takes_the_place_of_the_first_file(v1: V1) -> None:
    """Even if the cache has lost the key: both files are stored."""
    first = v1.begin(FILE, "k").json()
    cache.clear()
    second = v1.begin({**FILE, "file_name": "b.txt"}, "k").json()
    for begun in (first, second):
        assert send("PUT", begun["url"], b"hello", begun["headers"]).status == 200
        assert confirm.confirm(begun["id"]) == "stored"
    names = {item["file_name"] for item in v1.send("get", "/files").json()["items"]}
    assert names == {"a.txt", "b.txt"}


def test_the_cache_keeps_a_key_for_a_day(v1: V1, clock: time_machine.Traveller) -> None:
    first = v1.begin(FILE, "k").json()["id"]
    clock.shift(timedelta(hours=23))
    assert v1.begin(FILE, "k").json()["id"] == first
    clock.shift(timedelta(hours=2))
    assert v1.begin(FILE, "k").json()["id"] != first


def test_the_time_in_an_id_is_that_of_the_request_but_for_the_window(
    v1: V1, clock: time_machine.Traveller
) -> None:
    clock.shift(WINDOW - timedelta(seconds=2))
    created_at = keys.created_at(v1.begin(FILE, "k").json()["id"])
    assert timedelta(0) <= datetime.now(UTC) - created_at <= WINDOW


def test_a_cache_that_is_unavailable_refuses_nothing(
    v1: V1, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ConnectionError("refused")

    monkeypatch.setattr(cache, "get_or_set", fail)
    ids = {v1.begin(FILE, "k").json()["id"] for _ in range(2)}
    assert len(ids) == 1
    assert "does not keep idempotency keys" in caplog.text


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "ä", "a\tb"])
def test_an_invalid_key_is_refused(v1: V1, key: str) -> None:
    response = v1.begin(FILE, key)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_idempotency_key")


def test_a_repeated_upload_in_parts_is_created_in_s3_once(
    v1: V1, small_parts: int, between: Any
) -> None:
    file = {"file_name": "a", "size": small_parts + MIB}
    first = v1.begin(file, "k").json()
    between()
    second = v1.begin(file, "k").json()
    assert first["id"] == second["id"]
    assert [u.upload_id for u in multipart.list_unfinished(10).uploads] == [first["id"]]
    for number, data in ((1, bytes(small_parts)), (2, bytes(MIB))):
        body = {
            "token": first["token"],
            "parts": [{"part_number": number, "sha256": sha256(data)}],
        }
        signed = v1.send("post", f"/uploads/{first['id']}/parts", body).json()["parts"][0]
        assert send("PUT", signed["url"], data, signed["headers"]).status == 200
    done = v1.send("post", f"/uploads/{first['id']}/complete", {"token": second["token"]})
    assert done.status_code == 202
    # Nothing has to be sent again.
    third = v1.begin(file, "k")
    assert (third.status_code, third.json()["code"]) == (409, "upload_completed")
    assert third.json()["current"] == {"id": first["id"], "state": "pending"}


def test_a_repeated_batch_gets_the_same_uploads(v1: V1, small_parts: int, between: Any) -> None:
    """Also for files that are equal, and a file that has changed is refused alone."""
    files = [FILE, FILE, {"file_name": "b", "size": small_parts + 1}, {"file_name": "c"}]
    headers = {"Idempotency-Key": "k"}
    first = v1.send("post", "/uploads/batch", {"files": files}, headers).json()["results"]
    assert len({result.get("id") for result in first}) == 4
    between()
    second = v1.send("post", "/uploads/batch", {"files": files}, headers).json()["results"]
    assert [r.get("id") for r in first] == [r.get("id") for r in second]
    changed = [{**FILE, "size": 6}, *files[1:]]
    third = v1.send("post", "/uploads/batch", {"files": changed}, headers).json()["results"]
    assert third[0]["code"] == "idempotency_key_reused"
    assert third[1]["id"] == first[1]["id"]
