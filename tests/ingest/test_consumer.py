"""The consumer on real queues: no message is deleted before its effect is durable."""

from __future__ import annotations

import json
import multiprocessing
import signal
import sys
import threading
from types import FrameType
from typing import Any

import pytest

from tests.support.aws_requests import AwsRequests
from tests.support.files import upload
from tests.support.local_aws import drain, queued_tasks
from tests.support.waiting import wait_for
from uploads.aws import clients, sqs
from uploads.core import backoff, keys
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.core.reasons import Reason, dump, load
from uploads.core.texts import describe
from uploads.ingest import consumer, tasks
from uploads.ingest.consumer import Consumer
from uploads.ingest.events import ObjectEvent
from uploads.operations.doctor import expected

pytestmark = pytest.mark.usefixtures("own_queues")

OWNER = "7"


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[list[ObjectEvent]]:
    """The events that the consumer queued. They still reach the real tasks queue."""
    seen: list[list[ObjectEvent]] = []
    enqueue = tasks.enqueue

    def note(events: list[ObjectEvent]) -> list[str]:
        task_ids = enqueue(events)
        seen.append(list(events))
        return task_ids

    monkeypatch.setattr(tasks, "enqueue", note)
    return seen


def events_queue() -> str:
    return conf().events_queue


def depth(name: str) -> int:
    response = clients.sqs().get_queue_attributes(
        QueueUrl=sqs.url(name),
        AttributeNames=[
            "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
        ],
    )["Attributes"]  # fmt: skip
    return sum(map(int, response.values()))


def send(body: str) -> None:
    clients.sqs().send_message(QueueUrl=sqs.url(events_queue()), MessageBody=body)


def test_a_batch_becomes_one_task_and_leaves_the_queue(queued: list[list[ObjectEvent]]) -> None:
    for number in range(5):
        upload(OWNER, f"{number}.txt")
    wait_for(lambda: depth(events_queue()) == 5)
    assert Consumer().step() == 5
    assert depth(events_queue()) == 0
    assert [len(events) for events in queued] == [5]


def fill(count: int) -> set[str]:
    """Put so many events into the queue; return their ids."""
    ids = [keys.new_upload_id(OWNER, "secret") for _ in range(count)]
    for start in range(0, count, 10):
        clients.sqs().send_message_batch(
            QueueUrl=sqs.url(events_queue()),
            Entries=[
                {"Id": str(number), "MessageBody": notification(upload_id, "1")}
                for number, upload_id in enumerate(ids[start : start + 10])
            ],
        )
    wait_for(lambda: depth(events_queue()) == count)
    return set(ids)


@pytest.mark.parametrize(
    ("waiting", "handled", "requests"),
    # Receives until one has less than ten messages, one task, and deletions of ten.
    [
        (1, 1, 1 + 1 + 1), (10, 10, 2 + 1 + 1), (105, 100, 10 + 1 + 10),
        pytest.param(9, 9, 1 + 1 + 1, marks=pytest.mark.exhaustive),
        pytest.param(25, 25, 3 + 1 + 3, marks=pytest.mark.exhaustive),
        pytest.param(100, 100, 10 + 1 + 10, marks=pytest.mark.exhaustive),
    ],
)  # fmt: skip
def test_a_full_queue_becomes_one_large_task(
    waiting: int,
    handled: int,
    requests: int,
    queued: list[list[ObjectEvent]],
    aws_requests: AwsRequests,
) -> None:
    running = Consumer()
    tasks.enqueue_nothing()  # The address of the queue is looked up once.
    ids = fill(waiting)
    running._queueing.succeeded()
    aws_requests.counts()
    assert running.step() == handled
    assert aws_requests.counts() == {"sqs": requests}
    (events,) = queued
    assert len(events) == handled
    assert {event.upload_id for event in events} <= ids
    assert depth(events_queue()) == waiting - handled


@pytest.mark.parametrize("failing", [1, 2])
def test_messages_received_before_a_failed_receive_are_handled(
    failing: int, queued: list[list[ObjectEvent]], monkeypatch: pytest.MonkeyPatch
) -> None:
    receive_more, calls = sqs.receive_more, []

    def fail(queue: str) -> list[sqs.Message]:
        calls.append(1)
        if len(calls) == failing:
            raise BackendUnavailable
        return receive_more(queue)

    monkeypatch.setattr(sqs, "receive_more", fail)
    fill(30)
    assert Consumer().step() == 10 * failing
    assert [len(events) for events in queued] == [10 * failing]
    assert depth(events_queue()) == 30 - 10 * failing


def test_a_consumer_that_is_stopped_gathers_no_more_messages() -> None:
    fill(20)
    running = Consumer()
    messages = sqs.receive(events_queue())
    running._stopping = True
    assert running._gather(messages) is messages


def test_gathering_ends_long_before_messages_appear_again(monkeypatch: pytest.MonkeyPatch) -> None:
    fill(30)
    monkeypatch.setattr(consumer, "MAX_GATHERING", 0.0)
    assert Consumer().step() == 10
    assert consumer.MAX_GATHERING < expected.EVENTS_VISIBILITY / 4


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
    assert [message["Body"] for message in dead] == [body]
    (reason,) = load(dead[0]["MessageAttributes"]["error"]["StringValue"])
    assert describe(reason) != reason.code
    assert sum(map(len, queued)) == 1


def test_the_error_of_a_message_with_many_broken_records_can_be_read() -> None:
    send(json.dumps({"Records": [{}] * 100}))
    wait_for(lambda: depth(events_queue()) == 1)
    Consumer().step()
    (dead_letter,) = drain(f"{events_queue()}-dlq")
    first, *others = load(dead_letter["MessageAttributes"]["error"]["StringValue"])
    assert first == Reason("field_missing", {"field": "eventName", "record": 0})
    assert others


@pytest.mark.parametrize("left", [0, 11, 12, 20, 10_000])
def test_the_error_is_shortened_beside_a_large_message(left: int) -> None:
    body = "é" + "x" * (1_048_576 - 2 - left)
    send(body)
    wait_for(lambda: depth(events_queue()) == 1)
    Consumer().step()
    (dead_letter,) = drain(f"{events_queue()}-dlq")
    assert dead_letter["Body"] == body
    reason = dead_letter.get("MessageAttributes", {}).get("error", {}).get("StringValue", "")
    assert reason == dump(Reason("not_json"))[: max(left - len("error" + "String"), 0)]


@pytest.fixture
def crashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate bugs in filehub: some messages cannot be parsed, some events cannot be queued."""
    parse, enqueue = consumer.parse_message, tasks.enqueue

    def parse_or_crash(body: str, bucket: str) -> Any:
        return parse(body, bucket) if body != "unreadable" else 1 / 0

    def enqueue_or_crash(events: list[ObjectEvent]) -> list[str]:
        if any(event.sequencer.startswith("BAD") for event in events):
            raise RuntimeError
        return enqueue(events)

    monkeypatch.setattr(consumer, "parse_message", parse_or_crash)
    monkeypatch.setattr(tasks, "enqueue", enqueue_or_crash)


def notification(upload_id: str, sequencer: str) -> str:
    thing = {
        "bucket": {"name": conf().bucket},
        "object": {"key": keys.object_key(upload_id), "sequencer": sequencer},
    }
    return json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": thing}]})


@pytest.mark.usefixtures("crashing")
def test_only_the_message_that_makes_filehub_crash_stays() -> None:
    valid = [keys.new_upload_id(OWNER, "secret") for _ in range(8)]
    bodies = [notification(upload_id, "1") for upload_id in valid]
    crashing = notification(keys.new_upload_id(OWNER, "secret"), "BAD")
    for body in [*bodies[:4], "unreadable", crashing, *bodies[4:]]:
        send(body)
    messages = []
    wait_for(lambda: messages.extend(sqs.receive(events_queue())) or len(messages) == 10)
    Consumer().handle(messages)
    assert {event["upload_id"] for task in queued_tasks() for event in task} == set(valid)
    assert depth(events_queue()) == 2
    url = sqs.url(events_queue())
    for message in messages:
        if message.body in {"unreadable", crashing}:
            clients.sqs().change_message_visibility(
                QueueUrl=url, ReceiptHandle=message.receipt, VisibilityTimeout=0
            )
    assert {message["Body"] for message in drain(events_queue())} == {"unreadable", crashing}


def test_when_a_dead_letter_cannot_be_stored_only_malformed_messages_are_redelivered(
    queued: list[list[ObjectEvent]], aws_requests: AwsRequests
) -> None:
    """The first one was sent to the dead-letter queue and is not sent again."""
    sent: list[bytes] = []

    def cuts(operation: str, body: bytes) -> bool:
        if operation == "SendMessage" and b"-dlq" in body:
            sent.append(body)
        return len(sent) > 1 and body == sent[-1]

    aws_requests.cuts = cuts
    upload_id = keys.new_upload_id(OWNER, "secret")
    for body in ["first", notification(upload_id, "1"), "second", notification(upload_id, "2")]:
        send(body)
    messages: list[sqs.Message] = []
    wait_for(lambda: messages.extend(sqs.receive(events_queue())) or len(messages) == 4)
    with pytest.raises(BackendUnavailable):
        Consumer().handle(messages)
    assert depth(events_queue()) == depth(f"{events_queue()}-dlq") == 1
    assert sum(map(len, queued)) == 2


def test_the_loop_survives_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    running, steps = Consumer(), []

    def step() -> int:
        steps.append(1)
        if len(steps) < 3:
            raise RuntimeError
        running._stopping = True
        return 0

    monkeypatch.setattr(running, "step", step)
    monkeypatch.setattr(backoff, "LONGEST_PAUSE", 0.01)
    running._loop()
    assert len(steps) == 3


def stopped_at_every_line() -> None:
    """Run consumers that get no response from SQS, and stop each of them at another line."""
    files = {consumer.__file__, threading.__file__}
    at = told_at = 0
    is_looping = False

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal at, is_looping
        if frame.f_code.co_filename not in files:
            return None
        if frame.f_code is Consumer._loop.__code__:
            is_looping = event != "return"
        if event == "line" and is_looping:
            at += 1
            if at == told_at:
                sys.settrace(None)
                signal.raise_signal(signal.SIGTERM)
        return trace

    while at >= told_at:
        running, at, told_at = Consumer("no-such-queue"), 0, told_at + 1
        steps = []

        def step(running: Consumer = running, steps: list[int] = steps) -> int:
            steps.append(1)
            if len(steps) > 2:
                running._stopping = True  # It ended by itself: there is no such line.
            raise BackendUnavailable

        running.step = step  # type: ignore[method-assign]
        sys.settrace(trace)
        running.run()
        sys.settrace(None)
    assert told_at > 20


def test_the_loop_can_be_stopped_during_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while a lock is held, for which the signal handler would wait forever."""
    monkeypatch.setattr(backoff, "LONGEST_PAUSE", 0.01)
    child = multiprocessing.get_context("fork").Process(target=stopped_at_every_line)
    child.start()
    child.join(120)
    child.kill()
    assert child.exitcode == 0


def test_pauses_grow_to_a_limit() -> None:
    assert [backoff.pause(n) <= 2.0**n for n in (1, 2, 3)] == [True] * 3
    assert all(15 <= backoff.pause(n) <= 30 for n in (5, 100, 10_000))


def test_the_test_event_is_dropped(queued: list[list[ObjectEvent]]) -> None:
    send(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "x"}))
    Consumer().step()
    assert depth(events_queue()) == depth(f"{events_queue()}-dlq") == 0
    assert queued == []
