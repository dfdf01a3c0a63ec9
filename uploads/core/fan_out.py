"""Call several services concurrently, so that one outage costs only that service's result.

A call to a service that hangs times out after seconds (see `uploads.aws.clients`). Made one after
the other, the calls would add up their time-outs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Self, TypeVar

from uploads.core.errors import BackendUnavailable

logger = logging.getLogger(__name__)

T = TypeVar("T")
Item = TypeVar("Item")


def attempt(call: Callable[[], T]) -> T | None:
    """Return the result of the call; log and return None if its service is unavailable."""
    try:
        return call()
    except BackendUnavailable as exc:
        logger.warning("%s (%r)", exc.message, exc.__cause__)
        return None


def map_concurrently(
    call: Callable[[Item], T], items: Sequence[Item], *, max_workers: int
) -> list[T]:
    """Return the result of the call for each item, in order, like `map`.

    Calls run in threads that have the caller's context, so they must not use Django's database; a
    single call runs in the caller's thread. The first exception ends this at once: calls that have
    not started are cancelled, and those that run are not waited for.
    """
    if len(items) < 2:
        return [call(item) for item in items]
    pool = ThreadPoolExecutor(min(max_workers, len(items)), "map")
    try:
        futures = [pool.submit(copy_context().run, call, item) for item in items]
        return [future.result() for future in futures]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class FanOut:
    """`with FanOut() as fan_out: future = fan_out.submit(call)`, then `future.result()`.

    Calls run in worker threads, so they must not use Django's database.
    """

    def __init__(self, max_workers: int = 6) -> None:
        self._pool = ThreadPoolExecutor(max_workers, "fan_out")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def submit(self, call: Callable[[], T]) -> Future[T | None]:
        """Run the call in a thread. The future has the result of `attempt`.

        The call has the caller's context, and so the time limit of its request.
        """
        return self._pool.submit(copy_context().run, attempt, call)
