"""Random messages never make an event; more of them are in tests/chaos/test_events_fuzz.py."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ingest.events.messages import BUCKET, SEQUENCER, direct, over_sns
from uploads.ingest.events import (
    parse_message,
)

#: tests/chaos/test_events_fuzz.py has ten thousand stranger examples.
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

#: Without `NaN` and infinities, which `json` writes but are not JSON (test_strict_json.py).
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
