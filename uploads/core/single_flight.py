"""Run calls that nothing can interrupt, such as the look-up of a host name, in threads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Run each call in a thread, and at most one for each key at a time.

    A call that is started while one with the same key is running gets the future of that one. So
    callers can stop waiting and leave behind at most one thread for each key. These threads do not
    have the caller's context, and do not keep the process from ending.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[Hashable, Future[T]] = {}

    def start(self, key: Hashable, call: Callable[[], T]) -> Future[T]:
        """Return the future of the call, which many may wait for."""
        with self._lock:
            future = self._running.get(key)
            if future is None:
                future = Future()
                run = threading.Thread(
                    target=self._run, args=(key, call, future), name="single_flight", daemon=True
                )
                run.start()
                self._running[key] = future
            return future

    def _run(self, key: Hashable, call: Callable[[], T], future: Future[T]) -> None:
        try:
            result = call()
        except BaseException as exc:
            # Perhaps nobody waits any more.
            logger.debug("%r failed", key, exc_info=True)
            self._forget(key)
            future.set_exception(exc)
        else:
            self._forget(key)
            future.set_result(result)

    def _forget(self, key: Hashable) -> None:
        with self._lock:
            del self._running[key]
