"""How many files wait to be checked for malware, and how many are in quarantine.

Both are few, unless the scanner is away, so they are counted in the index AllFeed, up to MOST of
each of its sixteen parts. IAM: dynamodb:Query.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from uploads.aws.dynamodb import table_errors
from uploads.core import keys
from uploads.core.conf import conf
from uploads.files.record import State, StoredFile

#: Files of one state that are counted in each part of the index.
MOST = 100


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
    found: list[StoredFile] = []
    for shard in keys.SHARDS:
        with table_errors():
            found += StoredFile.by_state.query(
                f"{state}#{shard}",
                attributes_to_get=["id", "confirmedAt"],
                limit=MOST,
                page_size=MOST,
            )
    return found
