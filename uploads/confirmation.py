"""From what S3 says to the record: confirm, bury, check, give away. The worker's side.

Each function is a decision about one record, taken on what S3 says now and what the record says,
and written by `uploads.files.store` only if the record is still the one that was decided about.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from uploads.aws import s3
from uploads.core import keys, policy, sniffing
from uploads.core.conf import rules
from uploads.core.errors import FilehubError, QuotaExceeded
from uploads.events import NO_SEQUENCER, ObjectEvent
from uploads.files import quotas, store, usage
from uploads.models import StoredFile

#: How long a tombstone or a rejection is kept. Twice the 14 days that SQS can hold a late event.
RETENTION = timedelta(days=28)

#: An object that breaks a rule is deleted only so long after it was signed, unless an event told of
#: it: an older one may have been stored under other rules, before its record was lost.
DISPOSABLE = timedelta(days=1)

#: Why the record of a file was found without its object.
OBJECT_MISSING = "object missing"

#: What stays in a record when its object is looked at again: its story, and whom it was given to.
_KEPT = ("notified_at", "uploader", "given_at", "given_by", "downloads", "last_downloads")

Target = StoredFile | store.Within
Outcome = Literal["stored", "rejected", "removed", "absent", "unchanged"]
#: What a check found, and has put right unless it is "right".
Finding = Literal["right", "unknown", "confirmed", "rejected", "missing", "corrected"]


def apply_event(event: ObjectEvent) -> Outcome:
    """Bring the record in line with what S3 reported. Safe to repeat, in any order."""
    if event.kind == "removed":
        return _bury(event.upload_id, event.sequencer, event.time)
    return confirm(event.upload_id, event.sequencer, event.time)


def confirm(upload_id: str, sequencer: str = NO_SEQUENCER, time: str = "") -> Outcome:
    """Look at the object and record what is there. `time` is the event's, ISO 8601 or "".

    Without a sequencer (a hint, a reconciliation) only a missing record is written: whatever event
    was applied before knows better.
    """
    outcome: Outcome = "unchanged"
    condemned: str | None = None
    is_new = sequencer != NO_SEQUENCER or _is_young(upload_id)

    def decide(current: StoredFile | None) -> Target | None:
        nonlocal outcome, condemned
        condemned = None
        if current is not None and not _is_newer(sequencer, current):
            outcome = "unchanged"
            condemned = current.etag if current.state == "rejected" else None
            return None
        found = _look(upload_id, current)
        if found is None:
            outcome = "absent"
            return None
        noticed = {"sequencer": sequencer, "notified_at": _moment(time)}
        if current is not None and _is_stored(current, found):
            outcome = "stored"
            return _restored(current, found, **noticed)
        judged = store.changed(_judge(upload_id, found, current), **noticed)
        target = _fitted(judged, current)
        is_rejected = isinstance(target, StoredFile) and target.state == "rejected"
        if is_rejected and judged.state == "stored" and not is_new:
            # Somebody says so of something old. Whether it comes late or its record was lost, the
            # event or the reconciliation will tell.
            outcome = "unchanged"
            return None
        outcome = "rejected" if is_rejected else "stored"
        condemned = found.etag if is_rejected else None
        return target

    store.change(upload_id, decide)
    # Recorded first: the object's removal event must find out why it went. An earlier try may have
    # died in between; what was stored under yesterday's rules is no such case, and stays. So does
    # an object that has taken the place of the rejected one: its own event tells of it.
    if condemned and is_new:
        s3.delete_this(upload_id, condemned)
    return outcome


def _is_young(upload_id: str) -> bool:
    return datetime.now(UTC) - keys.created_at(upload_id) < DISPOSABLE


def check(upload_id: str, *, dry_run: bool = False, may_delete: bool = True) -> Finding:
    """Make the record agree with what HeadObject says now.

    The record keeps its sequencer: an event that is still on its way has the last word. What was
    stored once is not judged again, and of the rest only what is young is ever deleted. A dry run
    only says what would be found.
    """
    finding: Finding = "right"
    condemned: str | None = None
    is_young = _is_young(upload_id)

    def decide(current: StoredFile | None) -> Target | None:
        nonlocal finding, condemned
        condemned = None
        was_stored = current is not None and _was_stored(current)
        found = s3.head(upload_id) if was_stored else _look(upload_id, current)
        if found is None:
            finding = "right" if current else "unknown"
            if current is None or current.state != "stored":
                return None
            # In a bucket that is not there every object is missing: this would raise.
            s3.ping()
            finding = "missing"
            return _tombstone(current, reason=OBJECT_MISSING, removed_at=datetime.now(UTC))
        if current is not None and was_stored:
            finding = "confirmed" if current.state == "deleted" else "corrected"
            if current.state == "stored" and current.etag == found.etag:
                finding = "right"
            return _restored(current, found)
        judged = _judge(upload_id, found, current)
        # What is older may have had its place since before its record was lost.
        target = _fitted(judged, current) if is_young else judged
        is_rejected = isinstance(target, StoredFile) and target.state == "rejected"
        finding = "rejected" if is_rejected else "confirmed"
        condemned = found.etag if is_rejected else None
        if is_rejected and current and current.state == "rejected":
            return None
        return target

    if dry_run:
        decide(store.get(upload_id))
        return finding
    store.change(upload_id, decide)
    if condemned and may_delete and is_young:
        s3.delete_this(upload_id, condemned)
    return finding


def give(upload_id: str, owner: str, by: str) -> bool:
    """Make somebody else the owner of a stored file; False when there is no such file, or no need.

    The object still says who uploaded it. `by` is who did this, named as records name owners.
    """

    def decide(current: StoredFile | None) -> StoredFile | None:
        if current is None or current.state != "stored" or current.owner == owner:
            return None
        return store.changed(
            current,
            owner=owner,
            owner_feed=owner,
            uploader=current.uploader or current.owner,
            given_at=datetime.now(UTC),
            given_by=by,
        )

    return store.change(upload_id, decide)


def count(upload_id: str) -> bool:
    """Take a file into the counters that an earlier version stored; False when it is in them."""

    def decide(current: StoredFile | None) -> StoredFile | None:
        if current is None or current.state != "stored" or current.counted:
            return None
        return store.changed(current)

    return store.change(upload_id, decide)


def _bury(upload_id: str, sequencer: str, time: str = "") -> Outcome:
    """Leave a tombstone, so that a late creation event cannot bring the file back."""

    def decide(current: StoredFile | None) -> StoredFile | None:
        if current is not None and not _is_newer(sequencer, current):
            return None
        # S3 also reports that an old version went, or the mark of a deletion: the object is there.
        if s3.head(upload_id) is not None:
            return None
        if current is None:
            current = _record(upload_id, sequencer, "deleted")
        if current.state == "rejected":
            # Its object was deleted by filehub itself: the rejection and its reason stay.
            return store.changed(current, sequencer=sequencer)
        removed_at = _moment(time) or datetime.now(UTC)
        return _tombstone(current, sequencer=sequencer, removed_at=removed_at)

    return "removed" if store.change(upload_id, decide) else "unchanged"


def _is_newer(sequencer: str, record: StoredFile) -> bool:
    """S3's order of the events of one object. Padded hex compares as text (uploads.events)."""
    return sequencer > record.sequencer


def _look(upload_id: str, current: StoredFile | None) -> s3.StoredObject | None:
    """The object, with its first bytes if what is in them can change what becomes of it."""

    def is_in_doubt(found: s3.StoredObject) -> bool:
        is_known = current is not None and _is_stored(current, found)
        return not is_known and sniffing.is_judged(found.content_type) and not _broken_rule(found)

    return s3.look(upload_id, wants_beginning=is_in_doubt)


def _was_stored(record: StoredFile) -> bool:
    """Whether the rules were asked about this file before, and let it in."""
    return record.confirmed_at is not None and record.state != "rejected"


def _is_stored(record: StoredFile, found: s3.StoredObject) -> bool:
    """Whether a record tells of this very object as stored: it is not judged again."""
    known = (record.etag, record.file_name, record.content_type, record.uploader or record.owner)
    return record.state == "stored" and known == (
        found.etag,
        found.file_name,
        found.content_type,
        found.owner,
    )


def _judge(upload_id: str, found: s3.StoredObject, current: StoredFile | None) -> StoredFile:
    """The record of an object: stored, or rejected with the rule that it breaks."""
    sequencer = current.sequencer if current else NO_SEQUENCER
    record = store.changed(_record(upload_id, sequencer, "stored"), **_content(found))
    record.owner = found.owner
    record.file_name = found.file_name
    record.confirmed_at = datetime.now(UTC)
    if current is not None:
        for name in _KEPT:
            setattr(record, name, getattr(current, name))
        if current.uploader is not None:
            record.owner = current.owner
        if current.etag == found.etag and current.confirmed_at:
            record.confirmed_at = current.confirmed_at
    broken = _broken_rule(found)
    if broken is None and found.beginning:
        broken = sniffing.mismatch(found.content_type, found.beginning)
    if broken is not None:
        return _rejected(record, broken)
    record.owner_feed = record.owner
    record.name_key = policy.search_key(record.file_name or "")
    return record


def _fitted(target: StoredFile, current: StoredFile | None) -> Target:
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
        return _rejected(target, exc.message)
    return store.Within(target, limit)


def _content(found: s3.StoredObject) -> dict[str, Any]:
    """What a record says of the bytes."""
    return {
        "content_type": found.content_type,
        "size": found.size,
        "etag": found.etag,
        "checksum": found.checksum or None,
        "version_id": found.version_id or None,
    }


def _broken_rule(found: s3.StoredObject) -> str | None:
    """The sentence of the first rule that an object breaks, apart from what is in it."""
    limits = rules()
    if found.owner is None or found.file_name is None:
        return "It was not uploaded through filehub: owner or name is missing."
    try:
        policy.check_name(found.file_name)
        policy.check_type(found.content_type, limits)
        if found.size > limits.max_size:
            policy.check_size(found.size, limits)
    except FilehubError as exc:
        return exc.message
    return None


def _record(upload_id: str, sequencer: str, state: str) -> StoredFile:
    record = StoredFile(
        upload_id,
        key=keys.object_key(upload_id),
        state=state,
        sequencer=sequencer,
        created_at=keys.created_at(upload_id),
    )
    record.feed = _feed(record)
    return record


def _feed(record: StoredFile) -> str:
    return f"{record.state}#{keys.shard(record.id)}"


def _rejected(record: StoredFile, reason: str) -> StoredFile:
    rejected = store.changed(
        record,
        state="rejected",
        reason=reason,
        expires_at=datetime.now(UTC) + RETENTION,
        owner_feed=None,
        name_key=None,
    )
    rejected.feed = _feed(rejected)
    return rejected


def _restored(record: StoredFile, found: s3.StoredObject, **changes: Any) -> StoredFile:
    """The record of a file that is stored, as it was before and with the bytes that are there."""
    restored = store.changed(
        record,
        state="stored",
        reason=None,
        removed_at=None,
        expires_at=None,
        owner_feed=record.owner,
        name_key=policy.search_key(record.file_name or ""),
        **_content(found),
        **changes,
    )
    restored.feed = _feed(restored)
    return restored


def _tombstone(record: StoredFile, **changes: Any) -> StoredFile:
    buried = store.changed(
        record,
        state="deleted",
        expires_at=datetime.now(UTC) + RETENTION,
        owner_feed=None,
        name_key=None,
        **changes,
    )
    buried.feed = _feed(buried)
    return buried


def _moment(time: str) -> datetime | None:
    return datetime.fromisoformat(time) if time else None
