"""`manage.py upload` when connections, S3 or the files fail."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError
from pytest_django import Settings

from filehub_client import drivers, sending
from tests.ingest.reconciliation.helpers import objects
from tests.management.upload.helpers import PART, content, local, run
from tests.support.aws_requests import AwsRequests
from tests.support.proxy import Proxy, parts
from tests.transfers.uploads import incomplete
from uploads.accounts import owners
from uploads.core.limits import MIB
from uploads.management import uploader
from uploads.models import Quota
from uploads.transfers import parts as transfer_parts

pytestmark = pytest.mark.usefixtures("aws")


def test_temporary_errors_are_retried(proxy: Proxy, tmp_path: Path, alice: User) -> None:
    body = os.urandom(3 * PART)
    (tmp_path / "large").write_bytes(body)
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(name.encode())
    proxy.fail_every(3, 503, parts, times=2)
    proxy.cut_every(4, parts, times=1)
    proxy.lose_every(5, parts, times=1)
    sent: list[int] = []
    owner = owners.owner_of(alice)
    outcomes = uploader.send(local(sorted(tmp_path.iterdir())), owner, progress=sent.append)
    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert {request.fault for request in proxy.requests(parts)} >= {"fail", "cut", "lose"}
    contents = {outcome.path.name: content(outcome.id) for outcome in outcomes}
    assert contents == {"large": body, "a": b"a", "b": b"b", "c": b"c"}
    # A part that was sent twice is counted once.
    assert sum(sent) == len(body) + 3


def test_a_conflict_with_the_same_request_is_not_a_failure(
    proxy: Proxy, tmp_path: Path, alice: User
) -> None:
    (tmp_path / "a").write_bytes(b"a")
    proxy.fail_every(1, 409, parts, times=1)
    (outcome,) = uploader.send(local([tmp_path / "a"]), owners.owner_of(alice))
    assert (outcome.error, objects()) == (None, {outcome.id})


def test_a_permanent_error_is_not_retried_and_leaves_nothing(
    proxy: Proxy, tmp_path: Path, alice: User
) -> None:
    (tmp_path / "large").write_bytes(os.urandom(3 * PART))
    proxy.fail_every(1, 500, parts)
    (outcome,) = uploader.send(local([tmp_path / "large"]), owners.owner_of(alice))
    assert str(outcome.error) == "S3 responded with 500 SlowDown."
    assert incomplete() == []
    tries = [request.query for request in proxy.requests(parts)]
    assert max(sum(f"partNumber={n}&" in query for query in tries) for n in (1, 2, 3)) == (
        uploader.ATTEMPTS
    )


def test_corrupted_bytes_are_refused_by_s3(proxy: Proxy, tmp_path: Path, alice: User) -> None:
    (tmp_path / "a").write_bytes(b"hello")
    proxy.flip_every(1, parts)
    (outcome,) = uploader.send(local([tmp_path / "a"]), owners.owner_of(alice))
    assert re.fullmatch(r"S3 responded with 400 \w+\.", str(outcome.error)), outcome
    assert len(proxy.requests(parts)) == uploader.ATTEMPTS
    assert objects() == set()


@pytest.mark.parametrize("size", [100, 2 * PART])
def test_a_file_that_shrinks_is_not_stored(
    tmp_path: Path, alice: User, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * size)
    digest = sending.sha256

    def shrink(path: Path, start: int, size: int) -> str:
        checksum = digest(path, start, size)
        os.truncate(path, start + size // 2)
        return checksum

    monkeypatch.setattr(sending, "sha256", shrink)
    (outcome,) = uploader.send(local([path]), owners.owner_of(alice))
    assert str(outcome.error) == "The file shrank while it was being uploaded."
    assert (objects(), incomplete()) == (set(), [])


def test_the_number_of_concurrent_requests_is_limited(
    proxy: Proxy, tmp_path: Path, alice: User
) -> None:
    for number in range(10):
        (tmp_path / f"{number}").write_bytes(b"x")
    (tmp_path / "large").write_bytes(b"x" * 6 * PART)
    peak = 0
    running: list[int] = []
    send = drivers._ThreadRun._send

    def watched(*args: Any) -> Any:
        nonlocal peak
        running.append(1)
        peak = max(peak, len(running))
        try:
            return send(*args)
        finally:
            running.pop()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drivers._ThreadRun, "_send", watched)
        list(uploader.send(local(tmp_path.iterdir()), owners.owner_of(alice), concurrency=2))
    assert peak == 2
    assert len(proxy.requests(parts)) == 10 + 6


@pytest.mark.parametrize(("expiry", "files"), [(900, 100), (100, 100), (2, 2)])
def test_small_files_are_signed_in_groups_that_can_be_sent_before_they_expire(
    settings: Settings, expiry: int, files: int
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"URL_EXPIRY": expiry}
    options = uploader._options()
    assert (options.group_files, options.group_bytes) == (files, expiry * uploader.SLOWEST)


def test_the_usage_is_read_once_for_many_small_files(
    proxy: Proxy, tmp_path: Path, alice: User, aws_requests: AwsRequests
) -> None:
    Quota.objects.create(user=alice, limit=MIB)
    for number in range(10):
        (tmp_path / f"{number}").write_bytes(b"x")
    outcomes = list(uploader.send(local(tmp_path.iterdir()), owners.owner_of(alice)))
    assert [outcome.error for outcome in outcomes] == [None] * 10
    assert aws_requests.counts() == {"dynamodb": 1}


def test_an_interrupted_command_leaves_nothing_in_s3(
    proxy: Proxy, tmp_path: Path, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "large").write_bytes(b"x" * 4 * PART)

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(transfer_parts, "complete", interrupt)
    with pytest.raises(CommandError, match="Interrupted"):
        run(tmp_path, "--owner", "alice")
    assert incomplete() == []
