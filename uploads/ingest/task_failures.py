"""Why Celery tasks failed: kept for whoever finds one among the dead letters."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from pynamodb.attributes import (
    NumberAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UTCDateTimeAttribute,
)

from uploads.aws import clients
from uploads.aws.dynamodb import Table, TableModel, batch_get, table_errors

#: Twice as long as a dead letter can lie in its queue.
RETENTION = timedelta(days=28)
#: The most characters of a task's error that are kept.
MAX_ERROR = 500


class TaskFailure(TableModel):
    """Why a Celery task failed last. In the table of files, but in none of its indexes: it has
    none of their keys. No upload's id begins as its id does.
    """

    class Meta(Table):
        # Written by a task that has failed already, perhaps out of time: it must not wait long.
        connect_timeout_seconds = clients.OPTIONAL.connect
        read_timeout_seconds = clients.OPTIONAL.read
        max_retry_attempts = 1

    id = UnicodeAttribute(hash_key=True)
    error = UnicodeAttribute()
    #: When it failed last.
    at = UTCDateTimeAttribute()
    #: How often it has failed.
    attempts = NumberAttribute()
    expires_at = TTLAttribute(attr_name="expiresAt")

    @staticmethod
    def id_of(task_id: str) -> str:
        """The item's id for a Celery task's id."""
        return f"failure#{task_id}"


def record(task_id: str, error: str) -> None:
    """Keep why a task failed. The last error stays, and how often there was one.

    Raises BackendUnavailable.
    """
    now = datetime.now(UTC)
    with table_errors():
        TaskFailure(TaskFailure.id_of(task_id)).update(
            actions=[
                TaskFailure.error.set(error[:MAX_ERROR]),
                TaskFailure.at.set(now),
                TaskFailure.attempts.add(1),
                TaskFailure.expires_at.set(now + RETENTION),
            ]
        )


def last_failures(task_ids: Iterable[str]) -> dict[str, TaskFailure]:
    """Task -> its last failure, in one call for up to a hundred. Raises BackendUnavailable."""
    wanted = {TaskFailure.id_of(task_id): task_id for task_id in task_ids if task_id}
    return {wanted[each.id]: each for each in batch_get(TaskFailure, wanted)}
