"""Wait for conditions instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T], timeout: float = 120, every: float = 0.05) -> T:
    """Wait for a condition and return its true value; fail the test after `timeout` seconds.

    The timeout is a safety net, and long: a machine may take ten times as long as another to start
    a process. The condition is checked once more at the end, since the machine may have stalled.
    """
    deadline = time.monotonic() + timeout
    while True:
        is_over = time.monotonic() >= deadline
        if value := condition():
            return value
        assert not is_over, "the condition did not come true in time"
        time.sleep(every)
