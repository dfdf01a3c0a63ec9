"""Calls that run at the same time return their results in order, in the caller's context."""

from __future__ import annotations

import threading
from contextvars import ContextVar

import pytest

from uploads.core.fan_out import map_concurrently

NAME: ContextVar[str] = ContextVar("name", default="none")


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
def test_the_results_are_in_the_order_of_the_items(count: int) -> None:
    items = list(range(count))
    assert map_concurrently(lambda item: item * 2, items, max_workers=4) == [n * 2 for n in items]


def test_calls_run_at_the_same_time_but_not_more_than_allowed() -> None:
    """Each call waits for three others, which only arrive if they run at the same time."""
    barrier, running, most = threading.Barrier(4, timeout=60), [], []

    def call(_: int) -> None:
        running.append(1)
        most.append(len(running))
        barrier.wait()
        running.pop()

    map_concurrently(call, range(8), max_workers=4)
    assert max(most) == 4


@pytest.mark.parametrize("count", [1, 3])
def test_calls_have_the_context_of_the_caller(count: int) -> None:
    token = NAME.set("caller")
    try:
        assert map_concurrently(lambda _: NAME.get(), range(count), max_workers=2) == (
            ["caller"] * count
        )
    finally:
        NAME.reset(token)


def test_a_single_call_runs_in_the_thread_of_the_caller() -> None:
    caller = threading.get_ident()
    assert map_concurrently(lambda _: threading.get_ident(), [1], max_workers=4) == [caller]


def test_the_first_exception_ends_it_and_cancels_calls_that_have_not_started() -> None:
    release, started = threading.Event(), []

    def call(item: int) -> None:
        started.append(item)
        if item == 0:
            raise ZeroDivisionError
        release.wait(60)

    with pytest.raises(ZeroDivisionError):
        map_concurrently(call, range(100), max_workers=2)
    release.set()
    assert len(started) < 10
