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


def attempt(question: Callable[[], T]) -> T | None:
    """The answer, or None if the service asked is unavailable; that is logged."""
    try:
        return question()
    except BackendUnavailable as exc:
        logger.warning("%s (%r)", exc.message, exc.__cause__)
        return None


class Asking:
    """`with Asking() as asking: answer = asking.ask(question)`, then `answer.result()`.

    Questions run in threads of their own: they must not use Django's database.
    """

    def __init__(self, at_once: int = 6) -> None:
        self._pool = ThreadPoolExecutor(at_once, "asking")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def ask(self, question: Callable[[], T]) -> Future[T | None]:
        return self._pool.submit(attempt, question)
