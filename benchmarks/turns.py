"""Run several programs in turns, so that other load affects all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


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
    rounds: int, programs: Mapping[str, Callable[[], float]]
) -> dict[str, tuple[float, ...]]:
    """Run each program once per round, in the given order; return its values, one per round.

    A round before these warms up and is not counted.
    """
    values: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(-1, rounds):
        for name, program in programs.items():
            value = program()
            if number >= 0:
                values[name].append(value)
    return {name: tuple(measured) for name, measured in values.items()}
