"""Threads queue for a service that answers, and are refused at once by one that does not."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.waiting import wait_for
from uploads.core.slots import Slots

#: Seconds that no test takes.
LONG = 600.0


def taken(slots: Slots) -> Slots:
    """All slots are taken."""
    assert all(slots.acquire() for _ in range(slots.size))
    return slots


def test_there_are_as_many_slots_as_stated() -> None:
    slots = taken(Slots(3, patience=0))
    assert not slots.acquire()
    slots.release(in_vain=False)
    assert slots.acquire()
    assert not slots.acquire()


def test_a_thread_queues_while_the_service_answers() -> None:
    slots = taken(Slots(2, patience=LONG))
    with ThreadPoolExecutor(1) as pool:
        queued = pool.submit(slots.acquire)
        assert not queued.done()
        slots.answered()
        slots.release(in_vain=False)
        assert queued.result()


@pytest.mark.parametrize("size", [1, 8])
def test_a_burst_after_a_pause_is_not_refused(size: int) -> None:
    """Nothing was answered for a long time, because nothing was asked."""
    slots = taken(Slots(size, patience=LONG))
    for _ in range(size):
        slots.release(in_vain=False)
    slots._alive_at = float("-inf")
    taken(slots)
    with ThreadPoolExecutor(4) as pool:
        queued = [pool.submit(slots.acquire) for _ in range(4)]
        for _ in queued:
            slots.release(in_vain=False)
        assert all(future.result() for future in queued)


def test_after_waits_in_vain_threads_are_refused_until_an_answer() -> None:
    slots = taken(Slots(2, patience=LONG))
    slots._alive_at = float("-inf")
    slots.release(in_vain=True)
    # The next one may try, but others do not queue behind it.
    assert slots.acquire()
    assert not slots.acquire()
    slots.answered()
    with ThreadPoolExecutor(1) as pool:
        queued = pool.submit(slots.acquire)
        slots.release(in_vain=False)
        assert queued.result()


def test_with_grace_a_thread_queues_for_a_service_that_comes_back() -> None:
    slots = taken(Slots(1, patience=0, grace=LONG))
    slots.release(in_vain=True)
    taken(slots)
    with ThreadPoolExecutor(1) as pool:
        queued = pool.submit(slots.acquire)
        slots.release(in_vain=False)
        assert queued.result()


def test_many_threads_never_hold_more_slots_than_there_are() -> None:
    slots, lock = Slots(4, patience=LONG), threading.Lock()
    holding, most, rounds = 0, 0, 0

    def work() -> None:
        nonlocal holding, most, rounds
        for _ in range(200):
            assert slots.acquire()
            with lock:
                holding += 1
                most = max(most, holding)
            slots.answered()
            with lock:
                holding -= 1
                rounds += 1
            slots.release(in_vain=False)

    with ThreadPoolExecutor(12) as pool:
        for future in [pool.submit(work) for _ in range(12)]:
            future.result()
    assert rounds == 12 * 200
    assert 1 <= most <= 4
    wait_for(lambda: slots._used == 0)
