"""Exponential backoff with jitter."""

from __future__ import annotations

import random

#: Seconds of the first and of the longest pause after a failure of an AWS service.
FIRST_PAUSE = 2.0
LONGEST_PAUSE = 30.0


def pause(failures: int, *, first: float | None = None, longest: float | None = None) -> float:
    """Seconds to wait after this many consecutive failures (1 or more).

    The wait doubles from `first` up to `longest`. The result is a random value between half of the
    wait and all of it, so that clients that failed together do not retry together.
    """
    first = FIRST_PAUSE if first is None else first
    longest = LONGEST_PAUSE if longest is None else longest
    # Cap the exponent too: 2.0**1024 raises OverflowError, after a night of failures.
    return min(longest, first * 2.0 ** min(failures - 1, 30)) * random.uniform(0.5, 1)
