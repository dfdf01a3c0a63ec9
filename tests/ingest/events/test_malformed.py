"""Malformed messages and records are reported, and cost no other record."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.ingest.events.messages import (
    BUCKET,
    CREATED,
    KEY,
    REMOVED,
    Change,
    direct,
    over_eventbridge,
    over_sns,
    record,
)
from uploads.core.reasons import Reason
from uploads.core.texts import describe
from uploads.ingest.events import (
    ParsedMessage,
    parse_message,
)

NOT_MESSAGES = {
    "empty": "",
    "text": "hello",
    "cut off": direct(record())[:-5],
    "two documents": direct(record()) * 2,
    "a byte order mark": "\ufeff" + direct(record()),
    "single quotes": "{'Records': []}",
    "an array": json.dumps([record()]),
    "a number": "7",
    "a number too long to read": "9" * 10_000,
    "a string": json.dumps(direct(record())),
    "null": "null",
    "an empty object": "{}",
    "Records is an object": json.dumps({"Records": {"0": record()}}),
    "Records is text": json.dumps({"Records": "x"}),
    "Records is null": json.dumps({"Records": None}),
    "records in lower case": json.dumps({"records": [record()]}),
    "a Celery task": json.dumps({"body": "W10=", "headers": {"task": "t"}, "properties": {}}),
    "SNS with text": over_sns("hello"),
    "SNS with an array": over_sns("[]"),
    "SNS in SNS": over_sns(over_sns(direct(record()))),
    "SNS whose message is not text": json.dumps({"Type": "Notification", "Message": {}}),
    "a subscription to confirm": json.dumps(
        {"Type": "SubscriptionConfirmation", "Message": "m", "SubscribeURL": "https://evil.example"}
    ),
    "EventBridge whose type is not text": json.dumps({"detail-type": 7, "source": "aws.s3"}),
}


@pytest.mark.parametrize("body", NOT_MESSAGES.values(), ids=NOT_MESSAGES.keys())
def test_a_message_that_is_not_a_valid_notification_is_malformed_once(body: str) -> None:
    parsed = parse_message(body, BUCKET)
    assert (parsed.events, parsed.ignored, len(parsed.malformed)) == ((), 0, 1)


@pytest.mark.parametrize(
    "body",
    [
        "[" * 200_000,
        '{"Records":' * 200_000,
        "[" * 200_000 + "]" * 200_000,
        over_sns("[" * 200_000),
    ],
    ids=["arrays", "objects", "closed arrays", "inside SNS"],
)
def test_deep_nesting_is_malformed(body: str) -> None:
    assert len(parse_message(body, BUCKET).malformed) == 1


def test_deep_nesting_beside_the_record_is_ignored() -> None:
    deep: Any = 0
    for _ in range(190):
        deep = [deep]
    assert parse_message(direct(record() | {"new": deep}), BUCKET).events == (CREATED,)


CHANGES: dict[str, tuple[Change, str]] = {
    "no event name": (lambda r: r.pop("eventName"), "eventName is missing"),
    "no s3": (lambda r: r.pop("s3"), "s3.bucket.name is missing"),
    "no bucket": (lambda r: r["s3"].pop("bucket"), "s3.bucket.name is missing"),
    "no bucket name": (lambda r: r["s3"]["bucket"].pop("name"), "s3.bucket.name is missing"),
    "no object": (lambda r: r["s3"].pop("object"), "s3.object.key is missing"),
    "no key": (lambda r: r["s3"]["object"].pop("key"), "s3.object.key is missing"),
    "s3 is null": (lambda r: r.update(s3=None), "s3.bucket.name is missing"),
    "s3 is a list": (lambda r: r.update(s3=[]), "s3.bucket.name is missing"),
    "the event name is a number": (lambda r: r.update(eventName=7), "eventName is not text"),
    "the key is a number": (
        lambda r: r["s3"]["object"].update(key=7),
        "s3.object.key is not text",
    ),
    "the key is null": (
        lambda r: r["s3"]["object"].update(key=None),
        "s3.object.key is not text",
    ),
    "the sequencer is a number": (
        lambda r: r["s3"]["object"].update(sequencer=55),
        "s3.object.sequencer is not text",
    ),
    "the sequencer is zero": (
        lambda r: r["s3"]["object"].update(sequencer=0),
        "s3.object.sequencer is not text",
    ),
    "the sequencer is false": (
        lambda r: r["s3"]["object"].update(sequencer=False),
        "s3.object.sequencer is not text",
    ),
    "the sequencer is a list": (
        lambda r: r["s3"]["object"].update(sequencer=[]),
        "s3.object.sequencer is not text",
    ),
    "the sequencer is an object": (
        lambda r: r["s3"]["object"].update(sequencer={}),
        "s3.object.sequencer is not text",
    ),
}


@pytest.mark.parametrize(("change", "sentence"), CHANGES.values(), ids=CHANGES.keys())
def test_an_incomplete_record_is_malformed_and_says_why(change: Change, sentence: str) -> None:
    broken = record()
    change(broken)
    (reason,) = parse_message(direct(broken), BUCKET).malformed
    assert describe(reason) == f"Record 0: {sentence}."


@pytest.mark.parametrize("broken", [None, 7, "text", [], True], ids=repr)
def test_a_record_that_is_not_a_json_object_is_malformed(broken: Any) -> None:
    assert len(parse_message(direct(broken), BUCKET).malformed) == 1


@pytest.mark.parametrize(
    "sequencer",
    ["xyz", "0x55", "-1", " ", " 55", "55\n", "5 5", "null", "٣", "5" * 65, "5" * 100_000],
    ids=[
        "letters",
        "0x",
        "sign",
        "blank",
        "space",
        "newline",
        "gap",
        "null as text",
        "arabic digit",
        "too long",
        "very long",
    ],
)
@pytest.mark.parametrize("envelope", ["S3", "EventBridge"])
def test_a_sequencer_that_is_not_hexadecimal_is_malformed(envelope: str, sequencer: str) -> None:
    body = (
        direct(record(sequencer=sequencer))
        if envelope == "S3"
        else over_eventbridge(sequencer=sequencer)
    )
    reason = Reason("invalid_sequencer", {"record": 0})
    assert parse_message(body, BUCKET) == ParsedMessage(malformed=(reason,))


@pytest.mark.parametrize(
    "detail",
    [
        None,
        {},
        {"bucket": {"name": BUCKET}},
        {"bucket": {"name": BUCKET}, "object": {"key": 7, "sequencer": "1"}},
        {"bucket": BUCKET, "object": {"key": KEY, "sequencer": "1"}},
    ],
    ids=["null", "empty", "no object", "a number for a key", "text for a bucket"],
)
def test_an_incomplete_eventbridge_event_is_malformed(detail: Any) -> None:
    body = json.dumps({"detail-type": "Object Created", "source": "aws.s3", "detail": detail})
    assert len(parse_message(body, BUCKET).malformed) == 1


@pytest.mark.parametrize("position", [0, 1, 2])
def test_one_bad_record_does_not_block_the_others(position: int) -> None:
    records: list[Any] = [record(), record("ObjectRemoved:Delete")]
    records.insert(position, {"eventName": "ObjectCreated:Put"})
    assert parse_message(direct(*records), BUCKET).events == (CREATED, REMOVED)


def test_a_malformed_record_is_reported_with_its_index() -> None:
    parsed = parse_message(direct(record(), {}, record()), BUCKET)
    assert parsed.malformed == (Reason("field_missing", {"field": "eventName", "record": 1}),)


def test_valid_ignored_and_malformed_records_are_counted_separately() -> None:
    parsed = parse_message(direct(record(), record("ObjectAcl:Put"), None), BUCKET)
    assert (len(parsed.events), parsed.ignored, len(parsed.malformed)) == (1, 1, 1)
