"""Uploads and downloads of both clients, with a real site, worker and S3 between them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from filehub_client import UploadRejected
from tests.support.installation import SMALL_PART, THRESHOLD, Installation
from tests.support.proxy import parts
from tests.support.waiting import wait_for

Call = Callable[..., Any]
EXHAUSTIVE = pytest.mark.exhaustive
#: The tests of the command use the client with threads.
SELDOM_WITH_THREADS = pytest.mark.parametrize(
    "call", [pytest.param("threads", marks=EXHAUSTIVE), "asyncio"], indirect=True
)


@SELDOM_WITH_THREADS
@pytest.mark.parametrize(
    "size",
    [
        2 * SMALL_PART + 17,
        *(pytest.param(size, marks=EXHAUSTIVE) for size in (0, 1, THRESHOLD, 17 * 1024**2)),
    ],
)
def test_a_file_comes_back_as_it_was(
    call: Call,
    clean: Installation,
    token: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    size: int,
) -> None:
    caplog.set_level(logging.DEBUG)
    source = tmp_path / "größe.bin"
    source.write_bytes(os.urandom(size))
    sent: list[int] = []
    (outcome,) = call("upload_many", source, progress=sent.append)
    assert (outcome.error, sum(sent)) == (None, size)
    status = call("wait", [outcome.id])[outcome.id]
    file = status.file
    assert (status.state, file.file_name, file.size) == ("stored", "größe.bin", size)
    assert file.checksum
    assert ("-" in file.checksum) == (size > THRESHOLD)
    (tmp_path / "copies").mkdir()
    received: list[int] = []
    path = call("download", outcome.id, tmp_path / "copies", progress=received.append)
    assert path == tmp_path / "copies" / "größe.bin"
    assert path.read_bytes() == source.read_bytes()
    assert sum(received) == size
    assert list(path.parent.iterdir()) == [path]
    call("delete", outcome.id)
    wait_for(lambda: call("wait", [outcome.id])[outcome.id].state == "deleted")
    # Every request is logged, and without its secrets.
    assert "X-Amz-Signature=***" in caplog.text
    assert token not in caplog.text


@pytest.mark.exhaustive
@SELDOM_WITH_THREADS
def test_faults_of_the_network_and_of_s3_are_overcome(
    call: Call, clean: Installation, tmp_path: Path
) -> None:
    bodies = {"large": os.urandom(17 * 1024**2), "a": b"a", "b": b"b", "c": b"c"}
    for name, body in bodies.items():
        (tmp_path / name).write_bytes(body)
    # Each strikes a request of its own.
    clean.s3.flip_every(2, parts, times=1)
    clean.s3.cut_every(3, parts, times=1)
    clean.s3.fail_every(4, 403, parts, times=1, code="RequestExpired")
    clean.s3.fail_every(5, 503, parts, times=1)
    clean.s3.lose_every(7, parts, times=1)
    clean.web.fail_every(3, 503, times=2)
    clean.web.cut_every(4, times=1)
    sent: list[int] = []
    outcomes = call("upload_many", [tmp_path / name for name in bodies], progress=sent.append)
    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert sum(sent) == sum(map(len, bodies.values()))
    faults = {request.fault for request in (*clean.s3.log, *clean.web.log)}
    assert faults >= {"fail", "cut", "lose", "flip"}
    ids = {outcome.id: outcome.name for outcome in outcomes}
    assert {status.state for status in call("wait", list(ids)).values()} == {"stored"}
    assert {name: clean.download(upload_id) for upload_id, name in ids.items()} == bodies


@EXHAUSTIVE
def test_a_rejected_file_ends_with_filehubs_reason(call: Call, tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"<!doctype html><script>alert(1)</script>")
    with pytest.raises(UploadRejected) as caught:
        call("upload", tmp_path / "picture.png")
    assert caught.value.code == "content_mismatch"
    assert "image/png" in caught.value.message
