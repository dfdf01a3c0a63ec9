"""The translation of errors while a task is queued."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError
from kombu.exceptions import OperationalError

from uploads.core.errors import BackendUnavailable


@contextmanager
def queueing_errors() -> Iterator[None]:
    """Translate any failure to queue a task to BackendUnavailable, with its cause chained."""
    try:
        yield
    except (OperationalError, BotoCoreError, ClientError, OSError) as exc:
        raise BackendUnavailable("The task queue is temporarily unavailable.") from exc
