"""The record of an object in each state, from what S3 reports and from the current record.

This module calls no service. `uploads.ingest.decide` chooses the state.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from uploads.aws.s3 import StoredObject
from uploads.core import keys, media_types, policy, sniffing
from uploads.core.errors import FilehubError
from uploads.core.folders import folder_or_root
from uploads.core.names import check_name
from uploads.core.policy import Rules
from uploads.core.reasons import Reason, dump
from uploads.files.record import KEPT_STATES, OWNED_STATES, State, StoredFile, changed
from uploads.files.states import in_state, is_owner, kept_state
from uploads.ingest.events import NO_SEQUENCER

#: How long tombstones and rejections are kept: twice the 14 days that SQS keeps a late event.
RETENTION = timedelta(days=28)

#: The reason of a record whose object was found missing, as it is stored.
OBJECT_MISSING = dump(Reason("object_missing"))

#: Attributes that survive when an object is confirmed again: its history and change of owner.
_PRESERVED = (
    "notified_at",
    "uploader",
    "owner_changed_at",
    "owner_changed_by",
    "renamed_at",
    "renamed_by",
    "renamed_from",
    "moved_at",
    "moved_by",
    "moved_from",
    "downloads",
    "last_downloads",
    "trashed_at",
    "trashed_by",
    "restored_at",
    "restored_by",
    "claimed_by",
    "claimed_at",
    # Of a rejected file too, so that it is known which thumbnail has to be deleted.
    "thumbnail",
)
#: What is known about malware, as long as the object is the same.
_SCAN = ("malware", "scanned_at", "scanner", "scan_note", "scan_requested_at")
#: The same, while a file is in the trash.
_PRESERVED_IN_TRASH = ("purge_at", "deletion_requested_at", "deletion_requested_by")


def was_stored(record: StoredFile) -> bool:
    """Whether this file was validated and stored before; it may be in the trash now."""
    return record.confirmed_at is not None and record.state != "rejected"


def is_stored(record: StoredFile, s3_object: StoredObject) -> bool:
    """Whether the record describes this very object as kept, so no validation is needed.

    Its name and folder are the record's own, which may have changed since the upload.
    """
    known = (record.etag, record.content_type, record.uploader or record.owner)
    return record.state in KEPT_STATES and known == (
        s3_object.etag,
        s3_object.content_type,
        s3_object.owner,
    )


def validate(
    upload_id: str, s3_object: StoredObject, current: StoredFile | None, limits: Rules
) -> StoredFile:
    """The record of an object: stored, or rejected with the rule that it breaks as the reason.

    If files are checked for malware, it waits for that before it is stored. One that replaces an
    object in the trash stays there.
    """
    sequencer = current.sequencer if current else NO_SEQUENCER
    record = changed(new_record(upload_id, sequencer, "stored"), **_content(s3_object))
    record.owner = owner_of(s3_object, current)
    record.file_name, record.folder = _place(s3_object, current)
    record.tags, record.context = _labels(s3_object, current)
    record.destination = s3_object.destination[: policy.MAX_DESTINATION] or None
    record.field = s3_object.field.key if s3_object.field else None
    record.confirmed_at = datetime.now(UTC)
    if current is not None:
        in_trash = _PRESERVED_IN_TRASH if _belongs_in_trash(current) else ()
        for name in (*_PRESERVED, *in_trash):
            setattr(record, name, getattr(current, name))
        if current.etag == s3_object.etag and current.confirmed_at:
            record.confirmed_at = current.confirmed_at
    broken = broken_rule(s3_object, limits)
    if broken is None and s3_object.first_bytes:
        broken = _mismatch(s3_object, limits)
    if broken is not None:
        return rejected(record, broken)
    record.kept_until = _kept_until(record, s3_object, current, limits)
    record.thumbnail = _thumbnail_of(current, s3_object)
    for name, value in _scan_of(current, s3_object, limits).items():
        setattr(record, name, value)
    if record.malware in {"infected", "unknown"} and current is not None:
        record.reason = current.reason
    return in_state(record, kept_state(record))


def _scan_of(current: StoredFile | None, s3_object: StoredObject, limits: Rules) -> dict[str, Any]:
    """What a record keeps about the check of this object. Another object has to be checked."""
    if current is not None and was_stored(current) and current.etag == s3_object.etag:
        return {name: getattr(current, name) for name in _SCAN}
    return {"malware": "pending" if limits.scan.is_on else None, **dict.fromkeys(_SCAN[1:])}


def _place(s3_object: StoredObject, current: StoredFile | None) -> tuple[str | None, str | None]:
    """Name and folder: those of a file that was stored before, else those that were signed.

    An invalid folder does not lose the file: it is stored in the root.
    """
    if current is not None and was_stored(current):
        return current.file_name, current.folder
    return s3_object.file_name, folder_or_root(s3_object.folder) or None


def _labels(s3_object: StoredObject, current: StoredFile | None) -> tuple[Any, str | None]:
    """Tags and context: those of a file that was stored before, else those that were signed."""
    if current is not None and was_stored(current):
        return current.tags, current.context
    labels = s3_object.labels
    return list(labels.tags) or None, labels.context or None


def _kept_until(
    record: StoredFile, s3_object: StoredObject, current: StoredFile | None, limits: Rules
) -> datetime | None:
    """When a file expires: as before if it was stored before, else by the rules of today."""
    if current is not None and was_stored(current):
        return current.kept_until
    keep_for = limits.at(record.destination or "", s3_object.field).keep_for
    if not keep_for or not record.confirmed_at:
        return None
    if s3_object.field and record.created_at + keep_for < record.confirmed_at:
        # Its record was lost, and with it whether a form has claimed the file, which still exists.
        return None
    return record.confirmed_at + keep_for


def _thumbnail_of(current: StoredFile | None, s3_object: StoredObject) -> str | None:
    """What a record keeps about the thumbnail of this object. That of a deleted file is deleted."""
    if current is None or current.state not in KEPT_STATES or current.etag != s3_object.etag:
        return None
    return current.thumbnail if kept_state(current) in OWNED_STATES else None


def owner_of(s3_object: StoredObject, current: StoredFile | None) -> str | None:
    """The owner of an object: its uploader, unless an operator has changed the owner since."""
    if current is not None and current.uploader is not None:
        return current.owner
    return s3_object.owner


def _content(s3_object: StoredObject) -> dict[str, Any]:
    """The attributes that describe the content."""
    return {
        "content_type": s3_object.content_type,
        "size": s3_object.size,
        "etag": s3_object.etag,
        "checksum": s3_object.checksum or None,
        "version_id": s3_object.version_id or None,
    }


def _mismatch(s3_object: StoredObject, limits: Rules) -> Reason | None:
    """Why the content of an object that breaks no other rule cannot be of its type; or None."""
    declared, allowed = (
        s3_object.content_type,
        limits.at(s3_object.destination, s3_object.field).allowed_types,
    )
    content = sniffing.mismatch(declared, s3_object.first_bytes, allowed)
    if content is None:
        return None
    parameters = {"type": media_types.essence_of(declared), "content": content}
    return Reason("content_mismatch", parameters)


def broken_rule(s3_object: StoredObject, limits: Rules) -> Reason | None:
    """The first rule that an object breaks, or None. Ignores its content."""
    if not is_owner(s3_object.owner) or s3_object.file_name is None:
        return Reason("not_from_filehub")
    try:
        limits = limits.at(s3_object.destination, s3_object.field)
        check_name(s3_object.file_name)
        media_types.check_type(s3_object.content_type, limits)
        if s3_object.size > limits.max_size:
            policy.check_size(s3_object.size, limits)
    except FilehubError as exc:
        return exc.reason
    return None


def new_record(upload_id: str, sequencer: str, state: State) -> StoredFile:
    """A record with only its state and what follows from its id."""
    record = StoredFile(
        upload_id,
        key=keys.object_key(upload_id),
        sequencer=sequencer,
        created_at=keys.created_at(upload_id),
    )
    return in_state(record, state)


def _belongs_in_trash(record: StoredFile) -> bool:
    """Whether the file is in the trash, or was before it was marked deleted by mistake."""
    return record.purge_at is not None and (
        record.state == "trashed"
        or (record.state == "deleted" and record.deletion_requested_at is None)
    )


def rejected(record: StoredFile, reason: Reason) -> StoredFile:
    """The record of a rejected file."""
    return in_state(
        record,
        "rejected",
        reason=dump(reason),
        expires_at=datetime.now(UTC) + RETENTION,
        purge_at=None,
    )


def restored(
    record: StoredFile, s3_object: StoredObject, limits: Rules, **changes: Any
) -> StoredFile:
    """The record of a file whose object exists, as before but with the object's current content.

    Other content has to be checked for malware, if files are.
    A file in the trash stays there. So does one that was marked deleted by mistake; but if it was
    deleted on purpose, the object is a new one.
    """
    target = changed(record, **_scan_of(record, s3_object, limits))
    if not _belongs_in_trash(record):
        target.purge_at = None
    state = kept_state(target)
    return in_state(
        target,
        state,
        reason=target.reason if state == "quarantined" else None,
        removed_at=None,
        expires_at=None,
        thumbnail=_thumbnail_of(record, s3_object),
        **_content(s3_object),
        **changes,
    )


def tombstone(record: StoredFile, **changes: Any) -> StoredFile:
    """The record of a removed file. It prevents late events from bringing the file back.

    It still says whether there was a thumbnail, so that the deletion of this can be repeated.
    """
    return in_state(record, "deleted", expires_at=datetime.now(UTC) + RETENTION, **changes)


def parse_time(time: str) -> datetime | None:
    """Parse the time of an event (ISO 8601); None for ""."""
    return datetime.fromisoformat(time) if time else None
