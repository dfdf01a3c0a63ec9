"""Where the web processes count requests together: a cache of Django's, named by a URL."""

from __future__ import annotations

import pickle
import random
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.files import locks
from django.db import connections

#: Every so many writes what is too much is removed: that means listing all of it.
TIDY_EVERY = 100
#: Seconds that a counter is kept: longer than the longest period of a rate, an hour.
KEPT = 2 * 3600
#: Seconds to wait for a server of counters. Nobody's upload is to wait for it longer.
PATIENCE = 1

_BACKENDS = {
    "file": "filehub.counters.CounterCache",
    "db": "filehub.counters.CounterTable",
    "redis": "django.core.cache.backends.redis.RedisCache",
    "rediss": "django.core.cache.backends.redis.RedisCache",
    "memcached": "django.core.cache.backends.memcached.PyMemcacheCache",
}


def cache_settings(url: str) -> dict[str, Any]:
    """Django's settings of the cache that a URL names; its form has been checked (filehub.env)."""
    scheme, _, rest = url.partition(":")
    location = rest.removeprefix("//")
    if scheme == "file":
        # As DJANGO_STATIC_ROOT and others: from where the process was started.
        location = str(Path(location).absolute())
    elif scheme.startswith("redis"):
        location = url
    options = {
        "file": {"MAX_ENTRIES": 2_000},
        "db": {"MAX_ENTRIES": 10_000},
        "redis": {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE},
        "memcached": {"timeout": PATIENCE, "connect_timeout": PATIENCE},
    }
    return {
        "BACKEND": _BACKENDS[scheme],
        "LOCATION": location,
        "KEY_PREFIX": "filehub",
        "TIMEOUT": KEPT,
        "OPTIONS": options.get(scheme.replace("rediss", "redis"), {}),
    }


class CounterCache(FileBasedCache):
    """Django's cache in files, with counters that are right however many processes count at once.

    Django's own reads a number, adds to it and writes it back: of two that do so at the same moment
    one is lost. Here they wait for each other.
    """

    if TYPE_CHECKING:
        _dir: str
        _max_entries: int

        def _createdir(self) -> None: ...
        def _list_cache_files(self) -> list[str]: ...
        def _delete(self, path: str) -> bool: ...
        def _key_to_file(self, key: Any, version: int | None) -> str: ...
        def _is_expired(self, file: BinaryIO) -> bool: ...

        pickle_protocol: ClassVar[int]

    def add(
        self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        # Mostly it is there: that costs no lock.
        if self.has_key(key, version):
            return False
        with self._alone():
            return super().add(key, value, timeout, version)

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """In place, where Django's writes another file and renames it: that is most of the time.

        Unlike Django's it leaves when the counter expires as it was. Raises ValueError if there is
        no such counter.
        """
        with self._alone():
            try:
                with Path(self._key_to_file(key, version)).open("r+b") as file:
                    if not self._is_expired(file):
                        return self._raise(file, delta)
            except FileNotFoundError:
                pass
        raise ValueError(f"there is no counter {key!r}")

    def _raise(self, file: BinaryIO, delta: int) -> int:
        """Of an open file of a counter, of which what comes before the value has been read."""
        start = file.tell()
        value: int = pickle.loads(zlib.decompress(file.read())) + delta  # noqa: S301  # own file
        file.seek(start)
        file.write(zlib.compress(pickle.dumps(value, self.pickle_protocol)))
        file.truncate()
        return value

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._createdir()
        with (Path(self._dir) / "lock").open("ab") as file:
            locks.lock(file, locks.LOCK_EX)
            try:
                yield
            finally:
                locks.unlock(file)

    def _cull(self) -> None:
        """Remove the oldest, and not any as Django does: those are the counters of the past."""
        if random.randrange(TIDY_EVERY):
            return
        files = sorted(self._list_cache_files(), key=lambda path: Path(path).stat().st_mtime)
        for path in files[: -self._max_entries]:
            self._delete(path)


class CounterTable(DatabaseCache):
    """Django's cache in a table of the database, of which the oldest are removed too."""

    if TYPE_CHECKING:
        _table: str
        _max_entries: int
        _cull_frequency: int

    def _cull(self, db: str, cursor: Any, now: datetime, num: int) -> None:
        """Django removes any; those would be counters that are being used. Each that was used is
        kept for the same time from then, so that the first to expire are the oldest."""
        operations = connections[db].ops
        table, expires = operations.quote_name(self._table), operations.quote_name("expires")
        cursor.execute(
            f"SELECT {expires} FROM {table} ORDER BY {expires} LIMIT 1 OFFSET %s",  # noqa: S608
            [num // self._cull_frequency],
        )
        if found := cursor.fetchone():
            cursor.execute(f"DELETE FROM {table} WHERE {expires} < %s", found)  # noqa: S608
