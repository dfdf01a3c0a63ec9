"""A PostgreSQL backend in which no wait of the web process lasts forever.

libpq limits only the time to connect. A query to a server that hangs, or whose machine vanished in
a failover, would hold its thread for as long as TCP lasts. Commands such as `migrate` may take
their time, so only the web process sets limits (filehub/wsgi.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

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


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection of one thread."""

    #: Those of this process; None: wait as long as it takes.
    limits: ClassVar[Limits | None] = None
    _is_health_check = False

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        with self._slot():
            connection = super().get_new_connection(conn_params)
        # All of psycopg's requests to the server go through this method.
        connection.wait = partial(self._wait, connection, connection.wait)
        return connection

    def _wait(self, connection: Any, wait: Callable[..., Any], *arguments: Any) -> Any:
        if self.limits is None:
            return wait(*arguments)
        seconds = self.limits.health_check if self._is_health_check else self.limits.statement
        try:
            with self._slot():
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
    def _slot(self) -> Iterator[None]:
        """Hold a slot while waiting. Raises psycopg.OperationalError if there is none."""
        if self.limits is None:
            yield
            return
        slots, in_vain, started_at = self.limits.slots, True, time.monotonic()
        if not slots.acquire():
            raise psycopg.OperationalError(
                "the server does not respond, and too many threads are already waiting for it"
            )
        try:
            yield
            in_vain = False
            slots.answered()
        except psycopg.Error as exc:
            # Refused connections and errors with a code are answers too, though not good ones.
            waited = time.monotonic() - started_at
            in_vain = waited >= self.limits.health_check and exc.sqlstate is None
            raise
        finally:
            slots.release(in_vain=in_vain)
