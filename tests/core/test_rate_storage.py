"""Counters in memory: exact when a period ends, and removed afterwards."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from uploads.core import rate_storage
from uploads.core.rate_storage import MemoryCounters, connect

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def test_the_memory_of_the_process_is_its_own() -> None:
    assert isinstance(connect("memory://"), MemoryCounters)
    assert not isinstance(connect("redis://127.0.0.1:9"), MemoryCounters)


@pytest.mark.parametrize(
    ("seconds", "count", "ends_in"), [(0, 3, 60), (59.9, 3, 60), (60, 1, 120), (3_600, 1, 3_660)]
)
def test_a_period_begins_with_its_first_event(seconds: float, count: int, ends_in: int) -> None:
    counters = MemoryCounters()
    with time_machine.travel(NOW, tick=False) as clock:
        assert [counters.incr("a", 60), counters.incr("a", 60), counters.incr("b", 60)] == [1, 2, 1]
        clock.shift(timedelta(seconds=seconds))
        assert counters.get("a") == (2 if count == 3 else 0)
        assert counters.incr("a", 60) == count
        assert counters.get_expiry("a") == (NOW + timedelta(seconds=ends_in)).timestamp()


def test_several_events_are_counted_at_once() -> None:
    counters = MemoryCounters()
    assert (counters.incr("a", 60, 100), counters.incr("a", 60)) == (100, 101)


def test_clearing_removes_a_counter_or_all() -> None:
    counters = MemoryCounters()
    for key in ("a", "b", "c"):
        counters.incr(key, 60)
    counters.clear("a")
    counters.clear("unknown")
    assert (counters.get("a"), counters.get("b")) == (0, 1)
    assert (counters.reset(), counters.get("b")) == (2, 0)


def test_no_count_is_lost_when_a_period_ends() -> None:
    counters, barrier = MemoryCounters(), threading.Barrier(8)

    def count(_: int) -> list[int]:
        barrier.wait()
        return [counters.incr("a", 60) for _ in range(200)]

    with time_machine.travel(NOW, tick=False) as clock:
        counters.incr("a", 60)
        clock.shift(timedelta(seconds=60))
        with ThreadPoolExecutor(8) as pool:
            counts = sorted(number for numbers in pool.map(count, range(8)) for number in numbers)
    assert counts == list(range(1, 8 * 200 + 1))


def test_expired_counters_do_not_stay_in_memory() -> None:
    counters = MemoryCounters()
    with time_machine.travel(NOW, tick=False) as clock:
        for number in range(100):
            counters.incr(f"short {number}", 1)
        counters.incr("long", 3_600)
        clock.shift(timedelta(seconds=rate_storage.CLEANUP_INTERVAL))
        counters.incr("new", 1)
        assert sorted(counters._counters) == ["long", "new"]


def test_counting_starts_no_threads() -> None:
    counters, before = MemoryCounters(), threading.active_count()
    for number in range(100):
        counters.incr(str(number), 0.001)
    assert threading.active_count() == before
