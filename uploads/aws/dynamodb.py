"""How filehub reaches its one DynamoDB table. infra/filehub.yaml defines it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import TypeVar

from pynamodb.connection import Connection
from pynamodb.connection.table import TableConnection
from pynamodb.constants import BATCH_GET_PAGE_LIMIT
from pynamodb.models import Model

from uploads.aws import clients
from uploads.aws.errors import aws_errors
from uploads.core import backoff
from uploads.core.conf import Conf, conf
from uploads.core.errors import BackendUnavailable

UNAVAILABLE = "The list of files is not available right now."

M = TypeVar("M", bound=Model)

#: How often DynamoDB may leave out items that it was asked for, and seconds of the pauses.
_ATTEMPTS = 8
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 3.2


class _FromSettings:
    """A class attribute that is read from the settings each time, so that none is frozen."""

    def __init__(self, read: Callable[[Conf], str | None]) -> None:
        self._read = read

    def __get__(self, instance: object, owner: type) -> str | None:
        return self._read(conf())


class Table:
    """The `Meta` of every model: they share the table."""

    table_name = _FromSettings(lambda settings: settings.table)
    region = _FromSettings(lambda settings: settings.region)
    host = _FromSettings(lambda settings: settings.endpoint("dynamodb"))
    connect_timeout_seconds = clients.TABLE.connect
    read_timeout_seconds = clients.TABLE.read
    max_retry_attempts = clients.TABLE.attempts - 1


class TableModel(Model):
    """The base of every model."""

    @classmethod
    def _get_connection(cls) -> TableConnection:
        """PynamoDB keeps a connection for as long as the table has the same name."""
        kept = cls._connection
        if kept is not None and (kept.connection.region, kept.connection.host) != (
            cls.Meta.region,
            cls.Meta.host,
        ):
            cls._connection = None
        return super()._get_connection()


def connection() -> Connection:
    """What transactions go through: one per process."""
    return _connection(conf().region, conf().endpoint("dynamodb"))


@cache
def _connection(region: str, host: str | None) -> Connection:
    return Connection(
        region=region,
        host=host,
        connect_timeout_seconds=Table.connect_timeout_seconds,
        read_timeout_seconds=Table.read_timeout_seconds,
        max_retry_attempts=Table.max_retry_attempts,
    )


def table_errors() -> AbstractContextManager[None]:
    """Turn any failure of DynamoDB into one BackendUnavailable with its cause."""
    return aws_errors(UNAVAILABLE)


def batch_get(
    model: type[M],
    ids: Iterable[str],
    *,
    consistent_read: bool = False,
    attributes_to_get: Sequence[str] | None = None,
) -> list[M]:
    """The items with these ids, in no order; one request for each hundred.

    A table that is throttled answers with a part and names the rest (`UnprocessedKeys`). It is
    asked for the rest after growing pauses, about 6 s in all; PynamoDB's own `batch_get` asks at
    once, for ever. Raises BackendUnavailable.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
    """
    found: list[M] = []
    wanted = [{"id": {"S": each}} for each in dict.fromkeys(ids)]
    for start in range(0, len(wanted), BATCH_GET_PAGE_LIMIT):
        rest = wanted[start : start + BATCH_GET_PAGE_LIMIT]
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(backoff.pause(attempt, first=_FIRST_PAUSE, longest=_LONGEST_PAUSE))
            with table_errors():
                page, rest = model._batch_get_page(rest, consistent_read, attributes_to_get)
            found += map(model.from_raw_data, page)
            if not rest:
                break
        else:
            raise BackendUnavailable(f"{UNAVAILABLE} Try again in a moment.")
    return found
