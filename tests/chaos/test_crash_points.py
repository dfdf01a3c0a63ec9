"""`kill -9` before every single line, from the receipt of a message to its deletion.

For each line of filehub's own code that a step executes, a child with its own object and message
crashes there; a line that is executed again has another child. `make test-all` does this for the
consumer and for the task of a creation. For the other tasks, and in `make test`, it is each line of
some modules, once, or a sample of these.
Then the rest of the queues is processed without a fault, and everything must be as if no process
had crashed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import override_settings
from pytest_django import Settings

from tests.chaos.crash_points import ChildResult, ChildRunner, CrashPoint
from tests.support.files import upload
from tests.support.http import sha256
from tests.support.local_aws import arguments, drain
from tests.support.sample_files import HTML
from uploads.aws import clients, s3, sqs
from uploads.core import keys
from uploads.core.conf import conf
from uploads.files import grouping, recount, usage
from uploads.files.record import StoredFile
from uploads.files.usage import Usage
from uploads.ingest import confirm, tasks
from uploads.ingest.consumer import Consumer
from uploads.ingest.events import ObjectEvent

BODY = b"what was sent"
OTHER = b"what was sent later"

#: Seconds. Each of hundreds of lines has a child process with requests of its own.
pytestmark = pytest.mark.timeout(1800)

#: Modules that write, or acknowledge what was written.
WRITING = frozenset({"consumer.py", "tasks.py", "confirm.py", "settle.py", "store.py"})
#: These, and the modules that decide what to write.
DECIDING = WRITING | {
    "observe.py", "decide.py", "records.py", "record.py", "grouping.py", "counting.py", "usage.py",
    "s3.py", "fan_out.py", "folder_items.py", "states.py",
}  # fmt: skip
#: In `make test`, the tasks of one file and of a batch crash at every n-th of these lines only.
SAMPLE_OF_ONE, SAMPLE_OF_BATCH = 7, 31
EVERYWHERE = None


def tasks_queue() -> str:
    """Celery knows the queue that it was configured with, not the test's own."""
    queue: str = django_settings.CELERY_TASK_DEFAULT_QUEUE
    return queue


def events_queue() -> str:
    return conf().events_queue


@pytest.fixture
def isolated_queues(own_queues: None) -> Iterator[None]:
    """A bucket without notifications, and messages that stay invisible until a test shows them."""
    clients.s3().put_bucket_notification_configuration(
        Bucket=conf().bucket, NotificationConfiguration={}
    )
    for name in (events_queue(), tasks_queue()):
        hide_for(name, 900)
    yield
    hide_for(tasks_queue(), 180)


def hide_for(queue: str, seconds: int) -> None:
    clients.sqs().set_queue_attributes(
        QueueUrl=sqs.url(queue), Attributes={"VisibilityTimeout": str(seconds)}
    )


def show(queue: str, receipts: list[str]) -> None:
    """End the visibility timeout of messages, as waiting would; deleted ones stay deleted."""
    for start in range(0, len(receipts), 10):
        clients.sqs().change_message_visibility_batch(
            QueueUrl=sqs.url(queue),
            Entries=[
                {"Id": str(n), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                for n, receipt in enumerate(receipts[start : start + 10])
            ],
        )


def hide_all(queue: str) -> list[str]:
    """Receive all visible messages, so that the next child does not; return their receipts."""
    response = clients.sqs().receive_message(
        QueueUrl=sqs.url(queue), MaxNumberOfMessages=10, WaitTimeSeconds=0
    )
    return [message["ReceiptHandle"] for message in response.get("Messages", ())]


def crash_at_every_line(
    queue: str,
    prepare: Callable[[str], str],
    step: Callable[[], object],
    modules: frozenset[str] | None,
    every: int = 1,
) -> dict[str, str]:
    """Prepare and run the step once for each of its lines, and crash there. Return ids by owner.

    With `modules`, crash only the first time that a line of one of them is executed; with
    EVERYWHERE each time, at all lines. With `every`, choose each n-th of these. At the end all
    remaining messages are visible.
    """
    prepare("nobody")
    step()  # This creates the clients.
    runner = ChildRunner()
    prepare("first")
    complete: ChildResult = runner.run(step)
    assert not complete.killed
    assert len(complete.lines) > 50
    reached = {line.split(":")[0] for line in complete.lines}
    assert modules is None or len(reached & modules) >= 2, reached
    ids, receipts = {}, []
    chosen = [
        (number, line)
        for number, line in enumerate(complete.lines, start=1)
        if modules is None
        or (line.split(":")[0] in modules and line not in complete.lines[: number - 1])
    ]
    for number, line in chosen[::every]:
        owner = f"{number:05} {line}"
        ids[owner] = prepare(owner)
        point = CrashPoint(line, complete.lines[:number].count(line))
        result = runner.run(step, crash_at=point)
        assert result.killed, owner
        receipts += result.receipts or hide_all(queue)
    show(queue, receipts)
    return ids


def work() -> bool:
    """Do what a worker does with a message, in Celery's order: acknowledge late."""
    messages = sqs.receive(tasks_queue())
    for message in messages:
        tasks.confirm_objects(*arguments(message.body))
        sqs.delete(tasks_queue(), [message])
    return bool(messages)


def depth(queue: str) -> int:
    return sqs.depth(queue).total


def process_the_rest() -> None:
    """Process everything that is left, without a fault."""
    consumer = Consumer()
    while depth(events_queue()):
        consumer.step()
    while depth(tasks_queue()):
        work()
    assert depth(f"{tasks_queue()}-dlq") == 0


def records() -> dict[str, StoredFile]:
    return {record.id: record for record in StoredFile.scan(StoredFile.key.exists())}


@pytest.mark.exhaustive
def test_the_consumer_may_crash_at_any_line_beside_a_malformed_message(
    isolated_queues: None, full_size: bool
) -> None:
    def prepare(owner: str) -> str:
        upload_id = upload(owner, body=BODY)
        clients.sqs().send_message_batch(
            QueueUrl=sqs.url(events_queue()),
            Entries=[
                {"Id": "malformed", "MessageBody": f"malformed {owner}"},
                {"Id": "valid", "MessageBody": notification(upload_id)},
            ],
        )
        return upload_id

    ids = crash_at_every_line(
        events_queue(), prepare, Consumer().step, EVERYWHERE if full_size else WRITING
    )
    process_the_rest()
    assert_stored(ids, BODY)
    dead_letters = Counter(message["Body"] for message in drain(f"{events_queue()}-dlq"))
    assert set(dead_letters) == {f"malformed {owner}" for owner in [*ids, "nobody", "first"]}
    # Duplicates: the child crashed after it sent the dead letter and before it deleted the message.
    twice = sorted(body.split(" ", 1)[1] for body, count in dead_letters.items() if count > 1)
    assert max(dead_letters.values()) == 2
    assert twice == [owner for owner in sorted(ids) if twice[0] <= owner <= twice[-1]]


def notification(upload_id: str) -> str:
    details = {
        "bucket": {"name": conf().bucket},
        "object": {"key": keys.object_key(upload_id), "sequencer": "1"},
    }
    return json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": details}]})


def event(kind: Any, upload_id: str, number: int) -> ObjectEvent:
    return ObjectEvent(kind, upload_id, str(number).ljust(64, "0"))


def assert_stored(ids: dict[str, str], body: bytes) -> None:
    """Each object has one correct record and is counted once."""
    by_id = records()
    owners = usage.usage_of(ids)
    for owner, upload_id in ids.items():
        record = by_id[upload_id]
        assert (record.state, record.owner, record.size) == ("stored", owner, len(body)), owner
        assert record.checksum in {None, sha256(body)}, owner
        assert owners[owner] == Usage(1, len(body)), owner
    total = len(ids) + 2
    assert len(by_id) == total
    assert usage.by_kind()["text"] == Usage(total, total * len(body))
    assert arrived() == (total, 0)


def arrived() -> tuple[int, int]:
    """How many files were stored and rejected today."""
    today = datetime.now(UTC).date()
    days = usage.by_day(today, 2)  # Midnight may have passed.
    return sum(day.files for day in days), sum(day.rejected for day in days)


@pytest.mark.long
def test_the_task_of_a_creation_may_crash_at_any_line(
    isolated_queues: None, full_size: bool
) -> None:
    def prepare(owner: str) -> str:
        upload_id = upload(owner, body=BODY)
        tasks.enqueue([event("created", upload_id, 1)])
        return upload_id

    modules, every = (EVERYWHERE, 1) if full_size else (WRITING, SAMPLE_OF_ONE)
    ids = crash_at_every_line(tasks_queue(), prepare, work, modules, every)
    process_the_rest()
    assert_stored(ids, BODY)


@pytest.mark.exhaustive
def test_the_task_of_a_removal_may_crash_at_any_line(isolated_queues: None) -> None:
    def prepare(owner: str) -> str:
        upload_id = upload(owner, body=BODY)
        assert confirm.apply_event(event("created", upload_id, 1)) == "stored"
        s3.delete(upload_id)
        tasks.enqueue([event("removed", upload_id, 2)])
        return upload_id

    ids = crash_at_every_line(tasks_queue(), prepare, work, DECIDING)
    process_the_rest()
    by_id = records()
    owners = usage.usage_of(ids)
    for owner, upload_id in ids.items():
        record = by_id[upload_id]
        assert (record.state, record.owner_feed) == ("deleted", None), owner
        assert record.sequencer == event("removed", upload_id, 2).sequencer, owner
        assert owners[owner] == Usage(0, 0), owner
    assert usage.by_kind()["text"] == Usage(0, 0)
    assert arrived() == (len(ids) + 2, 0)


@pytest.mark.exhaustive
def test_the_task_of_a_rejection_may_crash_at_any_line(
    isolated_queues: None, settings: Settings
) -> None:
    usual = settings.FILEHUB
    settings.FILEHUB = usual | {"ALLOWED_TYPES": ("image/*",)}

    def prepare(owner: str) -> str:
        with override_settings(FILEHUB=usual):
            upload_id = upload(owner, body=BODY)
        tasks.enqueue([event("created", upload_id, 1)])
        return upload_id

    ids = crash_at_every_line(tasks_queue(), prepare, work, DECIDING)
    process_the_rest()
    by_id = records()
    for owner, upload_id in ids.items():
        record = by_id[upload_id]
        assert (record.state, record.owner) == ("rejected", owner), owner
        assert record.reason, owner
    assert set(usage.usage_of(ids).values()) == {Usage(0, 0)}
    assert arrived() == (0, len(ids) + 2)
    # The objects were deleted after their records said why.
    bucket = conf().bucket
    assert "Contents" not in clients.s3().list_objects_v2(Bucket=bucket)


@pytest.mark.exhaustive
def test_the_task_of_a_replaced_object_may_crash_at_any_line(isolated_queues: None) -> None:
    def prepare(owner: str) -> str:
        upload_id = upload(owner, body=BODY)
        assert confirm.apply_event(event("created", upload_id, 1)) == "stored"
        clients.s3().put_object(
            Bucket=conf().bucket,
            Key=keys.object_key(upload_id),
            Body=OTHER,
            ContentType="text/plain",
            Metadata=s3.metadata(owner, "a.txt"),
        )
        tasks.enqueue([event("created", upload_id, 2)])
        return upload_id

    ids = crash_at_every_line(tasks_queue(), prepare, work, DECIDING)
    process_the_rest()
    assert_stored(ids, OTHER)


@pytest.mark.long
def test_the_task_of_a_batch_may_crash_at_any_line(
    isolated_queues: None, full_size: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A creation twice, a rejection and a removal, in more than one transaction."""
    # A record and its counters: so the number of transactions does not depend on the random ids.
    monkeypatch.setattr(grouping, "MAX_ITEMS", 4)
    fake: dict[str, str] = {}
    removed: dict[str, str] = {}

    def prepare(owner: str) -> str:
        stored, removed[owner] = upload(owner, body=BODY), upload(owner, body=BODY)
        fake[owner] = upload(owner, "a.png", HTML, "image/png")
        assert confirm.apply_event(event("created", removed[owner], 1)) == "stored"
        s3.delete(removed[owner])
        tasks.enqueue(
            [
                event("created", stored, 1), event("created", fake[owner], 1),
                event("removed", removed[owner], 2), event("created", stored, 1),
            ]
        )  # fmt: skip
        return stored

    modules, every = (DECIDING, 1) if full_size else (WRITING, SAMPLE_OF_BATCH)
    ids = crash_at_every_line(tasks_queue(), prepare, work, modules, every)
    process_the_rest()
    by_id = records()
    owners = usage.usage_of(ids)
    for owner, upload_id in ids.items():
        states = [by_id[found[owner]].state for found in (ids, fake, removed)]
        assert states == ["stored", "rejected", "deleted"], owner
        assert s3.head(fake[owner]) is None, owner
        assert owners[owner] == Usage(1, len(BODY)), owner
        assert by_id[upload_id].version == 1, owner
    assert arrived() == (2 * len(fake), len(fake))
    assert recount.differences() == []
