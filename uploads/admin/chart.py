"""Lay out the bars, ticks and labels of a chart; templates draw it as SVG (pure).

Lengths are SVG user units, and whole numbers, because a German template would render 1.5 as 1,5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

#: Margins around the bars.
_LEFT = 64
_RIGHT = 8
_TOP = 12
_LANE_HEIGHT = 36
_LANE_GAP = 3
_LABELS_HEIGHT = 24
#: Minimum length of a bar that is not 0, so that it stays visible.
_MIN_LENGTH = 2
#: Maximum number of intervals between ticks.
_MAX_INTERVALS = 4
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500)


@dataclass(frozen=True)
class Point:
    """The values of one day. `below` is drawn under the axis, on a separate scale."""

    day: date
    value: int
    below: int = 0


@dataclass(frozen=True)
class Bar:
    """The bar of one day above the axis, and the one below it. A height of 0 means no bar."""

    point: Point
    x: int
    width: int
    y: int
    height: int
    below_height: int


@dataclass(frozen=True)
class Tick:
    """A horizontal grid line and its value."""

    y: int
    value: int


@dataclass(frozen=True)
class Label:
    """The label of a day under the bars, centred on its bar."""

    x: int
    day: date


@dataclass(frozen=True)
class Chart:
    """A chart of `width` by `height`. Bars rise from `base`, and hang down from `below`."""

    width: int
    height: int
    left: int
    right: int
    base: int
    below: int
    bars: list[Bar]
    ticks: list[Tick]
    #: The maximum of the scale below the axis; None if there are no bars.
    lane: Tick | None
    labels: list[Label]
    labels_y: int


def draw(points: Sequence[Point], *, slot: int, height: int, label_every: int) -> Chart:
    """Lay out a bar chart. `slot` is the width per bar, `height` the part above the axis.

    Every `label_every`th day is labelled, counted back from the last one.
    """
    scale = ticks(max((point.value for point in points), default=0))
    max_below = max((point.below for point in points), default=0)
    base = _TOP + height
    below = base + _LANE_GAP
    width = max(slot - max(slot // 4, 1), 1)
    bars = []
    for number, point in enumerate(points):
        bar_height = _length(point.value, scale[-1], height)
        bars.append(
            Bar(
                point,
                x=_LEFT + number * slot + (slot - width) // 2,
                width=width,
                y=base - bar_height,
                height=bar_height,
                below_height=_length(point.below, max_below, _LANE_HEIGHT),
            )
        )
    right = _LEFT + slot * len(points)
    labelled = bars[::-1][::label_every][::-1]
    bottom = below + _LANE_HEIGHT if max_below else base
    return Chart(
        width=right + _RIGHT,
        height=bottom + _LABELS_HEIGHT,
        left=_LEFT,
        right=right,
        base=base,
        below=below,
        bars=bars,
        ticks=[Tick(base - _length(value, scale[-1], height), value) for value in scale],
        lane=Tick(below + _LANE_HEIGHT, max_below) if max_below else None,
        labels=[Label(bar.x + bar.width // 2, bar.point.day) for bar in labelled],
        labels_y=bottom + _LABELS_HEIGHT - 8,
    )


def ticks(maximum: int) -> list[int]:
    """Return a few numbers from 0 to at least `maximum`, round in powers of ten."""
    power = 1
    while True:
        for step in _STEPS:
            count = -(-maximum // (step * power))
            if count <= _MAX_INTERVALS:
                return [number * step * power for number in range(max(count, 1) + 1)]
        power *= 1000


def _length(value: int, maximum: int, height: int) -> int:
    if value <= 0 or maximum <= 0:
        return 0
    return max(round(value * height / maximum), _MIN_LENGTH)
