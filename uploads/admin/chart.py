"""Where the bars and ticks of a chart go (pure). Lengths are SVG's units; templates draw.

Every length is a whole number: a template that speaks German would write 1.5 as 1,5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

#: Room for what stands beside the bars.
_LEFT = 64
_RIGHT = 8
_TOP = 12
_LANE = 36
_LANE_GAP = 3
_LABELS = 24
#: What is not nothing can be seen, however small beside the largest.
_LEAST = 2
#: At most so many spaces between ticks.
_SPACES = 4
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500)


@dataclass(frozen=True)
class Point:
    """What there is to draw of one day; `below` goes under the axis, on a scale of its own."""

    day: date
    value: int
    below: int = 0


@dataclass(frozen=True)
class Bar:
    """The bar of one day, and what is under the axis there. A height of 0 means: nothing."""

    point: Point
    x: int
    width: int
    y: int
    height: int
    below_height: int


@dataclass(frozen=True)
class Tick:
    """A line across, and what it stands for."""

    y: int
    value: int


@dataclass(frozen=True)
class Label:
    """A day that is named under the bars, at the middle of its bar."""

    x: int
    day: date


@dataclass(frozen=True)
class Chart:
    """A drawing of `width` by `height`, whose bars stand on `base` and hang from `below`."""

    width: int
    height: int
    left: int
    right: int
    base: int
    below: int
    bars: list[Bar]
    ticks: list[Tick]
    #: The end of the scale under the axis; None if nothing is there.
    lane: Tick | None
    labels: list[Label]
    labels_y: int


def draw(points: Sequence[Point], *, slot: int, height: int, every: int, unit: int = 1) -> Chart:
    """A chart of bars in slots of that width, `height` without what is under the axis.

    Every so many days one is named, the last one always. `unit` is that of `ticks`.
    """
    scale = ticks(max((point.value for point in points), default=0), unit)
    most_below = max((point.below for point in points), default=0)
    base = _TOP + height
    below = base + _LANE_GAP
    width = max(slot - max(slot // 4, 1), 1)
    bars = []
    for number, point in enumerate(points):
        tall = _length(point.value, scale[-1], height)
        bars.append(
            Bar(
                point,
                x=_LEFT + number * slot + (slot - width) // 2,
                width=width,
                y=base - tall,
                height=tall,
                below_height=_length(point.below, most_below, _LANE),
            )
        )
    right = _LEFT + slot * len(points)
    bottom = below + _LANE if most_below else base
    return Chart(
        width=right + _RIGHT,
        height=bottom + _LABELS,
        left=_LEFT,
        right=right,
        base=base,
        below=below,
        bars=bars,
        ticks=[Tick(base - _length(value, scale[-1], height), value) for value in scale],
        lane=Tick(below + _LANE, most_below) if most_below else None,
        labels=[Label(bar.x + bar.width // 2, bar.point.day) for bar in bars[::-1][::every]][::-1],
        labels_y=bottom + _LABELS - 8,
    )


def ticks(most: int, unit: int = 1) -> list[int]:
    """Round numbers from 0 up to one that is at least `most`, few enough to be read.

    With a `unit` above 1 they are round in its powers: 1024 gives 200 KiB, 500 KiB, 1 MiB. Without
    one, in powers of ten.
    """
    power = 1
    while True:
        for step in _STEPS:
            count = -(-most // (step * power))
            if count <= _SPACES:
                return [number * step * power for number in range(max(count, 1) + 1)]
        power *= unit if unit > 1 else 1000


def _length(value: int, most: int, height: int) -> int:
    if value <= 0 or most <= 0:
        return 0
    return max(round(value * height / most), _LEAST)
