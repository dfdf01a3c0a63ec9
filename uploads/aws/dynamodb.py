"""How filehub reaches its one DynamoDB table. infra/filehub.yaml defines it."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from pynamodb.connection import Connection
from pynamodb.constants import BATCH_GET_PAGE_LIMIT
from pynamodb.exceptions import PynamoDBException
from pynamodb.models import Model

from uploads.core.conf import env
from uploads.core.errors import BackendUnavailable

UNAVAILABLE = "The list of files cannot be reached just now. Try again in a moment."

M = TypeVar("M", bound=Model)

#: How often DynamoDB may leave out items that it was asked for, and seconds of the first pause.
_ATTEMPTS = 8
_FIRST_PAUSE = 0.05


class Table:
    """The `Meta` of every model: they share the table. Fail in seconds; tasks are tried again."""

    table_name = env().filehub_table
    region = env().aws_region
    host = env().endpoint("dynamodb")
    connect_timeout_seconds = 5
    read_timeout_seconds = 10
    max_retry_attempts = 4


@cache
def connection() -> Connection:
    """What transactions go through: one per process."""
    return Connection(
        region=Table.region,
        host=Table.host,
        connect_timeout_seconds=Table.connect_timeout_seconds,
        read_timeout_seconds=Table.read_timeout_seconds,
        max_retry_attempts=Table.max_retry_attempts,
    )


@contextmanager
def table_errors() -> Iterator[None]:
    """Turn any failure of DynamoDB into one BackendUnavailable with its cause."""
    try:
        yield
    except PynamoDBException as exc:
        raise BackendUnavailable(UNAVAILABLE) from exc


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
                time.sleep(_FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(0.5, 1))
            with table_errors():
                page, rest = model._batch_get_page(rest, consistent_read, attributes_to_get)
            found += map(model.from_raw_data, page)
            if not rest:
                break
        else:
            raise BackendUnavailable(UNAVAILABLE)
    return found
