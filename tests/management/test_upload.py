"""`manage.py upload` sends files from disk to S3 with presigned requests, despite faults."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.ingest.reconciliation.helpers import objects
from tests.plugin import AWS_PORT
from tests.support.processes import ROOT
from tests.support.proxy import Proxy, parts
from tests.transfers.uploads import incomplete
from uploads.accounts import owners
from uploads.aws import s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.limits import MIB
from uploads.files import queries
from uploads.files.record import StoredFile
from uploads.ingest import confirm
from uploads.management import uploader
from uploads.models import Quota
from uploads.transfers import begin
from uploads.transfers import parts as transfer_parts

pytestmark = pytest.mark.usefixtures("aws")

PART = 5 * MIB


@pytest.fixture(autouse=True)
def _quick(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.FILEHUB = settings.FILEHUB | {"MULTIPART_THRESHOLD": PART, "PART_SIZE": PART}
    monkeypatch.setattr(uploader, "LONGEST_PAUSE", 0)
    monkeypatch.setattr(uploader, "POLL_INTERVAL", 0.01)


@pytest.fixture
def _events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Confirm each upload when its state is requested, as the worker would."""
    ask = queries.upload_statuses

    def confirmed(ids: list[str], owner: str) -> Any:
        found = ask(ids, owner)
        for upload_id in ids:
            confirm.confirm(upload_id)
        return found

    monkeypatch.setattr(queries, "upload_statuses", confirmed)


@pytest.fixture
def proxy(settings: Settings) -> Iterator[Proxy]:
    """A proxy between the command and S3 for presigned requests."""
    with Proxy(AWS_PORT) as proxy:
        settings.FILEHUB = settings.FILEHUB | {"ENDPOINT_URL_S3": proxy.url}
        yield proxy


def run(*arguments: object) -> list[list[str]]:
    """The fields of each line of output. CommandError propagates."""
    out = StringIO()
    try:
        call_command("upload", *map(str, arguments), stdout=out, stderr=StringIO())
    finally:
        lines = [re.split(" {2,}", line) for line in out.getvalue().splitlines()]
        run.lines = lines  # type: ignore[attr-defined]
    return lines


def failed(*arguments: object) -> tuple[str, list[list[str]]]:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    return str(caught.value), run.lines  # type: ignore[attr-defined]


def content(upload_id: str) -> bytes:
    return s3.read(conf().bucket, keys.object_key(upload_id))


@pytest.mark.usefixtures("_events")
def test_files_and_directories_are_uploaded(tmp_path: Path, alice: User) -> None:
    tree = tmp_path / "tree"
    (tree / "b" / "empty").mkdir(parents=True)
    bodies = {
        "b/große Datei.bin": os.urandom(2 * PART + 17),
        "b/exactly.tar.gz": os.urandom(PART),
        "a.txt": b"hello",
        "no type": b"",
    }
    for name, body in bodies.items():
        (tree / name).write_bytes(body)
    (tree / "link").symlink_to(tree / "a.txt")
    os.mkfifo(tree / "pipe")
    lines = run(tree, tree / "a.txt", "--owner", "alice")
    assert {Path(path).relative_to(tree).as_posix() for _, _, path in lines} == {*bodies}
    assert {state for _, state, _ in lines} == {"stored"}
    records = {path: StoredFile.get(upload_id) for upload_id, _, path in lines}
    for upload_id, _, path in lines:
        record, body = records[path], bodies[Path(path).relative_to(tree).as_posix()]
        assert (record.file_name, record.owner) == (Path(path).name, owners.owner_of(alice))
        assert content(upload_id) == body
        assert record.checksum
    types = {Path(path).name: record.content_type for path, record in records.items()}
    assert types == {
        "große Datei.bin": "application/octet-stream",
        "exactly.tar.gz": "application/gzip",
        "a.txt": "text/plain",
        "no type": "application/octet-stream",
    }
    assert incomplete() == []


def test_without_waiting_uploads_are_pending(tmp_path: Path, alice: User) -> None:
    (tmp_path / "a").write_bytes(b"a")
    ((upload_id, state, _),) = run(tmp_path, "--owner", "alice", "--no-wait")
    assert (state, objects()) == ("pending", {upload_id})


def test_unconfirmed_files_are_reported(tmp_path: Path, alice: User) -> None:
    (tmp_path / "a").write_bytes(b"a")
    sentence, ((_, state, _),) = failed(tmp_path, "--owner", "alice", "--timeout", 0)
    assert (state, "not recorded within 0 s" in sentence) == ("pending", True)


@pytest.mark.usefixtures("_events")
def test_a_failed_file_does_not_stop_the_others(
    tmp_path: Path, alice: User, settings: Settings
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("text/*",)}
    names = {b"good.txt": "", b"bad\xff.txt": "not valid Unicode", b"new\nline.txt": "control"}
    names[b"picture.png"] = "Files of type image/png are not accepted here"
    for name in names:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"x")
    missing = tmp_path / "missing.txt"
    sentence, lines = failed(tmp_path, missing, tmp_path / "good.txt", "--owner", "alice")
    assert sentence == "4 of 5 files were not stored."
    told = {Path(line[2]).name: (line[1], " ".join(line[3:])) for line in lines}
    assert told.pop("good.txt") == ("stored", "")
    assert {state for state, _ in told.values()} == {"failed"}
    assert set(told) == {"bad\\udcff.txt", "new\ufffdline.txt", "picture.png", "missing.txt"}
    assert "not valid Unicode" in told["bad\\udcff.txt"][1]
    assert "control character" in told["new\ufffdline.txt"][1]
    assert "image/png" in told["picture.png"][1]
    assert "cannot be read: No such file" in told["missing.txt"][1]
    assert len(objects()) == 1


def test_an_unreadable_file_does_not_stop_the_others(
    tmp_path: Path, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"a")
    walk = os.walk

    def walked(*args: Any, **fields: Any) -> Any:
        for folder, folders, names in walk(*args, **fields):
            yield folder, folders, [*names, "gone meanwhile"]

    monkeypatch.setattr(os, "walk", walked)
    _, lines = failed(tmp_path, "x" * 300, "--owner", "alice", "--no-wait")
    # Each file is reported as soon as it has ended.
    assert sorted((state, why) for _, state, _, *why in lines) == [
        ("failed", ["The file cannot be read: File name too long."]),
        ("failed", ["The file cannot be read: No such file or directory."]),
        ("pending", []),
    ]


@pytest.mark.usefixtures("_events")
def test_a_rejected_file_is_reported_with_its_reason(
    tmp_path: Path, alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_bytes(b"x" * 100)
    original = begin.begin_put
    limit = settings.FILEHUB | {"MAX_SIZE": 10}

    def begun(*args: Any, **fields: Any) -> Any:
        request = original(*args, **fields)
        settings.FILEHUB = limit  # stricter than when it was signed
        return request

    monkeypatch.setattr(begin, "begin_put", begun)
    _, (line,) = failed(tmp_path, "--owner", "alice")
    assert line[1] == "rejected"
    assert "at most 10" in line[3]


@pytest.mark.usefixtures("_events")
def test_a_file_above_the_quota_is_not_sent(tmp_path: Path, alice: User) -> None:
    (tmp_path / "large").write_bytes(b"x" * (PART + 1))
    (tmp_path / "small").write_bytes(b"x" * 11)
    (tmp_path / "tiny").write_bytes(b"x" * 10)
    Quota.objects.create(user=alice, limit=10)
    _, lines = failed(tmp_path, "--owner", "alice")
    told = {Path(line[2]).name: (line[1], line[-1]) for line in lines}
    assert told["tiny"][0] == "stored"
    for name in ("large", "small"):
        assert told[name][0] == "failed"
        assert "of your quota of 10 bytes" in told[name][1]
    assert len(objects()) == 1
    assert incomplete() == []


# Faults


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
    outcomes = list(uploader.send(sorted(tmp_path.iterdir()), owner, progress=sent.append))
    assert [outcome.error for outcome in outcomes] == [""] * 4
    assert {request.fault for request in proxy.requests(parts)} >= {"fail", "cut", "lose"}
    found = {outcome.path.name: content(outcome.id) for outcome in outcomes}
    assert found == {"large": body, "a": b"a", "b": b"b", "c": b"c"}
    # A part that was sent twice is counted once.
    assert sum(sent) == len(body) + 3


@pytest.mark.parametrize(
    ("status", "code", "passes"),
    [
        (400, "RequestTimeout", True),
        (409, "ConditionalRequestConflict", True),
        (429, "", True),
        (503, "SlowDown", True),
        (400, "BadDigest", False),
        (403, "AccessDenied", False),
    ],
)
def test_which_errors_are_temporary(status: int, code: str, passes: bool) -> None:
    assert uploader._is_temporary(status, code) == passes


def test_a_conflict_with_the_same_request_is_no_failure(
    proxy: Proxy, tmp_path: Path, alice: User
) -> None:
    (tmp_path / "a").write_bytes(b"a")
    proxy.fail_every(1, 409, parts, times=1)
    (outcome,) = uploader.send([tmp_path / "a"], owners.owner_of(alice))
    assert (outcome.error, objects()) == ("", {outcome.id})


def test_a_permanent_error_is_not_retried_and_leaves_nothing(
    proxy: Proxy, tmp_path: Path, alice: User
) -> None:
    (tmp_path / "large").write_bytes(os.urandom(3 * PART))
    proxy.fail_every(1, 500, parts)
    (outcome,) = uploader.send([tmp_path / "large"], owners.owner_of(alice))
    assert outcome.error == "S3 responded with 500 SlowDown."
    assert incomplete() == []
    tries = [request.query for request in proxy.requests(parts)]
    assert max(sum(f"partNumber={n}&" in query for query in tries) for n in (1, 2, 3)) == (
        uploader.ATTEMPTS
    )


def test_corrupted_bytes_are_refused_by_s3(proxy: Proxy, tmp_path: Path, alice: User) -> None:
    (tmp_path / "a").write_bytes(b"hello")
    proxy.flip_every(1, parts)
    (outcome,) = uploader.send([tmp_path / "a"], owners.owner_of(alice))
    assert re.fullmatch(r"S3 responded with 400 \w+\.", outcome.error), outcome
    assert len(proxy.requests(parts)) == 1
    assert objects() == set()


@pytest.mark.parametrize("size", [100, 2 * PART])
def test_a_file_that_shrinks_is_not_stored(
    tmp_path: Path, alice: User, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * size)
    digest = uploader._sha256

    def shrink(path: Path, start: int, size: int) -> str:
        found = digest(path, start, size)
        os.truncate(path, start + size // 2)
        return found

    monkeypatch.setattr(uploader, "_sha256", shrink)
    (outcome,) = uploader.send([path], owners.owner_of(alice))
    assert outcome.error == "The file shrank while it was being uploaded."
    assert (objects(), incomplete()) == (set(), [])


def test_the_number_of_concurrent_requests_is_limited(
    proxy: Proxy, tmp_path: Path, alice: User
) -> None:
    for number in range(10):
        (tmp_path / f"{number}").write_bytes(b"x")
    (tmp_path / "large").write_bytes(b"x" * 6 * PART)
    begun: list[int] = []
    original = begin.begin_put

    def noted(*args: Any, **fields: Any) -> Any:
        begun.append(len(proxy.requests(parts)))
        return original(*args, **fields)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(begin, "begin_put", noted)
        list(uploader.send(tmp_path.iterdir(), owners.owner_of(alice), concurrency=2))
    # A request is signed just before it is sent.
    assert all(number <= sent + 2 for number, sent in enumerate(begun))
    assert len(proxy.requests(parts)) == 10 + 6


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


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(100 * MIB)
    code = f"""
import django, resource
django.setup()
from pathlib import Path
from uploads.management import uploader
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
(outcome,) = uploader.send([Path({str(tmp_path / "large")!r})], "7")
assert not outcome.error, outcome
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 60


# Owners


def test_the_only_superuser_is_the_default(tmp_path: Path, alice: User, admin_user: User) -> None:
    (tmp_path / "a").write_bytes(b"a")
    ((upload_id, *_),) = run(tmp_path, "--no-wait")
    assert s3.head(upload_id).owner == owners.owner_of(admin_user)  # type: ignore[union-attr]
    User.objects.create_superuser("second")
    sentence, lines = failed(tmp_path)
    assert (lines, "there are several superusers" in sentence) == ([], True)


def test_an_unknown_user_cannot_be_the_owner(tmp_path: Path, alice: User) -> None:
    (tmp_path / "a").write_bytes(b"a")
    assert "there is no superuser" in failed(tmp_path)[0]
    assert "no active user “bob”" in failed(tmp_path, "--owner", "bob")[0]
    alice.is_active = False
    alice.save()
    assert "no active user “alice”" in failed(tmp_path, "--owner", "alice")[0]
    assert objects() == set()
