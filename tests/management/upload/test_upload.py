"""`manage.py upload` sends files and directories with presigned requests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from tests.ingest.reconciliation.helpers import objects
from tests.management.upload.helpers import PART, content, failed, run
from tests.support.aws_requests import AwsRequests
from tests.support.files import removal
from tests.support.processes import ROOT
from tests.transfers.uploads import incomplete
from uploads.accounts import owners
from uploads.aws import s3
from uploads.core import keys
from uploads.core.limits import MIB
from uploads.files import queries, trash
from uploads.files.batches import Actor
from uploads.files.record import StoredFile
from uploads.management import uploader
from uploads.models import Quota
from uploads.transfers import batch

pytestmark = pytest.mark.usefixtures("aws")


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
    folders = {Path(path).name: record.folder for path, record in records.items()}
    assert folders == {
        "große Datei.bin": "tree/b",
        "exactly.tar.gz": "tree/b",
        "a.txt": "tree",
        "no type": "tree",
    }
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
    sentence, ((_, state, _, _),) = failed(tmp_path, "--owner", "alice", "--timeout", 0)
    assert (state, "not recorded within 0 s" in sentence) == ("pending", True)


@pytest.mark.usefixtures("_events")
@pytest.mark.parametrize(("change", "state"), [("move_to_trash", "trashed"), ("delete", "deleted")])
def test_a_file_that_is_removed_before_the_command_ends_is_not_stored(
    tmp_path: Path, alice: User, monkeypatch: pytest.MonkeyPatch, change: str, state: str
) -> None:
    (tmp_path / "a").write_bytes(b"a")
    owner = owners.owner_of(alice)
    statuses = uploader.statuses

    def remove_then_ask(ids: list[str], user: str, *, timeout: float) -> Any:
        statuses(ids, user, timeout=timeout)
        getattr(trash, change)(ids, Actor(owner, owner))
        if change == "delete":
            removal(ids[0], 9)
        return statuses(ids, user, timeout=timeout)

    monkeypatch.setattr(uploader, "statuses", remove_then_ask)
    sentence, ((_, found, *_),) = failed(tmp_path, "--owner", "alice")
    assert (found, sentence) == (state, "1 of 1 files were not stored.")


def test_the_states_of_any_number_of_uploads_are_requested_in_groups(
    alice: User, aws_requests: AwsRequests, settings: Settings
) -> None:
    owner = owners.owner_of(alice)
    ids = [keys.new_upload_id(owner, settings.SECRET_KEY) for _ in range(queries.MAX_IDS + 1)]
    found = uploader.statuses(ids, owner, timeout=0)
    assert ({status.state for status in found.values()}, len(found)) == ({"pending"}, len(ids))
    assert aws_requests.counts() == {"dynamodb": 2}


@pytest.mark.usefixtures("_events")
def test_a_failed_file_does_not_stop_the_others(
    tmp_path: Path, alice: User, settings: Settings
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("text/*",)}
    names = {
        b"good.txt": "",
        b"bad\xff.txt": "not valid Unicode",
        b"new\nline.txt": "control",
        "x\u202edcba.txt".encode(): "",
    }
    names[b"picture.png"] = "Files of type image/png are not accepted here"
    for name in names:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"x")
    missing = tmp_path / "missing.txt"
    sentence, lines = failed(tmp_path, missing, tmp_path / "good.txt", "--owner", "alice")
    assert sentence == "4 of 6 files were not stored."
    results = {Path(line[2]).name: (line[1], " ".join(line[3:])) for line in lines}
    assert results.pop("good.txt") == ("stored", "")
    assert results.pop("x\ufffddcba.txt") == ("stored", "")
    assert {state for state, _ in results.values()} == {"failed"}
    assert set(results) == {"bad\\udcff.txt", "new\ufffdline.txt", "picture.png", "missing.txt"}
    assert "not valid Unicode" in results["bad\\udcff.txt"][1]
    assert "control character" in results["new\ufffdline.txt"][1]
    assert "image/png" in results["picture.png"][1]
    assert "cannot be read: No such file" in results["missing.txt"][1]
    assert len(objects()) == 2


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
    original = batch.begin_uploads
    limit = settings.FILEHUB | {"MAX_SIZE": 10}

    def begun(*args: Any, **fields: Any) -> Any:
        uploads = original(*args, **fields)
        settings.FILEHUB = limit  # stricter than when it was signed
        return uploads

    monkeypatch.setattr(batch, "begin_uploads", begun)
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
    results = {Path(line[2]).name: (line[1], line[-1]) for line in lines}
    assert results["tiny"][0] == "stored"
    for name in ("large", "small"):
        assert results[name][0] == "failed"
        assert "of your quota of 10 bytes" in results[name][1]
    assert len(objects()) == 1
    assert incomplete() == []


@pytest.mark.exhaustive
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(100 * MIB)
    code = f"""
import django, resource
django.setup()
from pathlib import Path
from filehub_client import LocalFile
from uploads.management import uploader
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
(outcome,) = uploader.send([LocalFile(Path({str(tmp_path / "large")!r}), "large")], "7")
assert not outcome.error, outcome
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 60


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


@pytest.mark.usefixtures("_events")
def test_tags_context_and_destination_are_stored(
    tmp_path: Path, alice: User, settings: Settings
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"DESTINATIONS": {"staff": {"who": "staff"}}}
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"hello")
    large.write_bytes(os.urandom(PART + 1))
    said = ["--tag", "a", "--tag", "b", "--context", '{"order": 7}', "--destination", "staff"]
    lines = run(small, large, "--owner", "alice", *said)
    assert [state for _, state, _ in lines] == ["stored"] * 2
    for upload_id, _, _ in lines:
        record = StoredFile.get(upload_id)
        assert (record.tags, record.context, record.destination) == (
            ["a", "b"], '{"order":7}', "staff",
        )  # fmt: skip
    for option in ("--tag", "--destination"):
        problem, lines = failed(small, "--owner", "alice", option, "\n")
        assert problem.endswith(".")
        assert lines == []
