"""Prove that a process can queue tasks, by queueing one: healthy means that work can flow."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Seconds after which a process that has queued nothing queues an empty task.
INTERVAL = 300.0


class QueueingCheck:
    """Whether this process can queue tasks.

    No other request shows whether a process may send messages: an idle process with the wrong
    policy would look healthy until the first upload.
    """

    def __init__(self, queue_empty_task: Callable[[], object]) -> None:
        self._queue_empty_task = queue_empty_task
        self._proven_at: float | None = None

    def succeeded(self) -> None:
        """Note that a task has just been queued."""
        self._proven_at = time.monotonic()

    def failed(self) -> None:
        """Note that a task could not be queued; `ensure` will try again."""
        self._proven_at = None

    def ensure(self) -> None:
        """Queue an empty task, unless any task was queued within INTERVAL.

        Raises whatever queueing raises.
        """
        if self._proven_at is not None and time.monotonic() - self._proven_at < INTERVAL:
            return
        self.failed()
        self._queue_empty_task()
        self.succeeded()
