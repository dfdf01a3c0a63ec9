"""Claim files: note what uses a file that was uploaded for a form field, once and for all.

A claimed file no longer expires, and no form accepts it for anything else. Safe to repeat. IAM:
dynamodb:BatchGetItem, dynamodb:UpdateItem.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from uploads.core.errors import FileClaimed, FilehubError, FileNotFound
from uploads.files import batches, states, store
from uploads.files.record import KEPT_STATES, StoredFile

#: Characters of what a record keeps about its claim.
MAX_CLAIM = 200


def claim(claims: Mapping[str, str]) -> dict[str, FilehubError]:
    """Claim each of these files, by id, for what will use it: any text that names it.

    A file that has expired meanwhile comes back from the trash. Returns the errors, by id:
    FileClaimed if something else has claimed it, FileNotFound if there is no such file (or not
    yet), BackendUnavailable. Raises BackendUnavailable if the records cannot be read.
    """
    now = datetime.now(UTC)

    def decide(record: StoredFile | None) -> StoredFile:
        if record is None or record.state not in KEPT_STATES or states.is_being_purged(record):
            raise FileNotFound
        by = claims[record.id][:MAX_CLAIM]
        if record.claimed_by and record.claimed_by != by:
            raise FileClaimed
        if record.state == "trashed" and not record.trashed_by:
            record = states.restored(record, by=by, now=now)
        return states.in_state(
            record,
            states.kept_state(record),
            claimed_by=by,
            claimed_at=record.claimed_at or now,
            # That of a destination stays.
            kept_until=None if record.field else record.kept_until,
        )

    return batches.errors_of(store.change_many(claims, decide))
