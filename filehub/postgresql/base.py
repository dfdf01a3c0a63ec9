"""A PostgreSQL backend in which no wait of the web process lasts forever.

libpq limits only the time to connect. A query to a server that hangs, or whose machine vanished in
a failover, would hold its thread for as long as TCP lasts. Commands such as `migrate` may take
their time, so only the web process sets limits (filehub/wsgi.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg
from django.db.backends.postgresql import base

from uploads.core.slots import Slots


@dataclass(frozen=True)
class Limits:
    """Seconds to wait for a statement, and for the check of a connection that is used again.

    `slots`: how many threads may wait at a time.
    """

    statement: float
    health_check: float
    slots: Slots


_limits: Limits | None = None


def limit_waits(limits: Limits | None) -> None:
    """Set the limits of this process."""
    global _limits  # noqa: PLW0603  # a property of the process
    _limits = limits


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection of one thread."""

    _is_health_check = False

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        with _slot():
            connection = super().get_new_connection(conn_params)
        # All of psycopg's requests to the server go through this method.
        connection.wait = partial(self._wait, connection, connection.wait)
        return connection

    def _wait(self, connection: Any, wait: Callable[..., Any], *arguments: Any) -> Any:
        if _limits is None:
            return wait(*arguments)
        seconds = _limits.health_check if self._is_health_check else _limits.statement
        try:
            with _slot():
                return wait(*arguments, timeout=seconds)
        except psycopg.OperationalError as exc:
            if exc.sqlstate is None:
                # The response may still arrive, so the connection cannot be used again.
                connection.pgconn.finish()
            raise

    def is_usable(self) -> bool:
        self._is_health_check = True
        try:
            return super().is_usable()
        finally:
            self._is_health_check = False


@contextmanager
def _slot() -> Iterator[None]:
    """Hold a slot while waiting for the server. Raises psycopg.OperationalError if there is none."""
    if _limits is None:
        yield
        return
    slots, in_vain = _limits.slots, True
    if not slots.acquire():
        raise psycopg.OperationalError(
            "the server does not respond, and too many threads are already waiting for it"
        )
    try:
        yield
        in_vain = False
        slots.answered()
    except psycopg.Error as exc:
        in_vain = isinstance(exc, psycopg.OperationalError) and exc.sqlstate is None
        raise
    finally:
        slots.release(in_vain=in_vain)
