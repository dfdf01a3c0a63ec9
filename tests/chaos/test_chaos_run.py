"""A short and a longer chaos run: see docs/chaos.md. `make chaos` runs others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.chaos_run import ChaosRun
from tests.chaos.plan import Plan


@pytest.mark.long
@pytest.mark.parametrize(
    ("seed", "seconds", "has_scanner"),
    [
        (52, 10, False),
        pytest.param(
            4970,
            40,
            True,
            marks=[pytest.mark.alone, pytest.mark.exhaustive, pytest.mark.timeout(900)],
        ),
    ],
)
def test_after_a_chaos_run_expectations_bucket_and_records_agree(
    tmp_path: Path, seed: int, seconds: float, has_scanner: bool, show: Callable[[str], None]
) -> None:
    report = ChaosRun(seed, seconds, tmp_path, has_scanner=has_scanner).run()
    show(str(report))
    assert report.problems == []
    # Both plans kill each of these; only beat may survive.
    assert {"web", "consumer", "worker"} <= report.kills.keys()


def test_a_seed_always_gives_the_same_plan() -> None:
    first, second, other = Plan(1, 60), Plan(1, 60), Plan(2, 60)
    assert str(first) == str(second) != str(other)
    faults = [
        [plan.fault("s3", "HeadObject", number, 1.0, body=False) for number in range(500)]
        for plan in (first, second, other)
    ]
    assert faults[0] == faults[1] != faults[2]
