"""Decide what an event, a hint or a check means for a record. Calls no service.

The input is what was observed: the trigger, the current record, the object, and the limits that
apply. The result says what to write, and which object to delete afterwards.
`uploads.ingest.settle` provides the input and carries the decision out. The current time is the
only other input.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, cast

from uploads.aws.s3 import StoredObject
from uploads.core import keys, policy, sniffing
from uploads.core.errors import QuotaExceeded
from uploads.core.policy import Rules
from uploads.files import counting
from uploads.files.quotas import Allowance
from uploads.files.record import KEPT_STATES, StoredFile, changed
from uploads.ingest import records, verdicts
from uploads.ingest.events import NO_SEQUENCER, ObjectEvent
from uploads.scanning.verdict import Verdict

#: Without an event, an object that breaks a rule is deleted only within this time after signing: an
#: older one may have been stored under other rules before its record was lost.
DELETABLE_FOR = timedelta(days=1)

#: What an event did.
Outcome = Literal[
    "stored", "rejected", "removed", "absent", "unchanged", "trashed", "scanning", "quarantined"
]
#: What a check found. Anything but "consistent" and "unknown" has been fixed.
Finding = Literal["consistent", "unknown", "confirmed", "rejected", "missing", "corrected"]


@dataclass(frozen=True)
class Check:
    """Make the record agree with the object, without an event.

    The record keeps its sequencer, so that a late event takes precedence. Files that were stored
    before are not validated again; of the others, only recent ones are ever deleted.
    """

    upload_id: str


Trigger = ObjectEvent | Check | Verdict


@dataclass(frozen=True)
class Limits:
    """The rules for a file, and its owner's quota (None: none applies), as just read.

    `claimed` is the number of bytes of the owner's other files that are about to be stored in the
    same batch.
    """

    rules: Rules
    allowance: Allowance | None = None
    claimed: int = 0


@dataclass(frozen=True)
class Decision:
    """The outcome, and what has to be done for it.

    "deferred": whether the file fits into its owner's quota depends on other files of the batch, so
    decide again once these have been written.
    """

    outcome: Outcome | Finding | Literal["deferred"]
    #: The record to write; None leaves it as it is.
    record: StoredFile | None = None
    #: Write the record only if its owner then has at most so many bytes.
    limit: int | None = None
    #: Afterwards, delete the object if it still has this ETag.
    etag_to_delete: str | None = None


def is_newer(sequencer: str, record: StoredFile) -> bool:
    """Whether an event is newer than the last one applied. Padded hex compares as text."""
    return sequencer > record.sequencer


def is_recent(upload_id: str) -> bool:
    """Whether the object of this id may still be deleted if it breaks a rule (`DELETABLE_FOR`)."""
    return datetime.now(UTC) - keys.created_at(upload_id) < DELETABLE_FOR


def needs_object(trigger: Trigger, record: StoredFile | None) -> bool:
    """Whether the object can affect the decision. If not, pass None for it to `decide`."""
    if isinstance(trigger, Verdict):
        # It names the object that it is about, and nothing is recorded about another one.
        return False
    if isinstance(trigger, Check) or record is None:
        return True
    if trigger.kind == "removed" and trigger.sequencer == NO_SEQUENCER:
        return record.state in KEPT_STATES
    return is_newer(trigger.sequencer, record)


def needs_content(
    trigger: Trigger, record: StoredFile | None, s3_object: StoredObject, rules: Rules
) -> bool:
    """Whether the object's first bytes can affect the decision."""
    return (
        not _is_removal(trigger)
        and not _is_known(trigger, record, s3_object)
        and not records.broken_rule(s3_object, rules)
        and sniffing.needs_content_check(
            s3_object.content_type, rules.at(s3_object.destination, s3_object.field).allowed_types
        )
    )


def quota_owner(
    trigger: Trigger, record: StoredFile | None, s3_object: StoredObject | None
) -> str | None:
    """The owner whose quota can affect the decision, or None."""
    if s3_object is None or _is_removal(trigger) or _is_known(trigger, record, s3_object):
        return None
    # An older file may have been within the quota before its record was lost.
    if isinstance(trigger, Check) and not is_recent(trigger.upload_id):
        return None
    return records.owner_of(s3_object, record)


def decide(
    trigger: Trigger, record: StoredFile | None, s3_object: StoredObject | None, limits: Limits
) -> Decision:
    """What to do about one upload.

    `limits.allowance` is that of `quota_owner`. Events and verdicts are safe to repeat, in any
    order.
    """
    if isinstance(trigger, Verdict):
        return _decide_verdict(trigger, record, limits.rules)
    if not is_recent(trigger.upload_id) and _is_without_event(trigger):
        # Its destination may have existed when it was stored, and its record may have been lost.
        limits = replace(limits, rules=replace(limits.rules, accepts_unknown=True))
    if isinstance(trigger, Check):
        return _decide_check(trigger, record, s3_object, limits)
    if trigger.kind == "removed":
        return _decide_removed(trigger, record, s3_object)
    return _decide_created(trigger, record, s3_object, limits)


def _is_removal(trigger: Trigger) -> bool:
    return isinstance(trigger, ObjectEvent) and trigger.kind == "removed"


def _is_without_event(trigger: Trigger) -> bool:
    return not isinstance(trigger, ObjectEvent) or trigger.sequencer == NO_SEQUENCER


def _is_known(trigger: Trigger, record: StoredFile | None, s3_object: StoredObject) -> bool:
    """Whether the object need not be validated, because it was before."""
    if record is None:
        return False
    if isinstance(trigger, Check):
        return records.was_stored(record)
    return records.is_stored(record, s3_object)


def _decide_created(
    event: ObjectEvent, record: StoredFile | None, s3_object: StoredObject | None, limits: Limits
) -> Decision:
    """Record the object as it is now.

    Without a sequencer (a hint, or an event that has none) this only creates a missing record: any
    event that was applied before takes precedence.
    """
    # Whether this is certainly a new upload. Otherwise (a hint about an old id), the object may
    # have been stored under earlier rules, and its record lost: it must not be rejected or deleted.
    is_new = event.sequencer != NO_SEQUENCER or is_recent(event.upload_id)
    if record is not None and not is_newer(event.sequencer, record):
        # This completes an earlier attempt that failed before it deleted a rejected object.
        is_undeleted = record.state == "rejected" and is_new
        return Decision("unchanged", etag_to_delete=record.etag if is_undeleted else None)
    if s3_object is None:
        return Decision("absent")
    applied = {"sequencer": event.sequencer, "notified_at": records.parse_time(event.time)}
    if record is not None and _is_known(event, record, s3_object):
        return Decision("stored", records.restored(record, s3_object, limits.rules, **applied))
    target = records.validate(event.upload_id, s3_object, record, limits.rules)
    target = changed(target, **applied)
    if target.state == "rejected":
        return _reject(target, may_delete=is_new)
    decision = _within_quota(target, record, limits)
    if decision.outcome == "rejected" and not is_new:
        # Either its event is late or its record was lost: leave it to the event or to the
        # reconciliation.
        return Decision("unchanged")
    return decision


def _decide_removed(
    event: ObjectEvent, record: StoredFile | None, s3_object: StoredObject | None
) -> Decision:
    """Write a tombstone, so that a late creation event cannot bring the file back.

    Without a sequencer the order is unknown, and the object alone decides. The record then keeps
    its sequencer, so that a late event takes precedence.
    """
    # S3 also reports the removal of old versions and delete markers: the object still exists.
    if s3_object is not None or not needs_object(event, record):
        return Decision("unchanged")
    if record is None:
        record = records.new_record(event.upload_id, event.sequencer, "deleted")
    newest = max(event.sequencer, record.sequencer)
    if record.state == "rejected":
        # filehub itself deleted the object: keep the rejection and its reason.
        return Decision("removed", changed(record, sequencer=newest))
    removed_at = records.parse_time(event.time) or datetime.now(UTC)
    tombstone = records.tombstone(record, sequencer=newest, removed_at=removed_at)
    return Decision("removed", tombstone)


def _decide_check(
    trigger: Check, record: StoredFile | None, s3_object: StoredObject | None, limits: Limits
) -> Decision:
    if s3_object is None:
        return _decide_missing(record)
    if record is not None and records.was_stored(record):
        restored = records.restored(record, s3_object, limits.rules)
        if record.state == "deleted":
            return Decision("confirmed", restored)
        is_same = record.etag == s3_object.etag
        return Decision("consistent" if is_same else "corrected", restored)
    may_delete = is_recent(trigger.upload_id)
    target = records.validate(trigger.upload_id, s3_object, record, limits.rules)
    decision = (
        _reject(target, may_delete=may_delete)
        if target.state == "rejected"
        else _within_quota(target, record, limits)
    )
    if decision.outcome in {"stored", "scanning"}:
        return Decision("confirmed", decision.record, decision.limit)
    if decision.outcome == "rejected" and record is not None and record.state == "rejected":
        return Decision("rejected", etag_to_delete=decision.etag_to_delete)
    return decision


def _decide_verdict(verdict: Verdict, record: StoredFile | None, rules: Rules) -> Decision:
    """Apply what a scanner said, if the record is still that of the object that it has checked."""
    target = verdicts.applied(verdict, record, rules.scan)
    if target is None:
        # This completes an earlier attempt that failed before it deleted the object.
        is_undeleted = verdicts.is_rejection(verdict, record)
        return Decision("unchanged", etag_to_delete=verdict.etag if is_undeleted else None)
    if target.state == "rejected":
        return _reject(target)
    return Decision(cast("Outcome", target.state), target)


def _decide_missing(record: StoredFile | None) -> Decision:
    if record is None:
        return Decision("unknown")
    if record.state not in KEPT_STATES:
        return Decision("consistent")
    tombstone = records.tombstone(
        record, reason=records.OBJECT_MISSING, removed_at=datetime.now(UTC)
    )
    return Decision("missing", tombstone)


def _reject(target: StoredFile, *, may_delete: bool = True) -> Decision:
    """The rejection is recorded before the object is deleted, so that the removal finds the reason.

    The ETag protects an object that has replaced the rejected one: it has its own event.
    """
    return Decision("rejected", target, etag_to_delete=target.etag if may_delete else None)


def _within_quota(target: StoredFile, record: StoredFile | None, limits: Limits) -> Decision:
    """Store the file if its owner has room. One that takes no more room than before always fits."""
    growth, allowance = counting.growth(record, target), limits.allowance
    outcome: Outcome = "scanning" if target.state == "scanning" else "stored"
    if allowance is None or target.owner is None or growth <= 0:
        return Decision(outcome, target)
    try:
        policy.check_quota(growth, used=allowance.used, limit=allowance.limit)
    except QuotaExceeded as exc:
        return _reject(records.rejected(target, exc.reason))
    if allowance.used + limits.claimed + growth > allowance.limit:
        return Decision("deferred")
    return Decision(outcome, target, allowance.limit)
