"""The one translation of what goes wrong at AWS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from uploads.core.errors import BackendUnavailable


@contextmanager
def aws_errors(problem: str) -> Iterator[None]:
    """Turn any failure of an AWS service into one BackendUnavailable, with its cause chained.

    `problem` is a sentence for a person, such as "S3 could not delete the object."
    """
    try:
        yield
    except (BotoCoreError, ClientError, PynamoDBException) as exc:
        raise BackendUnavailable(f"{problem} Try again in a moment.") from exc
