"""Sequencers order the events of an object."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ingest.events.messages import BUCKET, SEQUENCER, direct, record
from uploads.ingest.events import (
    NO_SEQUENCER,
    SEQUENCER_LENGTH,
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


@given(st.text("0123456789abcdefABCDEF", min_size=1, max_size=64))
def test_every_sequencer_is_stored_in_the_same_length(text: str) -> None:
    assert len(sequencer_of(text)) == SEQUENCER_LENGTH
