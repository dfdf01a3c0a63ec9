"""The translation of AWS errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from uploads.core.errors import BackendUnavailable


@contextmanager
def aws_errors(problem: str) -> Iterator[None]:
    """Translate any failure of an AWS service to BackendUnavailable, with its cause chained.

    `problem` is a readable sentence such as "S3 could not delete the object."
    """
    try:
        yield
    except (BotoCoreError, ClientError, PynamoDBException) as exc:
        raise BackendUnavailable(f"{problem} Try again in a moment.") from exc
