"""Hostile messages in the events queue neither crash the consumer nor write a record."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.local_aws import drain
from uploads.aws import clients, sqs
from uploads.core import keys
from uploads.core.conf import conf
from uploads.files.record import StoredFile
from uploads.ingest import tasks
from uploads.ingest.consumer import Consumer
from uploads.ingest.events import SEQUENCER_LENGTH, ObjectEvent, parse_message

BUCKET = "filehub-uploads"
#: The id of an upload that does not exist. Its key is valid.
ID = "0190a5c0-1234-7abc-8def-0123456789ab"

#: The same examples every time, so that the counts below are stable.
many = settings(
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def s3_record() -> dict[str, Any]:
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventTime": "2026-01-01T12:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "bucket": {"name": BUCKET, "arn": f"arn:aws:s3:::{BUCKET}"},
            "object": {"key": keys.object_key(ID), "size": 5, "sequencer": "0055AED6DCD90281E5"},
        },
    }


def eventbridge() -> dict[str, Any]:
    record = s3_record()["s3"]
    return {
        "detail-type": "Object Created",
        "source": "aws.s3",
        "time": "2026-01-01T12:00:00Z",
        "detail": {"bucket": record["bucket"], "object": record["object"]},
    }


ENVELOPES: list[dict[str, Any]] = [
    {"Records": [s3_record()]},
    {"Records": [s3_record() | {"eventName": "ObjectRemoved:Delete"}, s3_record()]},
    eventbridge(),
    eventbridge() | {"detail-type": "Object Deleted"},
    {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET},
]

HOSTILE_TEXT = st.sampled_from(
    [
        "", "\0", "\ud800", "uploads/../../etc/passwd", "uploads/0/%2e%2e%2f%2e%2e", "%", "%zz",
        f"uploads/0/{ID}", f"uploads%2F{ID[-1]}%2F{ID}", f"uploads/{ID[-1]}/{ID}/", f"{ID}",
        "uploads/" + "a" * 5000, "%ed%a0%80", "٠٧", "0" * 64, "F" * 65, "0x12", "-1", "1e9", "+",
        "%00", "s3:TestEvent", "Notification", "ObjectCreated:*", "ObjectRemoved:Delete", BUCKET,
        "9999-99-99", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "NaN", "null",
    ]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400), 1e308, float("nan"), float("inf"), -0.0])
    | st.text(max_size=20)
    | HOSTILE_TEXT
)
NAMES = st.text(max_size=5) | st.sampled_from(
    [
        "Records",
        "Message",
        "Type",
        "Event",
        "detail",
        "detail-type",
        "s3",
        "bucket",
        "object",
        "key",
    ]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All paths in a document at which a value could be changed."""
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    return [path, *(place for name, child in inner for place in places(child, (*path, name)))]


PLACES = [places(envelope) for envelope in ENVELOPES]


def wrapped(text: str) -> str:
    """Wrap a message as SNS does."""
    return json.dumps({"Type": "Notification", "MessageId": "1", "Message": text})


@st.composite
def changed_envelopes(draw: st.DrawFn) -> str:
    """A real event with changes in one or two places, in one of the three envelopes."""
    which = draw(st.integers(0, len(ENVELOPES) - 1))
    document: Any = copy.deepcopy(ENVELOPES[which])
    for _ in range(draw(st.integers(1, 2))):
        *path, last = draw(st.sampled_from(PLACES[which][1:]))
        value, target = draw(VALUES), document
        try:
            for name in path:
                target = target[name]
            if draw(st.booleans()):
                target[last] = value
            else:
                del target[last]
        except (TypeError, KeyError, IndexError):
            continue  # The first change removed this path.
    text = json.dumps(document)
    return wrapped(text) if draw(st.integers(0, 2)) == 0 else text


@st.composite
def torn_texts(draw: st.DrawFn) -> str:
    """Text that is no longer JSON, or unusual JSON."""
    text = json.dumps(draw(st.sampled_from(ENVELOPES)))
    at = draw(st.integers(0, len(text)))
    return draw(
        st.sampled_from(
            [
                text[:at],
                text[:at] + "\0" + text[at:],
                text + text,
                "\ufeff" + text,
                text[:-1] + f', "Records": [], "detail-type": 1, "Message": {text}}}',  # twice
                text.replace(": 5", ": NaN"),
                base64.b64encode(text.encode()).decode(),
                "[" * (at * 100) + text,
                '{"Records": ' * (at * 10) + "1",
                wrapped(wrapped(text)),
                json.dumps(text),
                f'{{"Records": [{",".join(["null"] * at * 10)}]}}',
                '{"Records": ' + "9" * (at * 20) + "}",
            ]
        )
    )


BODIES = (
    changed_envelopes()
    | changed_envelopes()
    | VALUES.map(json.dumps)
    | torn_texts()
    | st.text(max_size=100)
)


def test_no_body_of_another_bucket_is_an_event(full_size: bool) -> None:
    """Nor is a body without a bucket: the bucket is always checked."""

    @settings(many, max_examples=1_000 if full_size else 200)
    @given(BODIES)
    def check(body: str) -> None:
        assert parse_message(body, "another-bucket").events == ()

    check()


def assert_harmless(event: ObjectEvent) -> None:
    """The event has a valid upload id, which may or may not exist."""
    assert event.kind in {"created", "removed"}
    assert keys.parse_upload_id(event.upload_id) == event.upload_id
    assert keys.upload_id_of(keys.object_key(event.upload_id)) == event.upload_id
    assert len(event.sequencer) == SEQUENCER_LENGTH
    assert set(event.sequencer) <= set("0123456789ABCDEF")


def test_no_body_crashes_the_consumer_or_gives_an_event_with_an_invalid_id(full_size: bool) -> None:
    @settings(many, max_examples=10_000 if full_size else 200)
    @given(BODIES)
    def check(body: str) -> None:
        parsed = parse_message(body, BUCKET)
        for event in parsed.events:
            assert_harmless(event)
        # Every other body becomes tasks or a dead letter, or is counted as ignored.
        if not (parsed.events or parsed.malformed or parsed.ignored):
            assert json.loads(body)

    check()


def test_two_hundred_bodies_in_the_real_queues_write_nothing(
    own_queues: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies: list[str] = []

    @settings(many, max_examples=200)
    @given(BODIES)
    def collect(body: str) -> None:
        bodies.append(body)

    collect()
    enqueued: list[ObjectEvent] = []

    def enqueue(events: Sequence[ObjectEvent]) -> list[str]:
        enqueued.extend(events)
        return ["a task"] * len(events)

    monkeypatch.setattr(tasks, "enqueue", enqueue)
    sent = send_in_batches(bodies)
    assert sent > 100
    events_queue, reader = conf().events_queue, Consumer(bucket=BUCKET)
    while sqs.depth(events_queue).total:
        reader.step()
    dead_letters = drain(f"{events_queue}-dlq")
    expected = [parse_message(body, BUCKET) for body in bodies if sendable(body)]
    assert len(dead_letters) == sum(bool(parsed.malformed) for parsed in expected)
    assert sorted(enqueued, key=repr) == sorted(
        (event for parsed in expected for event in parsed.events), key=repr
    )
    assert enqueued
    # A valid event of an object that does not exist: nothing is written. (The event of
    # a removal must leave a tombstone, since the creation may arrive later.)
    tasks.confirm_objects([event.__dict__ for event in enqueued if event.kind == "created"])
    assert list(StoredFile.scan()) == []


def sendable(body: str) -> bool:
    """Whether SQS accepts the message: not empty, and no characters that XML does not allow.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    """
    return bool(body) and all(
        character in "\t\n\r"
        or " " <= character <= "\ud7ff"
        or "\ue000" <= character <= "\ufffd"
        or character >= "\U00010000"
        for character in body
    )


def send_in_batches(bodies: list[str]) -> int:
    sent = list(filter(sendable, bodies))
    url = sqs.url(conf().events_queue)
    for start in range(0, len(sent), 10):
        response = clients.sqs().send_message_batch(
            QueueUrl=url,
            Entries=[
                {"Id": str(number), "MessageBody": body}
                for number, body in enumerate(sent[start : start + 10])
            ],
        )
        assert not response.get("Failed")
    return len(sent)
