"""Find the stored files that have expired, and move them to the trash.

Only files whose destination says for how long they are kept, and those that no form has claimed,
are in the index KeptUntil, sorted by the time at which they expire, so that a run reads no others.
A file that a row refers to never expires as unclaimed: its claim was lost, and is made again. IAM:
dynamodb:Query on the index KeptUntil; and as for `uploads.files.trash`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from uploads.aws.dynamodb import table_errors
from uploads.core import keys
from uploads.files import claims, references, trash
from uploads.files.record import StoredFile

logger = logging.getLogger(__name__)

#: The time after which a run stops, well below a task's time limit (filehub/settings.py).
BUDGET = timedelta(seconds=45)
#: Files that are moved together, and records per page of the index.
BATCH = 100


@dataclass(frozen=True)
class Expired:
    """How many files were moved to the trash or deleted, and whether there may be more."""

    files: int
    more: bool


def expire(*, budget: timedelta = BUDGET) -> Expired:
    """Move the files that have expired to the trash, until the time budget is exhausted.

    Safe to repeat and to interrupt anywhere: a file that was moved is no longer in the index. Makes
    some progress with any budget. Raises BackendUnavailable, and DatabaseError if it cannot be
    known whether rows refer to the files.
    """
    now, stop_at = datetime.now(UTC), time.monotonic() + budget.total_seconds()
    files, found = 0, _expired(now)
    while ids := list(islice(found, BATCH)):
        used = references.find(ids)
        errors = claims.claim(used) if used else {}
        for upload_id, error in errors.items():
            about = {"upload_id": upload_id}
            logger.warning(
                "the claim of %s failed: %r", upload_id, error.__cause__ or error, extra=about
            )
        files += trash.expire([upload_id for upload_id in ids if upload_id not in used], now)
        if time.monotonic() >= stop_at:
            return Expired(files, more=True)
    return Expired(files, more=False)


def _expired(now: datetime) -> Iterator[str]:
    """The ids of the files that seem to have expired: the index may lag behind the table."""
    for shard in keys.SHARDS:
        with table_errors():
            for record in StoredFile.by_expiry.query(
                shard, StoredFile.kept_until <= now, page_size=BATCH
            ):
                yield record.id
