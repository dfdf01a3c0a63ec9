"""Events are read from each envelope; events of others are ignored."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from tests.ingest.events.messages import (
    BUCKET,
    CREATED,
    ID,
    KEY,
    OTHER_ID,
    OTHER_KEY,
    PADDED,
    REMOVED,
    TEST_EVENT,
    TIME,
    direct,
    over_eventbridge,
    over_sns,
    record,
)
from uploads.ingest.events import (
    ObjectEvent,
    ParsedMessage,
    parse_message,
)

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
def test_every_kind_of_creation_counts_as_created(name: str) -> None:
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
def test_every_kind_of_removal_counts_as_removed(name: str) -> None:
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
    "a key without a valid id": direct(record(key="uploads/b/report.pdf")),
    "an empty key": direct(record(key="")),
    "a key encoded twice": direct(record(key=quote(quote(KEY, safe=""), safe=""))),
    "EventBridge, another bucket": over_eventbridge(bucket="someone-elses"),
    "EventBridge, another prefix": over_eventbridge(key=f"logs/b/{ID}"),
    "EventBridge, another source": over_eventbridge(source="aws.ec2"),
    "EventBridge, another event": over_eventbridge("Object Tags Added"),
    "EventBridge, an encoded key": over_eventbridge(key=quote(KEY, safe="")),
}


@pytest.mark.parametrize("body", FOREIGN.values(), ids=FOREIGN.keys())
def test_foreign_events_are_ignored_and_counted(body: str) -> None:
    assert parse_message(body, BUCKET) == ParsedMessage(ignored=1)


def test_another_bucket_is_ignored_even_with_an_invalid_sequencer() -> None:
    body = direct(record(bucket="someone-elses", sequencer="?"))
    assert parse_message(body, BUCKET) == ParsedMessage(ignored=1)


@pytest.mark.parametrize(
    "key",
    [quote(KEY, safe=""), quote_plus(KEY), KEY.replace("u", "%75"), KEY.replace("-", "%2d")],
)
def test_a_percent_encoded_key_is_decoded(key: str) -> None:
    assert parse_message(direct(record(key=key)), BUCKET).events == (CREATED,)


def test_a_plus_in_a_key_is_a_space_and_so_a_foreign_key() -> None:
    body = direct(record(key=f"uploads/b/+{ID}"))
    assert parse_message(body, BUCKET) == ParsedMessage(ignored=1)


def test_every_record_of_a_message_is_read_in_order() -> None:
    body = direct(record(), record(key=OTHER_KEY), record("ObjectRemoved:Delete"))
    events = parse_message(body, BUCKET).events
    assert events == (CREATED, ObjectEvent("created", OTHER_ID, PADDED, TIME), REMOVED)


def test_a_message_without_records_gives_no_events() -> None:
    assert parse_message(direct(), BUCKET) == ParsedMessage()


@pytest.mark.parametrize(
    "time",
    [None, 7, "", "yesterday", "2025-06-01T12:00:00", "9999-12-31T23:59:59-23:59", ["x"]],
    ids=str,
)
def test_an_event_with_an_invalid_time_is_kept(time: Any) -> None:
    (event,) = parse_message(direct(record() | {"eventTime": time}), BUCKET).events
    assert event == ObjectEvent("created", ID, PADDED)
