"""Charts: bars, ticks and labels, all of them inside the drawing."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads.admin.chart import Chart, Point, draw, ticks

FIRST = date(2025, 1, 1)
KB, MB, GB = 10**3, 10**6, 10**9


def points(*values: int, below: dict[int, int] | None = None) -> list[Point]:
    return [
        Point(FIRST + timedelta(days=number), value, (below or {}).get(number, 0))
        for number, value in enumerate(values)
    ]


def chart_of(*values: int, below: dict[int, int] | None = None) -> Chart:
    return draw(points(*values, below=below), slot=10, height=100, label_every=3)


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (3, [0, 1, 2, 3]),
        (5, [0, 2, 4, 6]),
        (20, [0, 5, 10, 15, 20]),
        (21, [0, 10, 20, 30]),
        (950, [0, 500, 1000]),
        (2001, [0, 1000, 2000, 3000]),
        (7, [0, 2, 4, 6, 8]),
        (900 * KB, [0, 500 * KB, 1000 * KB]),
        (MB, [0, 500 * KB, 1000 * KB]),
        (3 * MB, [0, MB, 2 * MB, 3 * MB]),
        (35 * GB, [0, 10 * GB, 20 * GB, 30 * GB, 40 * GB]),
    ],
)
def test_ticks_are_round(most: int, expected: list[int]) -> None:
    assert ticks(most) == expected


@given(st.integers(0, 10**18))
def test_ticks_are_few_evenly_spaced_and_reach_the_maximum(most: int) -> None:
    values = ticks(most)
    assert values[0] == 0
    assert values[-1] >= most
    assert 2 <= len(values) <= 5
    assert len({after - before for before, after in pairwise(values)}) == 1


def test_the_height_of_a_bar_is_proportional_to_its_value() -> None:
    assert [bar.height for bar in chart_of(0, 5, 10, 20).bars] == [0, 25, 50, 100]


def test_bars_start_at_the_axis_upwards_and_downwards() -> None:
    chart = chart_of(3, 4, below={1: 2})
    assert {bar.y + bar.height for bar in chart.bars} == {chart.base}
    assert chart.lane is not None
    assert (chart.lane.value, chart.lane.y) == (2, chart.below + chart.bars[1].below_height)


def test_one_large_day_does_not_hide_the_small_ones() -> None:
    chart = chart_of(1, 10**12, 0, below={0: 1, 1: 10**6})
    assert [bar.height > 0 for bar in chart.bars] == [True, True, False]
    assert [bar.below_height > 0 for bar in chart.bars] == [True, True, False]


def test_without_data_there_is_an_axis_without_bars() -> None:
    chart = chart_of(0, 0, 0)
    assert [(bar.height, bar.below_height) for bar in chart.bars] == [(0, 0)] * 3
    assert chart.lane is None


def test_a_day_with_only_rejections_is_drawn() -> None:
    chart = chart_of(0, 0, below={1: 4})
    assert [bar.below_height for bar in chart.bars] == [0, 36]


def test_the_last_day_and_every_third_before_it_have_labels() -> None:
    days = [label.day for label in chart_of(*range(8)).labels]
    assert days == [FIRST + timedelta(days=number) for number in (1, 4, 7)]


def numbers(value: Any) -> list[Any]:
    """Every number in a chart."""
    if is_dataclass(value):
        return [n for field in fields(value) for n in numbers(getattr(value, field.name))]
    if isinstance(value, list):
        return [n for item in value for n in numbers(item)]
    return [value] if isinstance(value, int | float) else []


@given(
    st.lists(st.tuples(st.integers(0, 10**15), st.integers(0, 10**6)), min_size=1, max_size=40),
    st.integers(1, 40),
)
def test_everything_is_inside_the_chart_and_all_lengths_are_integers(
    values: list[tuple[int, int]], slot: int
) -> None:
    days = [Point(FIRST + timedelta(days=n), *value) for n, value in enumerate(values)]
    chart = draw(days, slot=slot, height=100, label_every=7)
    assert {type(number) for number in numbers(chart)} == {int}
    for bar in chart.bars:
        assert chart.left <= bar.x < bar.x + bar.width <= chart.right < chart.width
        assert 0 <= bar.y <= chart.base
        assert chart.below + bar.below_height < chart.labels_y < chart.height
    lefts = [bar.x for bar in chart.bars]
    assert lefts == sorted(set(lefts))
