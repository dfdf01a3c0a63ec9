"""Programs run in turns, so that load beside them affects all alike."""

from __future__ import annotations

import pytest

from benchmarks.turns import Effort, in_turns


@pytest.mark.parametrize(("warm_up", "first"), [(True, "AB"), (False, "")])
def test_programs_run_in_turns_and_a_round_to_warm_up_does_not_count(
    warm_up: bool, first: str
) -> None:
    ran: list[str] = []

    def program(name: str) -> int:
        ran.append(name)
        return len(ran)

    values = in_turns(2, {"a": lambda: program("A"), "b": lambda: program("B")}, warm_up=warm_up)
    assert "".join(ran) == f"{first}ABAB"
    start = len(first)
    assert values == {"a": (start + 1, start + 3), "b": (start + 2, start + 4)}


@pytest.mark.parametrize(
    ("scale", "amount", "expected"), [(1, 400, 400), (0.01, 400, 4), (0.001, 400, 1), (2, 3, 6)]
)
def test_work_is_scaled_but_never_to_nothing(scale: float, amount: int, expected: int) -> None:
    assert Effort(scale=scale).scaled(amount) == expected
