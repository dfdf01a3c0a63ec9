"""Reasons are stored as a code with parameters, and read back whatever is stored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads.core.reasons import MAX_TEXT, Reason, dump, load

QUOTA = Reason("quota_exceeded", {"size": 7, "used": 4, "limit": 10})


def test_a_reason_is_stored_as_json() -> None:
    assert dump(QUOTA) == ('{"code":"quota_exceeded","parameters":{"size":7,"used":4,"limit":10}}')


@given(
    st.lists(
        st.builds(
            Reason,
            st.text(min_size=1),
            st.dictionaries(
                st.text(), st.integers(-(2**63), 2**63) | st.text(max_size=MAX_TEXT), max_size=4
            ),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_reasons_are_read_as_they_were_stored(reasons: list[Reason]) -> None:
    stored = dump(*reasons)
    assert stored.isascii()
    assert load(stored) == tuple(reasons)


def test_long_text_is_cut() -> None:
    (reason,) = load(dump(Reason("task_failed", {"cause": "x" * 5000})))
    assert reason.parameters == {"cause": "x" * MAX_TEXT + "…"}


@pytest.mark.parametrize(
    "sentence",
    ["object missing", "Files of type a/b are not accepted here.", "[1]", "{", "null", '{"a": 1}'],
)
def test_a_sentence_of_an_earlier_version_is_kept(sentence: str) -> None:
    assert load(sentence) == (Reason(sentence=sentence),)


@pytest.mark.parametrize(
    "text",
    [
        "", '{"code":', dump(QUOTA)[:-1], dump(QUOTA, QUOTA)[:-10], '{"code":1}', '{"code":null}',
        '[{"code":[]}]', '{"code":"a","code":"b"}', '{"code":' + "[" * 1000,
    ],
)  # fmt: skip
def test_an_incomplete_or_damaged_reason_is_none(text: str) -> None:
    assert load(text) == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"code":"a"}', Reason("a")),
        ('{"code":"a","parameters":[]}', Reason("a")),
        ('{"code":"a","parameters":{"b":null,"c":{},"d":1.5,"e":"f"}}', Reason("a", {"e": "f"})),
        ('[{"code":"a"},{},1,null]', Reason("a")),
    ],
)
def test_what_is_not_a_parameter_is_left_out(text: str, reason: Reason) -> None:
    assert load(text) == (reason,)


def test_only_an_empty_reason_is_false() -> None:
    assert [bool(Reason()), bool(Reason("a")), bool(Reason(sentence="a"))] == [False, True, True]
