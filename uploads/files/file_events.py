"""What others are told when a record changes: a file was stored, rejected, deleted or renamed.

Events follow from the record before and after alone (pure). So a repeated event of S3, which
changes nothing, tells nothing, and a reconciliation tells what a lost one would have told.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from uploads.core.labels import parse_context
from uploads.core.reasons import NO_REASON, load
from uploads.files.record import KEPT_STATES, OWNED_STATES, Change, State, StoredFile

EventType = Literal["file.stored", "file.rejected", "file.deleted", "file.renamed"]
EVENT_TYPES: tuple[EventType, ...] = (
    "file.stored",
    "file.rejected",
    "file.deleted",
    "file.renamed",
)


#: The states that others are told of as a rejection, with the reason.
_REFUSED = ("rejected", "quarantined")


class _Frozen(BaseModel):
    # Events of a newer version may have more fields.
    model_config = ConfigDict(frozen=True, extra="ignore")


class EventReason(_Frozen):
    """Why a file was rejected or deleted. `sentence` is set only in records of old versions."""

    code: str
    parameters: Mapping[str, str | int] = {}
    sentence: str = ""


class Place(_Frozen):
    """A name and a folder ("": the root)."""

    file_name: str
    folder: str


class EventFile(_Frozen):
    """A file as it was after the change. `size` is in bytes, `checksum` a base64 SHA-256 or "".

    Of an object that was removed before it was ever recorded, only the id is known.
    """

    id: str
    state: State
    file_name: str = ""
    folder: str = ""
    content_type: str = ""
    size: int = 0
    checksum: str = ""
    owner: str = ""
    created_at: datetime
    confirmed_at: datetime | None = None
    reason: EventReason | None = None
    tags: tuple[str, ...] = ()
    context: Mapping[str, Any] = {}
    destination: str = ""


class FileEvent(_Frozen):
    """One change of one file.

    `id` is unique and stays the same when the event is sent again. Of two events of a file, the one
    whose `sequence` is the greater text is the newer one.
    """

    id: str
    type: EventType
    occurred_at: datetime
    sequence: str
    file: EventFile
    #: The name and folder before, if it was renamed or moved.
    previous: Place | None = None


def event_of(change: Change, event_id: str, now: datetime) -> FileEvent | None:
    """The event of a change that is about to be written; None if nobody need be told."""
    before, after = change.before, change.after
    kind = _type(before, after)
    if kind is None:
        return None
    version = int(before.version or 0) + 1 if before is not None else 1
    return FileEvent(
        id=event_id,
        type=kind,
        occurred_at=now,
        # The sequencer orders S3's events, and the version what changes the record between them.
        sequence=f"{after.sequencer}-{version:010d}",
        file=_file(after),
        previous=_place(before) if before is not None and kind == "file.renamed" else None,
    )


def _type(before: StoredFile | None, after: StoredFile) -> EventType | None:
    is_same_object = before is not None and before.etag == after.etag
    if after.malware == "pending" and after.state in KEPT_STATES:
        # It is told once it has been checked for malware.
        return None
    if after.state in OWNED_STATES:
        if before is None or not _is_ready(before) or not is_same_object:
            return "file.stored"
        return "file.renamed" if _place(before) != _place(after) else None
    if after.state in _REFUSED:
        is_known = before is not None and before.state in _REFUSED
        return None if is_known and is_same_object else "file.rejected"
    is_same_state = before is not None and before.state == after.state
    return None if is_same_state else "file.deleted"


def _is_ready(record: StoredFile) -> bool:
    """Whether its owner has the file, and it need not be checked for malware first."""
    return record.state in OWNED_STATES and record.malware != "pending"


def _place(record: StoredFile) -> Place:
    return Place(file_name=record.file_name or "", folder=record.folder or "")


def _file(record: StoredFile) -> EventFile:
    names = EventFile.model_fields.keys() - {"reason", "size", "tags", "context"}
    known: dict[str, Any] = {name: getattr(record, name) for name in names}
    reason = next(iter(load(record.reason or "")), NO_REASON)
    return EventFile(
        **{name: value for name, value in known.items() if value is not None},
        size=int(record.size or 0),
        tags=tuple(map(str, record.tags or ())),
        context=parse_context(record.context or ""),
        reason=EventReason(code=reason.code, parameters=reason.parameters, sentence=reason.sentence)
        if reason
        else None,
    )
