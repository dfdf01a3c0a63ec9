"""What a benchmark returns: rows of measured values, their ratio, and the target (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import Literal


@dataclass(frozen=True)
class Spread:
    """The median of some values, and the smallest and the largest of them."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Target:
    """What the median must reach: of the ratio if the row has a baseline, else of the values."""

    direction: Literal["at least", "at most"]
    limit: float

    def is_reached(self, value: float) -> bool:
        return value >= self.limit if self.direction == "at least" else value <= self.limit


def at_least(limit: float) -> Target:
    return Target("at least", limit)


def at_most(limit: float) -> Target:
    return Target("at most", limit)


@dataclass(frozen=True)
class Row:
    """One comparison, or one value without a baseline.

    `values` are filehub's, one for each round, in `unit`. `baseline_values` are from the same
    rounds, so the ratio is taken within each round: both had the same load beside them. `missing`
    is the reason why there are no values.
    """

    name: str
    unit: str
    values: tuple[float, ...] = ()
    baseline: str = ""
    baseline_values: tuple[float, ...] = ()
    target: Target | None = None
    missing: str = ""

    def __post_init__(self) -> None:
        if bool(self.values) == bool(self.missing):
            raise ValueError(f"{self.name}: a row has either values or a reason for having none")
        if self.values and self.baseline and len(self.values) != len(self.baseline_values):
            raise ValueError(f"{self.name}: filehub and its baseline need the same rounds")


def spread(values: tuple[float, ...]) -> Spread:
    """Raises ValueError if there are no values."""
    if not values:
        raise ValueError("no values")
    return Spread(median(values), min(values), max(values))


def ratios(row: Row) -> tuple[float, ...]:
    """filehub's value divided by the baseline's, for each round; () without a baseline.

    Raises ValueError for a baseline of zero, with which nothing can be compared.
    """
    if not row.baseline or not row.values:
        return ()
    if not all(row.baseline_values):
        raise ValueError(f"{row.name}: the baseline has a value of zero")
    return tuple(value / base for value, base in zip(row.values, row.baseline_values, strict=True))


def result(row: Row) -> Spread | None:
    """What the target is about: the ratio, or the value itself without a baseline."""
    if not row.values:
        return None
    return spread(ratios(row) or row.values)


def is_reached(row: Row) -> bool | None:
    """Whether the target is reached; None without a target. A row without values misses it."""
    if row.target is None:
        return None
    found = result(row)
    return found is not None and row.target.is_reached(found.median)


def percentile(values: list[float], percent: float) -> float:
    """The smallest value that at least this percentage of the values do not exceed.

    Raises ValueError if there are no values.
    """
    if not values:
        raise ValueError("no values")
    ranked = sorted(values)
    return ranked[max(math.ceil(len(ranked) * percent / 100), 1) - 1]
