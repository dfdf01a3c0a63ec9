"""The result file, the table, and the comparison of two runs."""

from __future__ import annotations

import json

import pytest

from benchmarks.figures import Row, at_least, at_most
from benchmarks.results import Results, comparison, from_json, table, to_json

ROWS = (
    Row("sign / Companion", "files/s", (30.0, 40.0), "Companion", (10.0, 10.0), at_least(3)),
    Row("requests", "requests", (2.5,), target=at_most(2)),
    Row("without a target", "ms", (0.5, 0.25, 0.75)),
    Row("batch / Companion", "files/s", (), "Companion", (), at_least(8), "no node"),
)
RESULTS = Results("2026-11-27T08:00:00+00:00", {"processor": "“fast” µ"}, {"sign": ROWS, "b": ()})


def _cells(text: str) -> list[list[str]]:
    """The cells of each line that are not empty; two spaces or more separate them."""
    return [
        [cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()
    ]


def test_a_result_file_keeps_every_value() -> None:
    assert from_json(to_json(RESULTS)) == RESULTS
    assert json.loads(to_json(RESULTS))["benchmarks"]["sign"][0]["values"] == [30.0, 40.0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not JSON",
        "[]",
        "null",
        "{}",
        '{"format": 2}',
        '{"format": 1}',
        '{"format": 1, "began_at": "", "machine": {}, "benchmarks": []}',
        '{"format": 1, "began_at": "", "machine": {}, "benchmarks": {"a": [{}]}}',
        '{"format": 1, "began_at": "", "machine": {}, "benchmarks": {"a": [1]}}',
    ],
)
def test_another_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # json's own error is one
        from_json(text)


def test_the_table_has_both_figures_the_spread_the_target_and_the_verdict() -> None:
    assert _cells(table(ROWS)) == [
        ["filehub", "baseline", "result (lowest to highest)", "target"],
        ["sign / Companion", "35 files/s", "10 (Companion)", "3.5× (3 to 4)", "≥ 3×", "reached"],
        ["requests", "2.5 requests", "–", "2.5 requests (2.5 to 2.5)", "≤ 2", "not reached"],
        ["without a target", "0.5 ms", "–", "0.5 ms (0.25 to 0.75)"],
        ["batch / Companion", "–", "Companion", "no node", "≥ 8×", "not reached"],
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0, "0 ms"), (0.0004, "0.000400 ms"), (0.123456, "0.123 ms"), (9.996, "10 ms"),
     (99.94, "99.9 ms"), (100.4, "100 ms"), (1234567.8, "1,234,568 ms")],
)  # fmt: skip
def test_numbers_have_three_digits_and_no_exponent(value: float, expected: str) -> None:
    assert f"  {expected}  " in table([Row("a", "ms", (value,))])


def test_two_runs_are_compared_row_by_row_whatever_each_has() -> None:
    before = Results("", {}, {"sign": ROWS})
    after = Results(
        "",
        {},
        {
            "sign": (
                Row("sign / Companion", "files/s", (70.0,), "Companion", (10.0,)),
                Row("batch / Companion", "files/s", (5.0,), "Companion", (1.0,)),
                Row("new", "ms", (1.0,)),
            )
        },
    )
    assert _cells(comparison(before, after)) == [
        ["A", "B", "change"],
        ["sign: sign / Companion", "3.5×", "7×", "+100 %"],
        ["sign: requests", "2.5 requests", "–", "–"],
        ["sign: without a target", "0.5 ms", "–", "–"],
        ["sign: batch / Companion", "–", "5×", "–"],
        ["sign: new", "–", "1 ms", "–"],
    ]


def test_a_row_that_was_zero_has_no_change_in_percent() -> None:
    zero = Results("", {}, {"a": (Row("r", "ms", (0.0,)),)})
    assert comparison(zero, zero).splitlines()[1].endswith("–")
