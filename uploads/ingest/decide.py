"""What the record of an object has to say, given what S3 shows and what the record says now.

Nothing here asks a service: `uploads.ingest.confirm` brings the facts and has the result written.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from uploads.aws.s3 import StoredObject
from uploads.core import keys, media_types, policy, sniffing
from uploads.core.errors import FilehubError
from uploads.core.policy import Rules
from uploads.files.record import StoredFile, changed
from uploads.ingest.events import NO_SEQUENCER

#: How long a tombstone or a rejection is kept. Twice the 14 days that SQS can hold a late event.
RETENTION = timedelta(days=28)

#: An object that breaks a rule is deleted only so long after it was signed, unless an event told of
#: it: an older one may have been stored under other rules, before its record was lost.
DELETABLE_FOR = timedelta(days=1)

#: Why the record of a file was found without its object.
OBJECT_MISSING = "object missing"

#: What stays in a record when its object is looked at again: its story, and whom it was given to.
_PRESERVED = (
    "notified_at",
    "uploader",
    "owner_changed_at",
    "owner_changed_by",
    "downloads",
    "last_downloads",
)


def is_newer(sequencer: str, record: StoredFile) -> bool:
    """S3's order of the events of one object. Padded hex compares as text (see `events`)."""
    return sequencer > record.sequencer


def is_recent(upload_id: str) -> bool:
    """Whether the object of this id may still be deleted if it breaks a rule (`DELETABLE_FOR`)."""
    return datetime.now(UTC) - keys.created_at(upload_id) < DELETABLE_FOR


def was_stored(record: StoredFile) -> bool:
    """Whether the rules were asked about this file before, and let it in."""
    return record.confirmed_at is not None and record.state != "rejected"


def is_stored(record: StoredFile, found: StoredObject) -> bool:
    """Whether a record tells of this very object as stored: it is not judged again."""
    known = (record.etag, record.file_name, record.content_type, record.uploader or record.owner)
    return record.state == "stored" and known == (
        found.etag,
        found.file_name,
        found.content_type,
        found.owner,
    )


def validate(
    upload_id: str, found: StoredObject, current: StoredFile | None, limits: Rules
) -> StoredFile:
    """The record of an object: stored, or rejected with the rule that it breaks."""
    sequencer = current.sequencer if current else NO_SEQUENCER
    record = changed(new_record(upload_id, sequencer, "stored"), **_content(found))
    record.owner = found.owner
    record.file_name = found.file_name
    record.confirmed_at = datetime.now(UTC)
    if current is not None:
        for name in _PRESERVED:
            setattr(record, name, getattr(current, name))
        if current.uploader is not None:
            record.owner = current.owner
        if current.etag == found.etag and current.confirmed_at:
            record.confirmed_at = current.confirmed_at
    broken = broken_rule(found, limits)
    if broken is None and found.first_bytes:
        broken = sniffing.mismatch(found.content_type, found.first_bytes)
    if broken is not None:
        return rejected(record, broken)
    record.owner_feed = record.owner
    record.name_key = policy.search_key(record.file_name or "")
    return record


def _content(found: StoredObject) -> dict[str, Any]:
    """What a record says of the bytes."""
    return {
        "content_type": found.content_type,
        "size": found.size,
        "etag": found.etag,
        "checksum": found.checksum or None,
        "version_id": found.version_id or None,
    }


def broken_rule(found: StoredObject, limits: Rules) -> str | None:
    """The sentence of the first rule that an object breaks, apart from what is in it."""
    if found.owner is None or found.file_name is None:
        return "It was not uploaded through filehub: owner or name is missing."
    try:
        policy.check_name(found.file_name)
        media_types.check_type(found.content_type, limits)
        if found.size > limits.max_size:
            policy.check_size(found.size, limits)
    except FilehubError as exc:
        return exc.message
    return None


def new_record(upload_id: str, sequencer: str, state: str) -> StoredFile:
    """A record that says nothing yet but its state and what its id tells."""
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


def rejected(record: StoredFile, reason: str) -> StoredFile:
    """The record of a file that is not kept; `reason` is a sentence for people."""
    result = changed(
        record,
        state="rejected",
        reason=reason,
        expires_at=datetime.now(UTC) + RETENTION,
        owner_feed=None,
        name_key=None,
    )
    result.feed = _feed(result)
    return result


def restored(record: StoredFile, found: StoredObject, **changes: Any) -> StoredFile:
    """The record of a file that is stored, as it was before and with the bytes that are there."""
    result = changed(
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
    result.feed = _feed(result)
    return result


def tombstone(record: StoredFile, **changes: Any) -> StoredFile:
    """The record of a file that is gone: it keeps late events from bringing the file back."""
    result = changed(
        record,
        state="deleted",
        expires_at=datetime.now(UTC) + RETENTION,
        owner_feed=None,
        name_key=None,
        **changes,
    )
    result.feed = _feed(result)
    return result


def parse_time(time: str) -> datetime | None:
    """The time of an event (ISO 8601), or None for ""."""
    return datetime.fromisoformat(time) if time else None
