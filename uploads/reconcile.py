"""Finding objects whose event never arrived."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from uploads import confirmation, keys, selectors, storage, tokens
from uploads.conf import env

#: How far back the periodic run looks beyond the last moment in which a request could be used.
MARGIN = timedelta(hours=1)


def window() -> timedelta:
    """The keys that may be new: ids carry the moment of signing, and the PUT comes later."""
    return timedelta(seconds=env().filehub_url_expiry) + MARGIN


def multipart_window() -> timedelta:
    """An upload in parts has the id of the moment in which it was begun, days before its object."""
    return tokens.LIFETIME + MARGIN


def reconcile_recent(since: timedelta | None = None) -> int:
    """Confirm every object signed `since` then that has no record; returns how many were healed.

    An object whose event is still on its way may be confirmed here first: the event then finds the
    same state. Raises BackendUnavailable.
    """
    ids = storage.ids_since(keys.first_id_at(datetime.now(UTC) - (since or window())))
    healed = 0
    while batch := list(islice(ids, selectors.MAX_IDS)):
        for upload_id in sorted(set(batch) - selectors.recorded(batch)):
            healed += confirmation.confirm(upload_id) in {"stored", "rejected"}
    return healed


# Replaced at merge.


@dataclass(frozen=True)
class Run:
    """What one reconciliation found. `kind` is "recent", "multipart", "all" or "since"."""

    kind: str
    started_at: datetime
    finished_at: datetime
    looked_at: int
    orphans: int
    ghosts: int
    rejected: int
    corrected: int
    failed: int


def last_runs() -> list[Run]:
    """The last runs, newest first."""
    return []
