"""S3 event notifications, as they come out of the queue."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uploads.ingest.events import (
    NO_SEQUENCER,
    SEQUENCER_LENGTH,
    ObjectEvent,
    ParsedMessage,
    parse_message,
)

BUCKET = "filehub-uploads"
ID = "0190a5c0-1234-7abc-8def-0123456789ab"
OTHER_ID = "0190a5c0-9999-7abc-8def-0123456789a0"
KEY = f"uploads/b/{ID}"
OTHER_KEY = f"uploads/0/{OTHER_ID}"
SEQUENCER = "0055AED6DCD90281E5"
PADDED = SEQUENCER.ljust(SEQUENCER_LENGTH, "0")

TIME = "2025-06-01T12:00:00+00:00"

CREATED = ObjectEvent("created", ID, PADDED, TIME)
REMOVED = ObjectEvent("removed", ID, PADDED, TIME)

Change = Callable[[dict[str, Any]], object]


def record(
    name: str = "ObjectCreated:Put",
    key: str = KEY,
    bucket: str = BUCKET,
    sequencer: str = SEQUENCER,
) -> dict[str, Any]:
    """A record as S3 writes it (event structure 2.1)."""
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2025-06-01T12:00:00.000Z",
        "eventName": name,
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "filehub",
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": key, "size": 5, "eTag": "abc", "sequencer": sequencer},
        },
    }


def direct(*records: Any) -> str:
    """S3 → SQS."""
    return json.dumps({"Records": list(records)})


def over_sns(message: str) -> str:
    """S3 → SNS → SQS."""
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": "m",
            "TopicArn": "arn:aws:sns:us-east-1:123456789012:t",
            "Subject": "Amazon S3 Notification",
            "Message": message,
        }
    )


def over_eventbridge(
    detail_type: str = "Object Created",
    key: str = KEY,
    bucket: str = BUCKET,
    sequencer: str = SEQUENCER,
    source: str = "aws.s3",
) -> str:
    """S3 → EventBridge → SQS."""
    return json.dumps(
        {
            "version": "0",
            "time": "2025-06-01T12:00:00Z",
            "detail-type": detail_type,
            "source": source,
            "detail": {
                "bucket": {"name": bucket},
                "object": {"key": key, "size": 5, "etag": "abc", "sequencer": sequencer},
                "reason": "PutObject",
            },
        }
    )


TEST_EVENT = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET})

ENVELOPES = {
    "S3": direct(record()),
    "SNS": over_sns(direct(record())),
    "EventBridge": over_eventbridge(),
    "EventBridge over SNS": over_sns(over_eventbridge()),
}


@pytest.mark.parametrize("body", ENVELOPES.values(), ids=ENVELOPES.keys())
def test_a_creation_is_read_from_each_envelope(body: str) -> None:
    assert parse_message(body, BUCKET) == ParsedMessage(events=(CREATED,))


REMOVALS = {
    "S3": direct(record("ObjectRemoved:Delete")),
    "SNS": over_sns(direct(record("ObjectRemoved:Delete"))),
    "EventBridge": over_eventbridge("Object Deleted"),
}


@pytest.mark.parametrize("body", REMOVALS.values(), ids=REMOVALS.keys())
def test_a_removal_is_read_from_each_envelope(body: str) -> None:
    assert parse_message(body, BUCKET) == ParsedMessage(events=(REMOVED,))


@pytest.mark.parametrize("body", [TEST_EVENT, over_sns(TEST_EVENT)], ids=["S3", "SNS"])
def test_the_test_event_of_s3_is_ignored(body: str) -> None:
    assert parse_message(body, BUCKET) == ParsedMessage(ignored=1)


@pytest.mark.parametrize(
    "name",
    [
        "ObjectCreated:Put",
        "ObjectCreated:Post",
        "ObjectCreated:Copy",
        "ObjectCreated:CompleteMultipartUpload",
        "s3:ObjectCreated:Put",
    ],
)
def test_each_way_to_create_an_object_counts_as_created(name: str) -> None:
    assert parse_message(direct(record(name)), BUCKET).events == (CREATED,)


@pytest.mark.parametrize(
    "name",
    [
        "ObjectRemoved:Delete",
        "ObjectRemoved:DeleteMarkerCreated",
        "LifecycleExpiration:Delete",
        "LifecycleExpiration:DeleteMarkerCreated",
        "s3:ObjectRemoved:Delete",
    ],
)
def test_each_way_to_remove_an_object_counts_as_removed(name: str) -> None:
    assert parse_message(direct(record(name)), BUCKET).events == (REMOVED,)


@pytest.mark.parametrize(
    "name",
    [
        "ObjectRestore:Completed",
        "ObjectTagging:Put",
        "ObjectAcl:Put",
        "Replication:OperationFailedReplication",
        "ReducedRedundancyLostObject",
        "LifecycleTransition",
        "IntelligentTiering",
        "ObjectCreated:",
        "ObjectCreated:*",
        "objectcreated:put",
        "Put",
        "",
    ],
)
def test_any_other_event_is_ignored(name: str) -> None:
    assert parse_message(direct(record(name)), BUCKET) == ParsedMessage(ignored=1)


FOREIGN = {
    "another bucket": direct(record(bucket="someone-elses")),
    "a bucket whose name begins so": direct(record(bucket=BUCKET + "-logs")),
    "another prefix": direct(record(key=f"logs/b/{ID}")),
    "a prefix that begins so": direct(record(key=f"uploads2/b/{ID}")),
    "a wrong shard": direct(record(key=f"uploads/a/{ID}")),
    "a key that is no id": direct(record(key="uploads/b/report.pdf")),
    "an empty key": direct(record(key="")),
    "a key encoded twice": direct(record(key=quote(quote(KEY, safe=""), safe=""))),
    "EventBridge, another bucket": over_eventbridge(bucket="someone-elses"),
    "EventBridge, another prefix": over_eventbridge(key=f"logs/b/{ID}"),
    "EventBridge, another source": over_eventbridge(source="aws.ec2"),
    "EventBridge, another event": over_eventbridge("Object Tags Added"),
    "EventBridge, an encoded key": over_eventbridge(key=quote(KEY, safe="")),
}


@pytest.mark.parametrize("body", FOREIGN.values(), ids=FOREIGN.keys())
def test_what_is_none_of_our_business_is_ignored_and_counted(body: str) -> None:
    assert parse_message(body, BUCKET) == ParsedMessage(ignored=1)


def test_another_bucket_is_ignored_even_when_its_sequencer_is_odd() -> None:
    body = direct(record(bucket="someone-elses", sequencer="?"))
    assert parse_message(body, BUCKET) == ParsedMessage(ignored=1)


@pytest.mark.parametrize(
    "key",
    [quote(KEY, safe=""), quote_plus(KEY), KEY.replace("u", "%75"), KEY.replace("-", "%2d")],
)
def test_a_percent_encoded_key_is_decoded(key: str) -> None:
    assert parse_message(direct(record(key=key)), BUCKET).events == (CREATED,)


def test_a_plus_in_a_key_is_a_space_and_so_no_key_of_ours() -> None:
    body = direct(record(key=f"uploads/b/+{ID}"))
    assert parse_message(body, BUCKET) == ParsedMessage(ignored=1)


def test_every_record_of_a_message_is_read_in_order() -> None:
    body = direct(record(), record(key=OTHER_KEY), record("ObjectRemoved:Delete"))
    events = parse_message(body, BUCKET).events
    assert events == (CREATED, ObjectEvent("created", OTHER_ID, PADDED, TIME), REMOVED)


def test_a_message_without_any_record_says_nothing() -> None:
    assert parse_message(direct(), BUCKET) == ParsedMessage()


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
    "SNS whose message is no text": json.dumps({"Type": "Notification", "Message": {}}),
    "a subscription to confirm": json.dumps(
        {"Type": "SubscriptionConfirmation", "Message": "m", "SubscribeURL": "https://evil.example"}
    ),
    "EventBridge whose type is no text": json.dumps({"detail-type": 7, "source": "aws.s3"}),
}


@pytest.mark.parametrize("body", NOT_MESSAGES.values(), ids=NOT_MESSAGES.keys())
def test_what_is_no_notification_is_malformed_once(body: str) -> None:
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


def test_deep_nesting_beside_the_record_does_no_harm() -> None:
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
    "no sequencer": (
        lambda r: r["s3"]["object"].pop("sequencer"),
        "s3.object.sequencer is missing",
    ),
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
}


@pytest.mark.parametrize(("change", "sentence"), CHANGES.values(), ids=CHANGES.keys())
def test_a_record_that_lacks_something_is_malformed_and_says_what(
    change: Change, sentence: str
) -> None:
    broken = record()
    change(broken)
    assert parse_message(direct(broken), BUCKET).malformed == (f"Record 0: {sentence}.",)


@pytest.mark.parametrize("broken", [None, 7, "text", [], True], ids=repr)
def test_a_record_that_is_no_object_is_malformed(broken: Any) -> None:
    assert len(parse_message(direct(broken), BUCKET).malformed) == 1


@pytest.mark.parametrize(
    "sequencer",
    ["", "xyz", "0x55", "-1", " 55", "55\n", "5 5", "٣", "5" * 65],
    ids=["empty", "letters", "0x", "sign", "space", "newline", "gap", "arabic digit", "too long"],
)
@pytest.mark.parametrize("envelope", ["S3", "EventBridge"])
def test_a_sequencer_that_is_not_hexadecimal_is_malformed(envelope: str, sequencer: str) -> None:
    body = (
        direct(record(sequencer=sequencer))
        if envelope == "S3"
        else over_eventbridge(sequencer=sequencer)
    )
    sentence = "Record 0: The sequencer is not a hexadecimal number."
    assert parse_message(body, BUCKET) == ParsedMessage(malformed=(sentence,))


@pytest.mark.parametrize(
    "detail",
    [
        None,
        {},
        {"bucket": {"name": BUCKET}},
        {"bucket": {"name": BUCKET}, "object": {"key": KEY}},
        {"bucket": {"name": BUCKET}, "object": {"key": 7, "sequencer": "1"}},
        {"bucket": BUCKET, "object": {"key": KEY, "sequencer": "1"}},
    ],
    ids=["null", "empty", "no object", "no sequencer", "a number for a key", "text for a bucket"],
)
def test_an_eventbridge_event_that_lacks_something_is_malformed(detail: Any) -> None:
    body = json.dumps({"detail-type": "Object Created", "source": "aws.s3", "detail": detail})
    assert len(parse_message(body, BUCKET).malformed) == 1


@pytest.mark.parametrize("position", [0, 1, 2])
def test_one_bad_record_does_not_hold_back_the_others(position: int) -> None:
    records: list[Any] = [record(), record("ObjectRemoved:Delete")]
    records.insert(position, {"eventName": "ObjectCreated:Put"})
    assert parse_message(direct(*records), BUCKET).events == (CREATED, REMOVED)


def test_a_bad_record_is_named_by_its_place() -> None:
    parsed = parse_message(direct(record(), {}, record()), BUCKET)
    assert parsed.malformed == ("Record 1: eventName is missing.",)


def test_good_ignored_and_bad_records_are_told_apart() -> None:
    parsed = parse_message(direct(record(), record("ObjectAcl:Put"), None), BUCKET)
    assert (len(parsed.events), parsed.ignored, len(parsed.malformed)) == (1, 1, 1)


def sequencer_of(text: str) -> str:
    return parse_message(direct(record(sequencer=text)), BUCKET).events[0].sequencer


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("0A", "0A1"),
        ("0A1", "0B"),
        ("0A", "0B"),
        ("0a", "0B"),
        ("09", "0a"),
        ("0FFF", "1"),
        ("0055AED6DCD90281E5", "0055AED6DCD90281E6"),
        ("0055AED6DCD90281", "0055AED6DCD90281E5"),
    ],
)
def test_sequencers_of_different_length_compare_as_if_padded_with_zeros(
    older: str, newer: str
) -> None:
    assert sequencer_of(older) < sequencer_of(newer)


@pytest.mark.parametrize(("one", "other"), [("0a", "0A"), ("0A", "0A0"), ("1", "1" + "0" * 63)])
def test_sequencers_that_mean_the_same_are_equal(one: str, other: str) -> None:
    assert sequencer_of(one) == sequencer_of(other)


def test_a_confirmation_without_an_event_is_older_than_any_event() -> None:
    assert sequencer_of(SEQUENCER) > NO_SEQUENCER


@given(st.text("0123456789abcdefABCDEF", min_size=1, max_size=64))
def test_every_sequencer_is_stored_in_the_same_length(text: str) -> None:
    assert len(sequencer_of(text)) == SEQUENCER_LENGTH


#: Ten thousand stranger ones are in tests/chaos/test_events_fuzz.py.
THOROUGH = settings(max_examples=200)


@settings(THOROUGH)
@given(st.text(st.characters()))
def test_random_text_gives_no_events(body: str) -> None:
    parsed = parse_message(body, BUCKET)
    assert (parsed.events, len(parsed.malformed)) == ((), 1)


#: Real names and values, so that random documents get past the first checks.
NAMES = st.sampled_from(
    [
        "Records",
        "eventName",
        "s3",
        "bucket",
        "object",
        "name",
        "key",
        "sequencer",
        "Type",
        "Message",
        "Event",
        "detail-type",
        "detail",
        "source",
    ]
)
WORDS = st.sampled_from(
    [
        BUCKET,
        "ObjectCreated:Put",
        "ObjectRemoved:Delete",
        SEQUENCER,
        "Notification",
        "s3:TestEvent",
        "Object Created",
        "aws.s3",
        "uploads/",
        "{}",
        "[]",
    ]
)
#: `NaN` and the infinities, which `json` writes, are no JSON: tests/core/test_strict_json.py.
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text() | WORDS,
    lambda values: (
        st.lists(values, max_size=4)
        | st.dictionaries(NAMES | st.text(max_size=5), values, max_size=6)
    ),
    max_leaves=12,
)
BROKEN_RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "eventName": WORDS | JSON_VALUES,
        "s3": st.fixed_dictionaries(
            {},
            optional={
                "bucket": st.just({"name": BUCKET}) | JSON_VALUES,
                "object": st.fixed_dictionaries(
                    {}, optional={"key": st.text() | JSON_VALUES, "sequencer": JSON_VALUES}
                ),
            },
        ),
    },
)


@settings(THOROUGH)
@given(JSON_VALUES)
def test_random_json_gives_no_events(document: Any) -> None:
    assert parse_message(json.dumps(document), BUCKET).events == ()


@settings(THOROUGH)
@given(st.lists(BROKEN_RECORDS | JSON_VALUES, max_size=4))
def test_each_random_record_is_either_ignored_or_malformed(records: list[Any]) -> None:
    parsed = parse_message(direct(*records), BUCKET)
    assert (parsed.events, parsed.ignored + len(parsed.malformed)) == ((), len(records))


@settings(THOROUGH)
@given(JSON_VALUES)
def test_random_json_inside_an_sns_notification_gives_no_events(document: Any) -> None:
    assert parse_message(over_sns(json.dumps(document)), BUCKET).events == ()


@pytest.mark.parametrize(
    "time",
    [None, 7, "", "yesterday", "2025-06-01T12:00:00", "9999-12-31T23:59:59-23:59", ["x"]],
    ids=str,
)
def test_a_time_that_cannot_be_used_costs_no_event(time: Any) -> None:
    (event,) = parse_message(direct(record() | {"eventTime": time}), BUCKET).events
    assert event == ObjectEvent("created", ID, PADDED)
