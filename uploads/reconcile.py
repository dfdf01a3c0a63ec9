"""Finding objects whose event never arrived."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

from uploads import keys, selectors, services, storage

#: How far back the periodic run looks. Ids sort by time, so this is a window of keys.
WINDOW = timedelta(hours=24)


def reconcile_recent(window: timedelta = WINDOW) -> int:
    """Confirm every object of the window that has no record; returns how many were healed.

    An object whose event is still on its way may be confirmed here first: the event then finds the
    same state. Raises BackendUnavailable.
    """
    ids = storage.ids_since(keys.first_id_at(datetime.now(UTC) - window))
    healed = 0
    while batch := list(islice(ids, selectors.MAX_IDS)):
        for upload_id in sorted(set(batch) - selectors.recorded(batch)):
            healed += services.confirm(upload_id) in {"stored", "rejected"}
    return healed
