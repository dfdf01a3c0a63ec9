"""Each permission on the tasks queue is removed once from a real worker, and from a real beat."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.project.policies.processes import Process, started
from tests.support.clamd import fake_clamd
from tests.support.files import upload
from tests.support.policies import create_user, grants, policies, without
from tests.support.waiting import wait_for
from tests.thumbnails.helpers import PNG, publisher
from uploads.core.conf import conf
from uploads.files import queries
from uploads.scanning.clamd import EICAR

pytestmark = pytest.mark.usefixtures("own_queues")


def stack() -> str:
    return f"stack-{conf().bucket.removeprefix('bucket-')}"


def queue_task(name: str, argument: list[Any]) -> None:
    """Queue a task in this test's own queues: Celery's settings name the tests' common ones."""
    publisher().send_task(name, (argument,))


def outcome(process: Process, is_done: Callable[[], bool]) -> str:
    """Wait until the process has done its work ("done") or was denied something ("denied")."""

    def result() -> str:
        log = process.log()
        if "AccessDenied" in log or "ReceiveMessage failed: 403" in log:
            return "denied"
        return "done" if is_done() else ""

    return wait_for(result)


def work_of_a_worker(directory: Path, document: object) -> str:
    """Let a worker confirm a file and make its thumbnail.

    It also fails an event, which it queues again and then retries, and a thumbnail.
    """
    upload_id = upload("7", "a.png", PNG, "image/png")
    good = {"kind": "created", "upload_id": upload_id, "sequencer": "1".zfill(64)}
    queue_task("uploads.tasks.confirm_objects", [good, {"kind": "bad"}])
    # A number is no id.
    queue_task("uploads.tasks.make_thumbnails", [7])

    def is_done() -> bool:
        # Once beside the good event, once alone, and once more after the first pause.
        fails = worker.log().count('"bad of None failed"')
        # At once, and after the first pause.
        fails_low = worker.log().count('"the thumbnail of 7 failed"')
        file = queries.any_file(upload_id)
        return fails >= 3 and fails_low >= 2 and file is not None and file.has_thumbnail

    with started("worker", create_user(document), directory) as worker:
        return outcome(worker, is_done)


@pytest.mark.exhaustive
def test_the_worker_needs_each_permission_on_its_queue(tmp_path: Path) -> None:
    document = policies(stack())["Worker"]
    assert work_of_a_worker(tmp_path, document) == "done"
    unnecessary = []
    for number, grant in enumerate(grants("Worker", document)):
        if not grant.action.startswith("sqs:"):
            continue
        (directory := tmp_path / str(number)).mkdir()
        if work_of_a_worker(directory, without(document, grant)) == "done":
            unnecessary.append(grant)
    assert unnecessary == []


@pytest.mark.exhaustive
def test_the_worker_checks_files_for_malware_with_its_policy_alone(tmp_path: Path) -> None:
    files = {upload("7", "a.txt", b"x" * 100): "stored", upload("7", "b.txt", EICAR): "quarantined"}
    events = [
        {"kind": "created", "upload_id": upload_id, "sequencer": "1".zfill(64)}
        for upload_id in files
    ]

    def is_done() -> bool:
        found = {upload_id: queries.any_file(upload_id) for upload_id in files}
        return {key: file and file.state for key, file in found.items()} == files

    with fake_clamd() as clamd:
        scanner = {"FILEHUB_SCAN": "clamd", "FILEHUB_CLAMD": clamd.url}
        policy = create_user(policies(stack())["Worker"])
        with started("worker", policy, tmp_path, **scanner) as worker:
            queue_task("uploads.tasks.confirm_objects", events)
            assert outcome(worker, is_done) == "done"
            assert "AccessDenied" not in worker.log()


@pytest.mark.exhaustive
def test_beat_needs_each_of_its_permissions_and_is_unhealthy_without(tmp_path: Path) -> None:
    document = policies(stack())["Beat"]
    with started("beat", create_user(document), tmp_path) as beat:
        assert outcome(beat, beat.has_heartbeat) == "done"
    unnecessary = []
    for number, grant in enumerate(grants("Beat", document)):
        (directory := tmp_path / str(number)).mkdir()
        with started("beat", create_user(without(document, grant)), directory) as beat:
            if outcome(beat, beat.has_heartbeat) == "done":
                unnecessary.append(grant)
            assert not beat.has_heartbeat()
    assert unnecessary == []
