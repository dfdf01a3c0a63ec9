"""Median, spread, ratio and target of measured values."""

from __future__ import annotations

import pytest

from benchmarks.figures import (
    Row,
    Spread,
    at_least,
    at_most,
    is_reached,
    percentile,
    ratios,
    result,
    spread,
)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((3.0,), Spread(3, 3, 3)),
        ((1.0, 9.0, 2.0), Spread(2, 1, 9)),
        ((4.0, 1.0, 2.0, 3.0), Spread(2.5, 1, 4)),
        ((5.0, 5.0, 5.0, 5.0, 500.0), Spread(5, 5, 500)),
        ((-1.0, 0.0, 1.0), Spread(0, -1, 1)),
    ],
)
def test_the_spread_has_the_median_and_both_ends(
    values: tuple[float, ...], expected: Spread
) -> None:
    assert spread(values) == expected


def test_no_values_have_no_spread() -> None:
    with pytest.raises(ValueError, match="no values"):
        spread(())


def test_the_ratio_is_taken_within_each_round() -> None:
    # The machine became ten times slower in the last round, for both.
    row = Row("a / b", "files/s", (20.0, 30.0, 2.0), "b", (10.0, 10.0, 1.0))
    assert ratios(row) == (2, 3, 2)
    assert result(row) == Spread(2, 2, 3)


def test_without_a_baseline_the_result_is_the_value() -> None:
    assert result(Row("a", "ms", (3.0, 1.0, 2.0))) == Spread(2, 1, 3)


def test_without_values_there_is_no_result() -> None:
    row = Row("a / b", "ms", baseline="b", missing="node is not installed")
    assert (result(row), ratios(row)) == (None, ())


def test_nothing_is_compared_with_zero() -> None:
    with pytest.raises(ValueError, match="zero"):
        ratios(Row("a / b", "ms", (1.0, 1.0), "b", (1.0, 0.0)))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (Row("no target", "ms", (1.0,)), None),
        (Row("above", "x", (4.0,), "b", (1.0,), at_least(3)), True),
        (Row("exactly", "x", (3.0,), "b", (1.0,), at_least(3)), True),
        (Row("below", "x", (2.9,), "b", (1.0,), at_least(3)), False),
        (Row("at most, below", "x", (2.9,), target=at_most(3)), True),
        (Row("at most, exactly", "x", (3.0,), target=at_most(3)), True),
        (Row("at most, above", "x", (3.1,), target=at_most(3)), False),
        (Row("zero is at most zero", "x", (0.0, 0.0), target=at_most(0)), True),
        (Row("the median counts", "x", (9.0, 1.0, 2.0), target=at_most(3)), True),
        (Row("missing", "x", baseline="b", target=at_least(3), missing="no node"), False),
        (Row("missing, at most", "x", target=at_most(3), missing="no node"), False),
        (Row("missing, no target", "x", missing="no node"), None),
    ],
    ids=lambda value: value.name if isinstance(value, Row) else None,
)
def test_a_target_is_reached_by_the_median_and_never_without_values(
    row: Row, expected: bool | None
) -> None:
    assert is_reached(row) is expected


@pytest.mark.parametrize(
    ("values", "baseline", "baseline_values", "missing"),
    [
        ((), "", (), ""),
        ((1.0,), "", (), "no node"),
        ((1.0, 2.0), "b", (1.0,), ""),
        ((1.0,), "b", (), ""),
    ],
    ids=["nothing", "values and a reason", "fewer rounds of the baseline", "no baseline values"],
)
def test_a_row_that_contradicts_itself_is_refused(
    values: tuple[float, ...], baseline: str, baseline_values: tuple[float, ...], missing: str
) -> None:
    with pytest.raises(ValueError, match="row"):
        Row("row", "ms", values, baseline, baseline_values, None, missing)


@pytest.mark.parametrize(
    ("count", "percent", "expected"),
    [(1, 95, 1), (2, 95, 2), (20, 95, 19), (100, 95, 95), (60, 95, 57), (10, 50, 5), (10, 0, 1),
     (10, 100, 10)],
)  # fmt: skip
def test_a_percentile_is_one_of_the_values(count: int, percent: float, expected: float) -> None:
    values = [float(number) for number in range(count, 0, -1)]
    assert percentile(values, percent) == expected
