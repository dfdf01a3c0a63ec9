"""Which failures are retried, how often, and after which pause. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from filehub_client.errors import FilehubError
from filehub_client.flow import Flow, pause

T = TypeVar("T")


@dataclass(frozen=True)
class Retries:
    """`attempts` counts the first one too. Pauses are in seconds, double, and have jitter.

    A server that asks for a longer wait than `longest_wait` (`Retry-After`) is not waited for.
    """

    attempts: int = 6
    first_pause: float = 0.5
    longest_pause: float = 20.0
    longest_wait: float = 120.0

    def pause_after(self, failures: int, error: FilehubError) -> float | None:
        """Seconds until the next attempt after this many failures (from 1); None to give up."""
        if not error.is_temporary or failures >= self.attempts:
            return None
        doubled = self.first_pause * 2.0 ** min(failures - 1, 30)
        backoff = min(self.longest_pause, doubled) * random.uniform(0.5, 1)
        if error.retry_after is None:
            return backoff
        return None if error.retry_after > self.longest_wait else max(error.retry_after, backoff)


def retrying(attempt: Callable[[], Flow[T]], retries: Retries) -> Flow[T]:
    """Run the flow, again after temporary errors. Only for requests that are safe to repeat."""
    failures = 0
    while True:
        try:
            return (yield from attempt())
        except FilehubError as exc:
            failures += 1
            seconds = retries.pause_after(failures, exc)
            if seconds is None:
                raise
        yield from pause(seconds)
