"""What operators do about files in quarantine: release them, or have files checked again.

To delete one, use `uploads.files.trash.delete`. IAM: dynamodb:BatchGetItem, dynamodb:UpdateItem.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from uploads.files import batches
from uploads.files.batches import Actor, Result, permitted
from uploads.files.record import KEPT_STATES, State, StoredFile, changed
from uploads.files.states import in_state, kept_state

#: What an operator may release: also a file that waits for a scanner that does not come back.
_MAY_BE_RELEASED: tuple[State, ...] = ("quarantined", "scanning")


def release(ids: Sequence[str], actor: Actor) -> list[Result]:
    """Store files without the consent of the scanner; return a result for each id, in order.

    Errors: FileNotFound if a file is in no such state, BackendUnavailable. Raises
    BackendUnavailable if the records cannot be read.
    """

    def decide(record: StoredFile | None) -> StoredFile:
        current = permitted(record, actor, _MAY_BE_RELEASED)
        # What was found stays in the record.
        note = current.reason or current.scan_note
        target = changed(current, malware="released", reason=None, scan_note=note)
        return in_state(target, kept_state(target))

    return batches.change(ids, "stored", decide)


def check_again(ids: Sequence[str], actor: Actor) -> list[Result]:
    """Have files checked for malware again; return a result for each id, in order.

    A file in quarantine waits for its new verdict as a new file does. One that is stored stays
    available meanwhile; only malware changes its state. The caller queues the checks
    (`uploads.scanning.queue`). Errors: as for `release`.
    """
    now = datetime.now(UTC)

    def decide(record: StoredFile | None) -> StoredFile:
        current = permitted(record, actor, KEPT_STATES)
        if current.state != "quarantined":
            return current
        target = changed(current, malware="pending", reason=None, scan_requested_at=now)
        return in_state(target, kept_state(target))

    return batches.change(ids, "scanning", decide)
