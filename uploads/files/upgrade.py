"""Give the records of earlier versions the attributes that this version derives from others.

These are the keys of the indexes (`uploads.files.states`). What counters count does not depend on
them, but rejected files of earlier versions become visible to their owners. IAM: dynamodb:Scan,
dynamodb:UpdateItem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from uploads.aws.dynamodb import table_errors
from uploads.files import store
from uploads.files.record import STATES, Change, StoredFile
from uploads.files.states import in_state

#: Records that are written together.
BATCH_SIZE = 100


@dataclass(frozen=True)
class Upgraded:
    """How many records were read and had to be written, and after which one to continue.

    `position` is the id of the last record that was read; None: there are no more.
    """

    read: int = 0
    written: int = 0
    failed: int = 0
    position: str | None = None


def upgrade(
    *,
    after: str | None = None,
    limit: int | None = None,
    dry_run: bool = False,
    progress: Callable[[Upgraded], None] = lambda _: None,
) -> Upgraded:
    """Write what is outdated in the records, beginning after an id, at most `limit` of them.

    A record that another process changes meanwhile is left to the next run, and counts as failed;
    so does one that cannot be written. Repeating it is harmless. Raises BackendUnavailable.
    """
    result, scanned = Upgraded(position=after), _scan(after)
    while limit is None or result.written < limit:
        batch = list(islice(scanned, BATCH_SIZE))
        if not batch:
            return Upgraded(result.read, result.written, result.failed)
        changes = [change for record in batch if (change := _change(record))]
        failed = 0 if dry_run else _write(changes)
        result = Upgraded(
            result.read + len(batch),
            result.written + len(changes) - failed,
            result.failed + failed,
            batch[-1].id,
        )
        progress(result)
    return result


def _scan(after: str | None) -> Iterator[StoredFile]:
    """All records of files, in the order of the table."""
    start = {"id": {"S": after}} if after else None
    with table_errors():
        yield from StoredFile.scan(
            StoredFile.state.exists(), consistent_read=True, last_evaluated_key=start
        )


def _change(record: StoredFile) -> Change | None:
    """The change of an outdated record. A state of a later version is left alone."""
    if record.state not in STATES:
        return None
    target = in_state(record, record.state)
    return Change(record, target) if store.differs(record, target) else None


def _write(changes: list[Change]) -> int:
    """Write these changes; return how many were not written."""
    unwritten = store.commit(changes)
    return len(unwritten.stale) + len(unwritten.failed)
