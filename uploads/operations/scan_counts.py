"""How many files wait to be checked for malware, and how many are in quarantine.

Both are few, unless the scanner is away, so they are counted in the index AllFeed, up to MOST of
each of its sixteen parts. IAM: dynamodb:Query.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain

from uploads.aws.dynamodb import table_errors
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.fan_out import map_concurrently
from uploads.files.record import State, StoredFile

#: Files of one state that are counted in each part of the index.
MOST = 100
#: Queries at a time.
CONCURRENCY = 8


@dataclass(frozen=True)
class Counts:
    """Numbers of files, and how long the oldest of those that wait has been waiting."""

    scanning: int = 0
    quarantined: int = 0
    oldest: timedelta = timedelta()


def read() -> Counts:
    """Count the files; nothing if none are checked. Raises BackendUnavailable."""
    if not conf().scans:
        return Counts()
    now = datetime.now(UTC)
    waiting = _files("scanning")
    since = min((record.confirmed_at or now for record in waiting), default=now)
    return Counts(len(waiting), len(_files("quarantined")), max(now - since, timedelta()))


def _files(state: State) -> list[StoredFile]:
    parts = [f"{state}#{shard}" for shard in keys.SHARDS]
    return list(chain.from_iterable(map_concurrently(_part, parts, max_workers=CONCURRENCY)))


def _part(partition: str) -> list[StoredFile]:
    with table_errors():
        return list(
            StoredFile.by_state.query(
                partition, attributes_to_get=["id", "confirmedAt"], limit=MOST, page_size=MOST
            )
        )
