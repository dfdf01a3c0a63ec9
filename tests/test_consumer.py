"""The consumer against real queues: nothing leaves the events queue before its effect is safe."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.conftest import drain, store, upload, wait_for
from uploads import confirmation, queues, reconcile, selectors, storage, tasks
from uploads.conf import env
from uploads.consumer import Consumer
from uploads.events import ObjectEvent
from uploads.exceptions import BackendUnavailable
from uploads.tasks import confirm_objects

pytestmark = pytest.mark.usefixtures("own_queues")

OWNER = "7"


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[list[ObjectEvent]]:
    """What the consumer handed to Celery; it still reaches the real tasks queue."""
    seen: list[list[ObjectEvent]] = []
    enqueue = tasks.enqueue

    def note(events: list[ObjectEvent]) -> None:
        enqueue(events)
        seen.append(events)

    monkeypatch.setattr(tasks, "enqueue", note)
    return seen


def events_queue() -> str:
    return env().filehub_events_queue


def depth(name: str) -> int:
    answer = queues.client().get_queue_attributes(
        QueueUrl=queues.url(name),
        AttributeNames=[
            "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
        ],
    )["Attributes"]  # fmt: skip
    return sum(map(int, answer.values()))


def send(body: str) -> None:
    queues.client().send_message(QueueUrl=queues.url(events_queue()), MessageBody=body)


def test_a_batch_becomes_one_task_and_leaves_the_queue(queued: list[list[ObjectEvent]]) -> None:
    for number in range(5):
        upload(OWNER, f"{number}.txt")
    wait_for(lambda: depth(events_queue()) == 5)
    assert Consumer().step() == 5
    assert depth(events_queue()) == 0
    assert [len(events) for events in queued] == [5]


def test_a_message_stays_when_its_task_cannot_be_queued(monkeypatch: pytest.MonkeyPatch) -> None:
    upload(OWNER)
    wait_for(lambda: depth(events_queue()) == 1)

    def refuse(events: object) -> None:
        raise BackendUnavailable

    monkeypatch.setattr(tasks, "enqueue", refuse)
    with pytest.raises(BackendUnavailable):
        Consumer().step()
    assert depth(events_queue()) == 1


@pytest.mark.parametrize(
    "body",
    ["not json", "{}", '{"Records": [{"eventName": "s3:ObjectCreated:Put"}]}', "[" * 50_000],
    ids=["no JSON", "no Records", "broken record", "nested too deeply"],
)
def test_a_malformed_message_goes_alone_to_the_dead_letters(
    body: str, queued: list[list[ObjectEvent]]
) -> None:
    upload(OWNER)
    send(body)
    wait_for(lambda: depth(events_queue()) == 2)
    consumer = Consumer()
    wait_for(lambda: (consumer.step(), depth(events_queue()) == 0)[1])
    dead = drain(f"{events_queue()}-dlq")
    assert [letter["Body"] for letter in dead] == [body]
    assert dead[0]["MessageAttributes"]["error"]["StringValue"]
    assert sum(map(len, queued)) == 1


def test_the_test_event_is_dropped(queued: list[list[ObjectEvent]]) -> None:
    send(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "x"}))
    Consumer().step()
    assert depth(events_queue()) == depth(f"{events_queue()}-dlq") == 0
    assert queued == []


def test_one_failing_event_does_not_hold_back_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = (upload(OWNER, f"{n}.txt") for n in range(3))
    head = storage.head

    def fail_for_second(upload_id: str) -> storage.StoredObject | None:
        if upload_id == second:
            raise BackendUnavailable
        return head(upload_id)

    monkeypatch.setattr(storage, "head", fail_for_second)
    events = [
        {"kind": "created", "upload_id": upload_id, "sequencer": "1".ljust(64, "0")}
        for upload_id in (first, second, third)
    ]
    with pytest.raises(tasks.ConfirmationError):
        confirm_objects(events)
    assert [info.id for info in selectors.files_of(OWNER, limit=9).files] == [third, first]


def test_what_the_worker_puts_right_is_listed_and_the_event_that_comes_after_all_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconcile, "MIN_AGE", timedelta(0))
    lost = upload(OWNER)
    store(OWNER)
    tasks.reconcile_recent()
    assert len(selectors.files_of(OWNER, limit=9).files) == 2
    assert confirmation.confirm(lost) == "unchanged"


def test_reconciliation_does_not_bring_back_what_was_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconcile, "MIN_AGE", timedelta(0))
    upload_id = store(OWNER)
    storage.delete(upload_id)
    confirmation.apply_event(ObjectEvent("removed", upload_id, "F" * 64))
    tasks.reconcile_recent()
    assert selectors.files_of(OWNER, limit=9).files == []
