"""Bound how many threads wait for a service at a time, so that the others stay free."""

from __future__ import annotations

import threading
import time


class Slots:
    """A number of slots. A thread that waits for a service holds one.

    If all are taken, further threads queue, but only while the service keeps answering: once it has
    not answered for `patience` seconds, they are refused after `grace` seconds, and their threads
    are free again. With some grace, none is refused when the service has just come back.
    """

    def __init__(self, size: int, *, patience: float = 1.0, grace: float = 0.0) -> None:
        self.size = size
        self._patience = patience
        self._grace = grace
        self._used = 0
        #: The last time (monotonic) that the service answered or had no reason to be doubted.
        self._alive_at = float("-inf")
        #: Whether a holder has waited in vain since the last answer.
        self._in_doubt = False
        self._changed = threading.Condition()

    def acquire(self) -> bool:
        """Take a slot; return whether there was one."""
        with self._changed:
            refused_at = time.monotonic() + self._grace
            while self._used >= self.size:
                seconds = max(self._alive_at + self._patience, refused_at) - time.monotonic()
                if seconds <= 0:
                    return False
                self._changed.wait(seconds)
            self._used += 1
            if not self._in_doubt:
                self._alive_at = time.monotonic()
            return True

    def answered(self) -> None:
        """Note that the service answered one of the holders."""
        with self._changed:
            self._alive_at = time.monotonic()
            self._in_doubt = False

    def release(self, *, in_vain: bool) -> None:
        """Return a slot. `in_vain`: the service did not answer in time."""
        with self._changed:
            self._used -= 1
            self._in_doubt = self._in_doubt or in_vain
            self._changed.notify()
