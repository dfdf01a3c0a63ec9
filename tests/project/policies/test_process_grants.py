"""Each permission on the tasks queue is removed once from a real worker, and from a real beat."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from celery import Celery
from django.conf import settings

from tests.project.policies.processes import Process, started
from tests.support.files import upload
from tests.support.policies import create_user, grants, policies, without
from tests.support.waiting import wait_for
from uploads.core.conf import conf
from uploads.files import queries
from uploads.worker.broker import RETRIED_TASKS, PredefinedQueues

pytestmark = pytest.mark.usefixtures("own_queues")


def stack() -> str:
    return f"stack-{conf().bucket.removeprefix('bucket-')}"


def queue_task(*events: dict[str, str]) -> None:
    """Queue a task in this test's own queue: Celery's settings name the tests' common one."""
    queue = conf().tasks_queue
    publisher = Celery(set_as_current=False, broker=settings.CELERY_BROKER_URL)
    publisher.conf.update(
        task_default_queue=queue,
        broker_transport_options={
            **settings.CELERY_BROKER_TRANSPORT_OPTIONS,
            "predefined_queues": PredefinedQueues(queue, list(RETRIED_TASKS)),
        },
    )
    publisher.send_task("uploads.tasks.confirm_objects", (list(events),))


def outcome(process: Process, is_done: Callable[[], bool]) -> str:
    """Wait until the process has done its work ("done") or was denied something ("denied")."""

    def result() -> str:
        log = process.log()
        if "AccessDenied" in log or "ReceiveMessage failed: 403" in log:
            return "denied"
        return "done" if is_done() else ""

    return wait_for(result)


def work_of_a_worker(directory: Path, document: object) -> str:
    """Let a worker confirm a file and fail an event, which it queues again and then retries."""
    upload_id = upload("7")
    good = {"kind": "created", "upload_id": upload_id, "sequencer": "1".zfill(64)}
    queue_task(good, {"kind": "bad"})

    def is_done() -> bool:
        # Once beside the good event, once alone, and once more after the first pause.
        fails = worker.log().count('"bad of None failed"')
        return fails >= 3 and queries.any_file(upload_id) is not None

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
