"""What the list says about the file of a link that led to it, such as a download that failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from uploads.files import actions, queries
from uploads.files.states import is_being_purged

#: `missing`: no file of this user has the id. Other users' files and unknown ids look the same.
Kind = Literal["stored", "scanning", "trashed", "deleted", "rejected", "missing"]


@dataclass(frozen=True)
class LinkedFile:
    """A file that the list has a notice about. `name` is empty unless the user owns it."""

    kind: Kind
    id: str = ""
    name: str = ""

    @property
    def is_gone(self) -> bool:
        return self.kind != "stored"


def linked_file(file_id: str, owner: str) -> LinkedFile:
    """Return what to say about the file with this id. Raises BackendUnavailable."""
    info = queries.own_file(file_id, owner)
    if info is None:
        return LinkedFile("missing")
    if info.state == "scanning":
        return LinkedFile("scanning", info.id, info.file_name)
    if info.state in {"rejected", "quarantined"}:
        return LinkedFile("rejected", info.id, info.file_name)
    if info.state == "trashed" and not is_being_purged(info):
        return LinkedFile("trashed", info.id, info.file_name)
    if info.state == "stored" and actions.has_object(info):
        return LinkedFile("stored", info.id, info.file_name)
    return LinkedFile("deleted", info.id, info.file_name)
