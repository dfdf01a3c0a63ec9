"""How filehub reaches its one DynamoDB table. infra/filehub.yaml defines it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from pynamodb.connection import Connection
from pynamodb.exceptions import PynamoDBException

from uploads.conf import env
from uploads.exceptions import BackendUnavailable


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
        raise BackendUnavailable(
            "The list of files cannot be reached just now. Try again in a moment."
        ) from exc
