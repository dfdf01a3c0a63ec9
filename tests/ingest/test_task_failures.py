"""The errors of failed tasks are kept beside their dead letters."""

from __future__ import annotations

import base64
import json
import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.dead_letters import UPLOAD_ID, events_queue, send_dead_letter
from tests.support.files import store, upload
from tests.support.local_aws import drain
from tests.support.processes import consumer, worker
from tests.support.waiting import wait_for
from uploads.aws import clients, dead_letters, s3, sqs
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.core.reasons import Reason
from uploads.core.texts import describe
from uploads.files import queries
from uploads.files.listing import FileFilter, find
from uploads.ingest import task_failures, tasks
from uploads.ingest.consumer import Consumer
from uploads.ingest.task_failures import TaskFailure
from uploads.operations import queue_status

OWNER = "7"


@pytest.mark.usefixtures("aws")
def test_a_replayed_event_records_the_file() -> None:
    upload_id = upload(OWNER)
    (message,) = wait_for(lambda: drain(events_queue()))
    send_dead_letter(message["Body"], error="The task queue was away.")
    assert queries.files_of(OWNER, limit=9).files == []

    assert dead_letters.replay(events_queue()).complete

    assert Consumer().step() == 1
    (task,) = drain(conf().tasks_queue)
    tasks.confirm_objects(_arguments(task["Body"])[0])
    assert [info.id for info in queries.files_of(OWNER, limit=9).files] == [upload_id]


def _arguments(body: str) -> Any:
    envelope = json.loads(base64.b64decode(body))
    return json.loads(base64.b64decode(envelope["body"]))[0]


@pytest.mark.usefixtures("aws")
def test_a_failed_task_records_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "head", _refuse)
    event = {"kind": "created", "upload_id": UPLOAD_ID, "sequencer": "1"}
    result = tasks.confirm_objects.apply(([event],))
    assert result.failed()
    failure = TaskFailure.get(TaskFailure.id_of(result.id))
    assert UPLOAD_ID in failure.error
    assert "S3 is away today" in failure.error
    assert failure.attempts == 1
    assert timedelta(days=27) < failure.expires_at - datetime.now(UTC) <= timedelta(days=28)


def test_an_error_of_confirmation_can_be_pickled() -> None:
    """Celery's pool process passes it to its parent in this form."""
    parameters = {"failed": 1, "total": 2, "first": "created of 1", "cause": "KeyError('a')"}
    error = tasks.ConfirmationError(Reason("events_failed", parameters))
    copy = pickle.loads(pickle.dumps(error))
    assert copy.reason == error.reason
    assert str(copy) == "1 of 2 events failed, first created of 1: KeyError('a')"


@pytest.mark.usefixtures("aws")
def test_the_last_error_is_kept_and_failures_are_counted() -> None:
    task_failures.record("t", "the first")
    task_failures.record("t", "x" * 9999)
    failure = TaskFailure.get(TaskFailure.id_of("t"))
    assert (failure.error, failure.attempts) == ("x" * task_failures.MAX_ERROR, 2)


@pytest.mark.usefixtures("aws")
def test_a_task_fails_as_usual_when_its_error_cannot_be_recorded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(s3, "head", _refuse)
    monkeypatch.setattr(TaskFailure.Meta, "table_name", "no-such-table")
    monkeypatch.setattr(TaskFailure, "_connection", None)
    result = tasks.confirm_hint.apply((UPLOAD_ID,))
    assert isinstance(result.result, BackendUnavailable)
    assert "could not be recorded" in caplog.text


def _refuse(upload_id: str) -> None:
    raise BackendUnavailable("S3 is away today.")


@pytest.mark.usefixtures("aws")
def test_no_list_of_files_contains_the_errors_of_tasks() -> None:
    file = store(OWNER)
    task_failures.record("t", "x")
    for state in ("stored", "rejected", "deleted"):
        listed = find(FileFilter(state), limit=99).files  # type: ignore[arg-type]
        assert [info.id for info in listed] == ([file] if state == "stored" else [])
    assert queries.any_file(TaskFailure.id_of("t")) is None


@pytest.mark.exhaustive
@pytest.mark.usefixtures("own_queues")
def test_the_dead_letter_of_a_failed_task_shows_the_task_and_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = conf().tasks_queue
    # Normally a task becomes a dead letter after eight failures, here after the first
    # at the next receive: a stopped worker may have left a poll behind.
    dead, live = sqs.dead_letter_queue(queue), sqs.url(queue)
    arn = clients.sqs().get_queue_attributes(QueueUrl=sqs.url(dead), AttributeNames=["QueueArn"])[
        "Attributes"
    ]["QueueArn"]
    clients.sqs().set_queue_attributes(
        QueueUrl=live,
        Attributes={
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1}),
            # A worker that is stopped right after a failure may not shorten this any more.
            "VisibilityTimeout": "10",
        },
    )
    upload_id = upload(OWNER)
    # The processes cannot reach S3, but this one can.
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with consumer(tmp_path), worker(tmp_path):
        wait_for(lambda: "ConfirmationError" in (tmp_path / "worker.log").read_text())

    def is_dead_letter() -> bool:
        clients.sqs().receive_message(QueueUrl=live, WaitTimeSeconds=1)
        return sqs.depth(dead).visible == 1

    wait_for(is_dead_letter)
    (dead_letter,) = queue_status.list_dead_letters("tasks").letters
    assert dead_letter.summary.title == "uploads.tasks.confirm_objects"
    (reason,) = dead_letter.errors
    error = describe(reason)
    assert "1 of 1 events failed" in error
    assert upload_id in error
    assert "127.0.0.1:9" in error
    assert dead_letter.failures >= 1
    assert [ref.key for ref in dead_letter.summary.objects] == [keys.object_key(upload_id)]
