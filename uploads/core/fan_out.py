"""Asking several services at the same time, so that one that is down takes nothing but its answer.

A service that hangs is given up after seconds (see the clients); asked one after the other, these
seconds would add up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self, TypeVar

from uploads.core.errors import BackendUnavailable

logger = logging.getLogger(__name__)

T = TypeVar("T")


def attempt(call: Callable[[], T]) -> T | None:
    """The result of the call, or None if the service behind it is unavailable; that is logged."""
    try:
        return call()
    except BackendUnavailable as exc:
        logger.warning("%s (%r)", exc.message, exc.__cause__)
        return None


class FanOut:
    """`with FanOut() as fan_out: answer = fan_out.submit(call)`, then `answer.result()`.

    Calls run in threads of their own: they must not use Django's database.
    """

    def __init__(self, at_once: int = 6) -> None:
        self._pool = ThreadPoolExecutor(at_once, "fan_out")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def submit(self, call: Callable[[], T]) -> Future[T | None]:
        """Call it in a thread; the future has what `attempt` returns."""
        return self._pool.submit(attempt, call)
