"""Sequencers order the events of an object."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ingest.events.messages import (
    BUCKET,
    ID,
    SEQUENCER,
    TIME,
    direct,
    over_eventbridge,
    over_sns,
    record,
)
from uploads.ingest.events import (
    NO_SEQUENCER,
    SEQUENCER_LENGTH,
    Kind,
    ObjectEvent,
    parse_message,
)


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
def test_equivalent_sequencers_are_equal(one: str, other: str) -> None:
    assert sequencer_of(one) == sequencer_of(other)


def test_a_confirmation_without_an_event_is_older_than_any_event() -> None:
    assert sequencer_of(SEQUENCER) > NO_SEQUENCER


ABSENT = {"missing": ..., "null": None, "empty": ""}


def without_sequencer(record_or_event: dict[str, Any], value: Any) -> None:
    place = (record_or_event.get("s3") or record_or_event["detail"])["object"]
    del place["sequencer"]
    if value is not ...:
        place["sequencer"] = value


@pytest.mark.parametrize("value", ABSENT.values(), ids=ABSENT.keys())
@pytest.mark.parametrize("kind", ["created", "removed"])
@pytest.mark.parametrize("envelope", ["S3", "SNS", "EventBridge"])
def test_an_event_without_a_sequencer_is_older_than_any_other(
    envelope: str, kind: Kind, value: Any
) -> None:
    if envelope == "EventBridge":
        name = {"created": "Object Created", "removed": "Object Deleted"}[kind]
        document = json.loads(over_eventbridge(name))
    else:
        name = {"created": "ObjectCreated:Put", "removed": "ObjectRemoved:Delete"}[kind]
        document = record(name)
    without_sequencer(document, value)
    bodies = {"S3": direct(document), "SNS": over_sns(direct(document))}
    body = bodies.get(envelope, json.dumps(document))
    parsed = parse_message(body, BUCKET)
    assert (parsed.malformed, parsed.ignored) == ((), 0)
    assert parsed.events == (ObjectEvent(kind, ID, NO_SEQUENCER, TIME),)


@given(st.text("0123456789abcdefABCDEF", min_size=1, max_size=64))
def test_every_sequencer_is_stored_in_the_same_length(text: str) -> None:
    assert len(sequencer_of(text)) == SEQUENCER_LENGTH
