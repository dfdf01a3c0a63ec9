"""Bring records in line with S3: confirm, mark deleted, check. Runs in the worker.

Each function queries S3, lets `uploads.ingest.decide` compute the new record, and has
`uploads.files.store` write it if the record has not changed in between.
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
#: What a check found. Anything but "consistent" and "unknown" has been fixed.
Finding = Literal["consistent", "unknown", "confirmed", "rejected", "missing", "corrected"]


def apply_event(event: ObjectEvent) -> Outcome:
    """Apply an S3 event to the record. Safe to repeat, in any order."""
    if event.kind == "removed":
        return _mark_deleted(event.upload_id, event.sequencer, event.time)
    return confirm(event.upload_id, event.sequencer, event.time)


def confirm(upload_id: str, sequencer: str = NO_SEQUENCER, time: str = "") -> Outcome:
    """Inspect the object and record it. `time` is that of the event, in ISO 8601, or "".

    Without a sequencer (from a hint, or an event that has none) this only creates a missing record:
    any event that was applied before takes precedence.
    """
    outcome: Outcome = "unchanged"
    etag_to_delete: str | None = None
    # Whether this is certainly a new upload. Otherwise (a hint about an old id), the object may
    # have been stored under earlier rules, and its record lost: it must not be rejected or deleted.
    is_new = sequencer != NO_SEQUENCER or decide.is_recent(upload_id)

    def target_for(current: StoredFile | None) -> Target | None:
        nonlocal outcome, etag_to_delete
        etag_to_delete = None
        if current is not None and not decide.is_newer(sequencer, current):
            outcome = "unchanged"
            etag_to_delete = current.etag if current.state == "rejected" else None
            return None
        s3_object = _inspect(upload_id, current)
        if s3_object is None:
            outcome = "absent"
            return None
        event = {"sequencer": sequencer, "notified_at": decide.parse_time(time)}
        if current is not None and decide.is_stored(current, s3_object):
            outcome = "stored"
            return decide.restored(current, s3_object, **event)
        validated = changed(decide.validate(upload_id, s3_object, current, rules()), **event)
        target = _check_quota(validated, current)
        is_rejected = isinstance(target, StoredFile) and target.state == "rejected"
        if is_rejected and validated.state == "stored" and not is_new:
            # Either its event is late or its record was lost: leave it to the event or to the
            # reconciliation.
            outcome = "unchanged"
            return None
        outcome = "rejected" if is_rejected else "stored"
        etag_to_delete = s3_object.etag if is_rejected else None
        return target

    store.change(upload_id, target_for)
    # The rejection is recorded before the object is deleted, so that the removal event finds the
    # reason. This also completes an earlier attempt that failed between the two steps.
    #
    # The ETag protects an object that has replaced the rejected one: it has its own event.
    if etag_to_delete and is_new:
        s3.delete_if_match(upload_id, etag_to_delete)
    return outcome


def check(upload_id: str, *, dry_run: bool = False, may_delete: bool = True) -> Finding:
    """Make the record agree with HeadObject.

    The record keeps its sequencer, so that a late event takes precedence. Files that were stored
    before are not validated again; of the others, only recent ones are ever deleted. A dry run only
    returns the finding.
    """
    finding: Finding = "consistent"
    etag_to_delete: str | None = None
    is_recent = decide.is_recent(upload_id)

    def target_for(current: StoredFile | None) -> Target | None:
        nonlocal finding, etag_to_delete
        etag_to_delete = None
        was_stored = current is not None and decide.was_stored(current)
        s3_object = s3.head(upload_id) if was_stored else _inspect(upload_id, current)
        if s3_object is None:
            finding = "consistent" if current else "unknown"
            if current is None or current.state != "stored":
                return None
            # If the bucket itself is missing, so is every object: raise instead.
            s3.ping()
            finding = "missing"
            return decide.tombstone(
                current, reason=decide.OBJECT_MISSING, removed_at=datetime.now(UTC)
            )
        if current is not None and was_stored:
            finding = "confirmed" if current.state == "deleted" else "corrected"
            if current.state == "stored" and current.etag == s3_object.etag:
                finding = "consistent"
            return decide.restored(current, s3_object)
        validated = decide.validate(upload_id, s3_object, current, rules())
        # An older file may have been within the quota before its record was lost.
        target = _check_quota(validated, current) if is_recent else validated
        is_rejected = isinstance(target, StoredFile) and target.state == "rejected"
        finding = "rejected" if is_rejected else "confirmed"
        etag_to_delete = s3_object.etag if is_rejected else None
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
    """Write a tombstone, so that a late creation event cannot bring the file back.

    Without a sequencer the order is unknown, and the object alone decides. The record then keeps
    its sequencer, so that a late event takes precedence.
    """

    def target_for(current: StoredFile | None) -> StoredFile | None:
        if current is not None and not _may_mark_deleted(sequencer, current):
            return None
        # S3 also reports the removal of old versions and delete markers: the object still exists.
        if s3.head(upload_id) is not None:
            return None
        if current is None:
            current = decide.new_record(upload_id, sequencer, "deleted")
        newest = max(sequencer, current.sequencer)
        if current.state == "rejected":
            # filehub itself deleted the object: keep the rejection and its reason.
            return changed(current, sequencer=newest)
        removed_at = decide.parse_time(time) or datetime.now(UTC)
        return decide.tombstone(current, sequencer=newest, removed_at=removed_at)

    return "removed" if store.change(upload_id, target_for) else "unchanged"


def _may_mark_deleted(sequencer: str, current: StoredFile) -> bool:
    if sequencer == NO_SEQUENCER:
        return current.state == "stored"
    return decide.is_newer(sequencer, current)


def _inspect(upload_id: str, current: StoredFile | None) -> s3.StoredObject | None:
    """Inspect the object, including its first bytes if they can affect the decision."""

    def needs_content(s3_object: s3.StoredObject) -> bool:
        is_known = current is not None and decide.is_stored(current, s3_object)
        return (
            not is_known
            and sniffing.needs_content_check(s3_object.content_type, rules().allowed_types)
            and not decide.broken_rule(s3_object, rules())
        )

    return s3.inspect(upload_id, needs_content=needs_content)


def _check_quota(target: StoredFile, current: StoredFile | None) -> Target:
    """The record, on condition of its owner's quota; or the rejected record if it does not fit.

    A record that takes no more room than before always fits.
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
        return decide.rejected(target, exc.reason)
    return store.WithinQuota(target, limit)
