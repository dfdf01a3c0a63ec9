"""The errors of failed Celery tasks, to display beside their dead letters."""

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

#: Twice the retention of a dead letter.
RETENTION = timedelta(days=28)
#: The maximum length of a recorded error, in characters. A reason with the longest parameters is
#: shorter, even if it is escaped.
MAX_ERROR = 4_000


class TaskFailure(TableModel):
    """The last error of a Celery task, an item in the table of files.

    It has no keys of the indexes, so it is in none of them. No upload id has the same prefix.
    """

    class Meta(Table):
        # Written by a task that has already failed, perhaps by time-out: it must not wait long.
        connect_timeout_seconds = clients.OPTIONAL.connect
        read_timeout_seconds = clients.OPTIONAL.read
        max_retry_attempts = 1

    id = UnicodeAttribute(hash_key=True)
    #: `uploads.core.reasons.dump`, or a sentence if an earlier version wrote it.
    error = UnicodeAttribute()
    #: When it last failed.
    at = UTCDateTimeAttribute()
    #: How often it has failed.
    attempts = NumberAttribute()
    expires_at = TTLAttribute(attr_name="expiresAt")

    @staticmethod
    def id_of(task_id: str) -> str:
        """The id of the item for a Celery task."""
        return f"failure#{task_id}"


def record(task_id: str, error: str) -> None:
    """Record the error of a task. Keeps the last error and the number of failures.

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
    """Task id -> its last failure; one call per hundred. Raises BackendUnavailable."""
    tasks = {TaskFailure.id_of(task_id): task_id for task_id in task_ids if task_id}
    return {tasks[failure.id]: failure for failure in batch_get(TaskFailure, tasks)}
