"""Access to filehub's one DynamoDB table, which infra/filehub.yaml defines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import TypeVar

from botocore.exceptions import ClientError
from pynamodb.connection import Connection
from pynamodb.connection.table import TableConnection
from pynamodb.constants import BATCH_GET_PAGE_LIMIT
from pynamodb.exceptions import PynamoDBException
from pynamodb.models import Model

from uploads.aws import clients, time_limit
from uploads.aws.errors import aws_errors
from uploads.core import backoff
from uploads.core.conf import Conf, conf
from uploads.core.errors import BackendUnavailable

UNAVAILABLE = "The list of files is temporarily unavailable."

M = TypeVar("M", bound=Model)

#: Attempts to read unprocessed items of a batch, and the pauses between them in seconds.
_ATTEMPTS = 8
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 3.2


class _FromSettings:
    """A class attribute that reads the settings on each access instead of at import time."""

    def __init__(self, read: Callable[[Conf], str | None]) -> None:
        self._read = read

    def __get__(self, instance: object, owner: type) -> str | None:
        return self._read(conf())


class Table:
    """The base `Meta` of all models, which share the table."""

    table_name = _FromSettings(lambda settings: settings.table)
    region = _FromSettings(lambda settings: settings.region)
    host = _FromSettings(lambda settings: settings.endpoint("dynamodb"))
    connect_timeout_seconds = clients.TABLE.connect
    read_timeout_seconds = clients.TABLE.read
    max_retry_attempts = clients.TABLE.attempts - 1


class TableModel(Model):
    """The base class of all models."""

    @classmethod
    def _get_connection(cls) -> TableConnection:
        """Drop PynamoDB's cached connection if region or endpoint have changed.

        PynamoDB itself checks only the table's name.
        """
        cached = cls._connection
        if cached is not None and (cached.connection.region, cached.connection.host) != (
            cls.Meta.region,
            cls.Meta.host,
        ):
            cls._connection = None
        return super()._get_connection()


def preload() -> None:
    """Create the clients of this module and of the models imported so far. Sends no request."""
    models = TableModel.__subclasses__()
    for each in (connection(), *(model._get_connection().connection for model in models)):
        _client = each.client


def connection() -> Connection:
    """The connection for transactions, one per process."""
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
    """Translate any failure of DynamoDB to BackendUnavailable, with its cause chained."""
    return aws_errors(UNAVAILABLE)


def error_code(error: BaseException | None) -> str | None:
    """The code of DynamoDB's response; None if there was no response, or if it is another error.

    PynamoDB's own `cause_response_code` raises AttributeError for a request without a response,
    because botocore's errors of connections have a `response` that is None.
    """
    cause = error.cause if isinstance(error, PynamoDBException) else None
    return str(cause.response["Error"]["Code"]) if isinstance(cause, ClientError) else None


def batch_get(
    model: type[M],
    ids: Iterable[str],
    *,
    consistent_read: bool = False,
    attributes_to_get: Sequence[str] | None = None,
) -> list[M]:
    """The items with these ids, in no particular order; one request per hundred ids.

    A throttled table returns some items and the keys of the rest (`UnprocessedKeys`). The rest is
    requested again with growing pauses, about 6 s in total; PynamoDB's own `batch_get` retries
    immediately and forever. Raises BackendUnavailable.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
    """
    items: list[M] = []
    requested = [{"id": {"S": key}} for key in dict.fromkeys(ids)]
    for start in range(0, len(requested), BATCH_GET_PAGE_LIMIT):
        rest = requested[start : start + BATCH_GET_PAGE_LIMIT]
        for attempt in range(_ATTEMPTS):
            with table_errors():
                if attempt:
                    time_limit.pause(
                        backoff.pause(attempt, first=_FIRST_PAUSE, longest=_LONGEST_PAUSE)
                    )
                page, rest = model._batch_get_page(rest, consistent_read, attributes_to_get)
            items += map(model.from_raw_data, page)
            if not rest:
                break
        else:
            raise BackendUnavailable(f"{UNAVAILABLE} Try again in a moment.")
    return items
