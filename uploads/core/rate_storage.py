"""The storage in which requests are counted for the rate limits (SIGN_RATE_STORAGE)."""

from __future__ import annotations

import threading
import time

from limits.storage import Storage, storage_from_string

#: The storage in the memory of this process.
MEMORY = "memory://"
#: Seconds to wait for the storage server, so that uploads are never delayed longer.
TIMEOUT = 1
#: Seconds between two removals of expired counters.
CLEANUP_INTERVAL = 60


class MemoryCounters(Storage):
    """Counters for fixed periods in the memory of this process.

    The library's own storage starts a thread every 10 ms under load, which takes longer than
    signing a request. It can also lose counts of concurrent requests when a period ends.
    """

    STORAGE_SCHEME = ["filehub-memory"]
    base_exceptions = ()

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        #: Key -> count, and the end of the period (seconds since the epoch).
        self._counters: dict[str, tuple[int, float]] = {}
        self._next_cleanup = 0.0

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add to a counter, and return its new value. A new one expires after `expiry` seconds."""
        now = time.time()
        with self._lock:
            if now >= self._next_cleanup:
                self._remove_expired(now)
            count, ends_at = self._counters.get(key, (0, 0.0))
            if ends_at <= now:
                count, ends_at = 0, now + expiry
            self._counters[key] = (count + amount, ends_at)
            return count + amount

    def _remove_expired(self, now: float) -> None:
        self._counters = {key: kept for key, kept in self._counters.items() if kept[1] > now}
        self._next_cleanup = now + CLEANUP_INTERVAL

    def get(self, key: str) -> int:
        count, ends_at = self._counters.get(key, (0, 0.0))
        return count if ends_at > time.time() else 0

    def get_expiry(self, key: str) -> float:
        return self._counters.get(key, (0, time.time()))[1]

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        with self._lock:
            removed = len(self._counters)
            self._counters.clear()
        return removed

    def clear(self, key: str) -> None:
        with self._lock:
            self._counters.pop(key, None)


def connect(url: str) -> Storage:
    """The storage that a URL names, without sending anything yet. Each request has a time-out."""
    if url == MEMORY:
        return MemoryCounters()
    options: dict[str, int] = {}
    if url.startswith("redis"):
        options = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}
    elif url.startswith("memcached"):
        options = {"timeout": TIMEOUT, "connect_timeout": TIMEOUT}
    return storage_from_string(url, wrap_exceptions=True, **options)  # type: ignore[return-value]
