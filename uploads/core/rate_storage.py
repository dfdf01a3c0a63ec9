"""The storage in which requests are counted for the rate limits (SIGN_RATE_STORAGE)."""

from __future__ import annotations

from limits.storage import Storage, storage_from_string

#: Seconds to wait for the storage server, so that uploads are never delayed longer.
TIMEOUT = 1


def connect(url: str) -> Storage:
    """The storage that a URL names, without sending anything yet. Each request has a time-out."""
    options: dict[str, int] = {}
    if url.startswith("redis"):
        options = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}
    elif url.startswith("memcached"):
        options = {"timeout": TIMEOUT, "connect_timeout": TIMEOUT}
    return storage_from_string(url, wrap_exceptions=True, **options)  # type: ignore[return-value]
