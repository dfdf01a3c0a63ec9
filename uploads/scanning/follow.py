"""Queue the check of files whose record says that they have to be checked.

It depends only on the record, so that a repeated event completes what an earlier attempt did not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.files.record import KEPT_STATES, StoredFile
from uploads.scanning import queue


def up(records: Iterable[StoredFile]) -> Mapping[str, Exception]:
    """Queue the checks that are missing; return the errors by upload id.

    GuardDuty checks new objects by itself.
    """
    if conf().scan != "clamd":
        return {}
    pending = [record.id for record in records if is_pending(record)]
    try:
        queue.enqueue(pending)
    except BackendUnavailable as exc:
        return dict.fromkeys(pending, exc)
    return {}


def is_pending(record: StoredFile) -> bool:
    """Whether a file still has to be checked."""
    return record.malware == "pending" and record.state in KEPT_STATES
