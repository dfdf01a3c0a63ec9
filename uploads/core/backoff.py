"""How long to pause after failures in a row."""

from __future__ import annotations

import random

#: Seconds of the longest pause.
LONGEST_PAUSE = 30.0


def pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row: doubling, capped, jittered."""
    # The exponent is capped too: 2.0**1024 is an OverflowError, after a night of failures.
    return min(LONGEST_PAUSE, 2.0 ** min(failures, 10)) * random.uniform(0.5, 1)
