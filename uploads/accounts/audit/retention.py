"""Delete the entries of the audit log that are older than `FILEHUB_AUDIT_DAYS`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from uploads.core.conf import conf
from uploads.models import AuditEntry

#: Entries per transaction, so that none locks the table for long.
BATCH = 1_000
#: The time after which to stop, well below a task's time limit (filehub/settings.py).
BUDGET = timedelta(seconds=45)


@dataclass(frozen=True)
class Expired:
    """How many entries were deleted, and whether the time ended before all were."""

    entries: int
    more: bool


def expire(*, budget: timedelta = BUDGET) -> Expired:
    """Delete what is older, oldest first, until the end or the time budget is exhausted.

    Deletes at least one batch. Safe to repeat and to interrupt anywhere. Raises DatabaseError.
    """
    before = timezone.now() - timedelta(days=conf().audit_days)
    stop_at = time.monotonic() + budget.total_seconds()
    entries = 0
    while True:
        deleted = AuditEntry.objects.expire(before, BATCH)
        entries += deleted
        if deleted < BATCH:
            return Expired(entries, more=False)
        if time.monotonic() >= stop_at:
            return Expired(entries, more=True)
