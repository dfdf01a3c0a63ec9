"""Run several programs in turns, so that other load affects all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Effort:
    """How much to measure. `rounds` is the number of pairs, `scale` a factor for the work in each.

    The tests measure with a small scale.
    """

    rounds: int = 5
    scale: float = 1.0

    def scaled(self, amount: float) -> int:
        """An amount of work at this scale; at least 1."""
        return max(round(amount * self.scale), 1)


def in_turns(
    rounds: int, programs: Mapping[str, Callable[[], T]], *, warm_up: bool = True
) -> dict[str, tuple[T, ...]]:
    """Run each program once per round, in the given order; return its values, one per round.

    A round before these warms up and is not counted.
    """
    if warm_up:
        for program in programs.values():
            program()
    values: dict[str, list[T]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            values[name].append(program())
    return {name: tuple(measured) for name, measured in values.items()}
