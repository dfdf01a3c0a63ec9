"""A record in each of its states: the attributes that follow from the state (pure).

A file in the trash keeps its object, its folder, and the time at which it is permanently deleted
(`purge_at`). From the moment that its deletion is requested, it is in no list of its owner, and
cannot be restored: its object may be gone already.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from uploads.core import keys
from uploads.core.names import sort_key
from uploads.files.record import (
    SCHEMA,
    STATES,
    FileInfo,
    State,
    StoredFile,
    changed,
    schema_of,
)


def owner_feed(owner: str | None, state: State) -> str | None:
    """The partition of the index OwnerFeed with an owner's files of one state, or None.

    The partition of the stored files is the owner string itself, as it has always been. Those of
    the other states begin with a NUL, which no owner string does (`is_owner`). To its owner, a file
    in quarantine is a rejected one.
    """
    if owner is None or state == "deleted":
        return None
    shown_as = "rejected" if state == "quarantined" else state
    return owner if shown_as == "stored" else f"\0{shown_as}\0{owner}"


def kept_state(record: StoredFile) -> State:
    """The state of a record whose object exists.

    A file that waits to be checked for malware stays in the trash if it is there, because nobody
    can download it from there. One that must not be downloaded at all is in quarantine.
    """
    if record.malware in {"infected", "unknown"}:
        return "quarantined"
    available: State = "scanning" if record.malware == "pending" else "stored"
    return available if record.purge_at is None else "trashed"


def is_owner(text: str | None) -> bool:
    """Whether this can be an owner string: not empty, and without NUL."""
    return bool(text) and "\0" not in str(text)


def folder_feed(owner: str | None, folder: str | None) -> str:
    """The partition of the indexes FolderFeed and FolderNames with what is in a folder.

    Only stored files are in it. The owner is percent-encoded, so that the first slash ends it.
    """
    return f"{quote(owner or '', safe='')}/{folder or ''}"


def in_state(record: StoredFile, state: State, **changes: Any) -> StoredFile:
    """A copy of the record in this state, with the keys of the indexes that belong to it.

    So it has all that this version derives, and no other: a record of a later version gets this
    version's number, and the later version derives the rest with its next change.
    """
    result = changed(record, state=state, **changes)
    result.schema = SCHEMA
    is_stored = state == "stored"
    result.feed = f"{state}#{keys.shard(result.id)}"
    result.owner_feed = None if is_being_purged(result) else owner_feed(result.owner, state)
    result.folder_feed = folder_feed(result.owner, result.folder) if is_stored else None
    result.name_key = sort_key(result.file_name or "") if is_stored else None
    expires = is_stored and result.kept_until is not None
    result.kept_shard = keys.shard(result.id) if expires else None
    return result


def upgraded(record: StoredFile) -> StoredFile:
    """The record as this version writes it; the same if it is of this version or a later one.

    A state that this version does not know is left alone, too.
    """
    if schema_of(record) >= SCHEMA or record.state not in STATES:
        return record
    return in_state(record, record.state)


def trashed(
    record: StoredFile, *, by: str | None, now: datetime, keep_for: timedelta
) -> StoredFile:
    """The record of a stored file that `by` (an owner string) moves to the trash.

    None: it has expired.
    """
    return in_state(
        record,
        "trashed",
        trashed_at=now,
        trashed_by=by,
        purge_at=now + keep_for,
        restored_at=None,
        restored_by=None,
        # An earlier request, which has failed: in the trash it would mean that the purge has begun.
        deletion_requested_at=None,
        deletion_requested_by=None,
    )


def restored(record: StoredFile, *, by: str, now: datetime) -> StoredFile:
    """The record of a file in the trash that `by` (an owner string) restores.

    It is stored, or else still to be checked for malware. One that had expired is kept from now on:
    otherwise it would go back to the trash at once.
    """
    restored = changed(record, purge_at=None)
    return in_state(
        restored,
        kept_state(restored),
        restored_at=now,
        restored_by=by,
        kept_until=None if has_expired(record, now) else record.kept_until,
    )


def purging(record: StoredFile, *, by: str | None, now: datetime) -> StoredFile:
    """The record of a file in the trash whose object is about to be deleted.

    `by` is the owner string of the user who requested it; None: its time in the trash has
    expired. If the deletion of the object fails, the next purge finds it (`purge_at`).
    """
    return in_state(
        record,
        "trashed",
        purge_at=now,
        deletion_requested_at=now,
        deletion_requested_by=by,
    )


def has_expired(record: StoredFile, now: datetime) -> bool:
    """Whether the time for which its destination keeps a file is over."""
    return record.kept_until is not None and record.kept_until <= now


def is_being_purged(record: StoredFile | FileInfo) -> bool:
    """Whether a file in the trash is being permanently deleted, and can no longer be restored."""
    return record.state == "trashed" and record.deletion_requested_at is not None
