"""From what S3 says to the record: confirm, mark deleted, check. The worker's side.

Each function asks S3, lets `uploads.ingest.decide` say what the record should be, and has
`uploads.files.store` write it only if the record is still the one that was decided about.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from uploads.aws import s3
from uploads.core import sniffing
from uploads.core.conf import rules
from uploads.core.errors import QuotaExceeded
from uploads.files import quotas, store, usage
from uploads.files.record import StoredFile, changed
from uploads.ingest import decide
from uploads.ingest.events import NO_SEQUENCER, ObjectEvent

Target = StoredFile | store.WithinQuota
Outcome = Literal["stored", "rejected", "removed", "absent", "unchanged"]
#: What a check found, and has put right unless it is "consistent".
Finding = Literal["consistent", "unknown", "confirmed", "rejected", "missing", "corrected"]


def apply_event(event: ObjectEvent) -> Outcome:
    """Bring the record in line with what S3 reported. Safe to repeat, in any order."""
    if event.kind == "removed":
        return _mark_deleted(event.upload_id, event.sequencer, event.time)
    return confirm(event.upload_id, event.sequencer, event.time)


def confirm(upload_id: str, sequencer: str = NO_SEQUENCER, time: str = "") -> Outcome:
    """Look at the object and record what is there. `time` is the event's, ISO 8601 or "".

    Without a sequencer (a hint, a reconciliation) only a missing record is written: whatever event
    was applied before knows better.
    """
    outcome: Outcome = "unchanged"
    etag_to_delete: str | None = None
    is_new = sequencer != NO_SEQUENCER or decide.is_recent(upload_id)

    def target_for(current: StoredFile | None) -> Target | None:
        nonlocal outcome, etag_to_delete
        etag_to_delete = None
        if current is not None and not decide.is_newer(sequencer, current):
            outcome = "unchanged"
            etag_to_delete = current.etag if current.state == "rejected" else None
            return None
        found = _inspect(upload_id, current)
        if found is None:
            outcome = "absent"
            return None
        noticed = {"sequencer": sequencer, "notified_at": decide.parse_time(time)}
        if current is not None and decide.is_stored(current, found):
            outcome = "stored"
            return decide.restored(current, found, **noticed)
        validated = changed(decide.validate(upload_id, found, current, rules()), **noticed)
        target = _check_quota(validated, current)
        is_rejected = isinstance(target, StoredFile) and target.state == "rejected"
        if is_rejected and validated.state == "stored" and not is_new:
            # Somebody says so of something old. Whether it comes late or its record was lost, the
            # event or the reconciliation will tell.
            outcome = "unchanged"
            return None
        outcome = "rejected" if is_rejected else "stored"
        etag_to_delete = found.etag if is_rejected else None
        return target

    store.change(upload_id, target_for)
    # Recorded first: the object's removal event must find out why it went. An earlier try may have
    # died in between; what was stored under yesterday's rules is no such case, and stays. So does
    # an object that has taken the place of the rejected one: its own event tells of it.
    if etag_to_delete and is_new:
        s3.delete_if_match(upload_id, etag_to_delete)
    return outcome


def check(upload_id: str, *, dry_run: bool = False, may_delete: bool = True) -> Finding:
    """Make the record agree with what HeadObject says now.

    The record keeps its sequencer: an event that is still on its way has the last word. What was
    stored once is not judged again, and of the rest only what is young is ever deleted. A dry run
    only says what would be found.
    """
    finding: Finding = "consistent"
    etag_to_delete: str | None = None
    is_recent = decide.is_recent(upload_id)

    def target_for(current: StoredFile | None) -> Target | None:
        nonlocal finding, etag_to_delete
        etag_to_delete = None
        was_stored = current is not None and decide.was_stored(current)
        found = s3.head(upload_id) if was_stored else _inspect(upload_id, current)
        if found is None:
            finding = "consistent" if current else "unknown"
            if current is None or current.state != "stored":
                return None
            # In a bucket that is not there every object is missing: this would raise.
            s3.ping()
            finding = "missing"
            return decide.tombstone(
                current, reason=decide.OBJECT_MISSING, removed_at=datetime.now(UTC)
            )
        if current is not None and was_stored:
            finding = "confirmed" if current.state == "deleted" else "corrected"
            if current.state == "stored" and current.etag == found.etag:
                finding = "consistent"
            return decide.restored(current, found)
        validated = decide.validate(upload_id, found, current, rules())
        # What is older may have had its place since before its record was lost.
        target = _check_quota(validated, current) if is_recent else validated
        is_rejected = isinstance(target, StoredFile) and target.state == "rejected"
        finding = "rejected" if is_rejected else "confirmed"
        etag_to_delete = found.etag if is_rejected else None
        if is_rejected and current and current.state == "rejected":
            return None
        return target

    if dry_run:
        target_for(store.get(upload_id))
        return finding
    store.change(upload_id, target_for)
    if etag_to_delete and may_delete and is_recent:
        s3.delete_if_match(upload_id, etag_to_delete)
    return finding


def _mark_deleted(upload_id: str, sequencer: str, time: str = "") -> Outcome:
    """Leave a tombstone, so that a late creation event cannot bring the file back."""

    def target_for(current: StoredFile | None) -> StoredFile | None:
        if current is not None and not decide.is_newer(sequencer, current):
            return None
        # S3 also reports that an old version went, or the mark of a deletion: the object is there.
        if s3.head(upload_id) is not None:
            return None
        if current is None:
            current = decide.new_record(upload_id, sequencer, "deleted")
        if current.state == "rejected":
            # Its object was deleted by filehub itself: the rejection and its reason stay.
            return changed(current, sequencer=sequencer)
        removed_at = decide.parse_time(time) or datetime.now(UTC)
        return decide.tombstone(current, sequencer=sequencer, removed_at=removed_at)

    return "removed" if store.change(upload_id, target_for) else "unchanged"


def _inspect(upload_id: str, current: StoredFile | None) -> s3.StoredObject | None:
    """The object, with its first bytes if what is in them can change what becomes of it."""

    def is_in_doubt(found: s3.StoredObject) -> bool:
        is_known = current is not None and decide.is_stored(current, found)
        return (
            not is_known
            and sniffing.needs_content_check(found.content_type)
            and not decide.broken_rule(found, rules())
        )

    return s3.inspect(upload_id, needs_content=is_in_doubt)


def _check_quota(target: StoredFile, current: StoredFile | None) -> Target:
    """The record if its owner's quota has room for it, which the write makes sure of; or rejected.

    What takes no more room than before always fits.
    """
    growth = usage.growth(current, target)
    if target.state != "stored" or target.owner is None or growth <= 0:
        return target
    limit = quotas.limit_of_owner(target.owner)
    if limit is None:
        return target
    try:
        quotas.check(target.owner, limit, growth)
    except QuotaExceeded as exc:
        return decide.rejected(target, exc.message)
    return store.WithinQuota(target, limit)
