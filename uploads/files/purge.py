"""Find the files whose time in the trash has expired, and permanently delete them.

A purge reads the trash of all users from the index AllFeed, shard by shard, and never the whole
table. It stops after a while and says where, so that the next one goes on from there. IAM:
dynamodb:Query on the index AllFeed; and as for `uploads.files.trash`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from uploads.aws.dynamodb import table_errors
from uploads.core import keys
from uploads.files import trash
from uploads.files.record import StoredFile

#: The time after which a purge stops, well below a task's time limit (filehub/settings.py).
BUDGET = timedelta(seconds=45)
#: Files that are deleted together.
BATCH = 100
#: Records per page of the index.
PAGE_SIZE = 1_000

_LOWEST = str(UUID(int=0))


@dataclass(frozen=True)
class Position:
    """Where a purge is: the last id that it has examined, and its shard."""

    shard: str = keys.SHARDS[0]
    last_id: str = _LOWEST


@dataclass(frozen=True)
class Purged:
    """How many files are being deleted, and where to go on (None: at the end)."""

    files: int
    next: Position | None


def purge(start: Position | None = None, *, budget: timedelta = BUDGET) -> Purged:
    """Delete the files that are due, until the end or until the time budget is exhausted.

    Safe to repeat and to interrupt anywhere: what is due stays in the trash until its object is
    gone. Makes some progress with any budget. Raises BackendUnavailable.
    """
    now, stop_at = datetime.now(UTC), time.monotonic() + budget.total_seconds()
    due: list[str] = []
    files = 0
    for position, is_due in _trash(start or Position(), now):
        if is_due:
            due.append(position.last_id)
        is_over = time.monotonic() >= stop_at
        if len(due) == BATCH or (due and is_over):
            files += trash.purge(due, now)
            due = []
        if is_over:
            return Purged(files, position)
    return Purged(files + trash.purge(due, now), None)


def _trash(start: Position, now: datetime) -> Iterator[tuple[Position, bool]]:
    """The files in the trash after a position, and whether each seems to be due.

    The index may lag behind the table, so this is only a suspicion.
    """
    for shard in keys.SHARDS[keys.SHARDS.index(start.shard) :]:
        after = start.last_id if shard == start.shard else _LOWEST
        with table_errors():
            for record in StoredFile.by_state.query(
                f"trashed#{shard}",
                StoredFile.id > after,
                attributes_to_get=["id", "purgeAt"],
                page_size=PAGE_SIZE,
            ):
                yield Position(shard, record.id), (record.purge_at or now) <= now
