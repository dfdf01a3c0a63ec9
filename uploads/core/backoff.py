"""How long to pause between attempts."""

from __future__ import annotations

import random

#: Seconds of the first and of the longest pause after an AWS service has failed.
FIRST_PAUSE = 2.0
LONGEST_PAUSE = 30.0


def pause(failures: int, *, first: float | None = None, longest: float | None = None) -> float:
    """Seconds to wait after so many failures in a row, counted from 1.

    Doubles from `first` up to `longest`, and takes a random part between half and all of that, so
    that those who failed together do not come back together.
    """
    first = FIRST_PAUSE if first is None else first
    longest = LONGEST_PAUSE if longest is None else longest
    # The exponent is capped too: 2.0**1024 is an OverflowError, after a night of failures.
    return min(longest, first * 2.0 ** min(failures - 1, 30)) * random.uniform(0.5, 1)
