"""States of files, and the calls that they permit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

from uploads.core.errors import FileBeingDeleted, FileNotFound
from uploads.files import queries
from uploads.files.record import FileInfo
from uploads.web.api.v1.errors import StateConflict

T = TypeVar("T")

FileState = Literal["scanning", "stored", "trashed", "rejected", "deleting", "deleted"]

_SENTENCES: dict[FileState, str] = {
    "scanning": "This file is being checked for malware.",
    "stored": "This file is stored.",
    "trashed": "This file is in the trash.",
    "rejected": "This file was rejected.",
    "deleting": FileBeingDeleted.message,
    "deleted": "This file was deleted.",
}


def state_of(file: FileInfo) -> FileState:
    """The state of a file; `deleting` from the request to delete it until S3 has reported that.

    A file in quarantine is `rejected`.
    """
    if file.state in {"stored", "trashed"} and file.deletion_requested_at is not None:
        return "deleting"
    return "rejected" if file.state == "quarantined" else file.state


def own_file(file_id: str, owner: str, *permitted: FileState) -> FileInfo:
    """The owner's file, if it is in one of these states; in any state if there are none.

    Raises StateConflict, and FileNotFound for unknown ids and other users' files.
    """
    file = queries.own_file(file_id, owner)
    if file is None:
        raise FileNotFound
    state = state_of(file)
    if permitted and state not in permitted:
        code = FileBeingDeleted.code if state == "deleting" else None
        raise StateConflict(file.id, state, _SENTENCES[state], code)
    return file


def while_in(file_id: str, owner: str, *permitted: FileState, call: Callable[[], T]) -> T:
    """Return what `call` does, if the owner's file is in one of these states. Raises as `own_file`.

    The call checks the state itself; if that has changed meanwhile, the new one is the conflict.
    """
    own_file(file_id, owner, *permitted)
    try:
        return call()
    except (FileNotFound, FileBeingDeleted):
        own_file(file_id, owner, *permitted)
        raise
