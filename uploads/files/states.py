"""A record in each of its states: the attributes that follow from the state (pure)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from uploads.core import keys
from uploads.core.names import sort_key
from uploads.files.record import State, StoredFile, changed


def folder_feed(owner: str | None, folder: str | None) -> str:
    """The partition of the indexes FolderFeed and FolderNames with what is in a folder.

    The owner is percent-encoded, so that the first slash ends it.
    """
    return f"{quote(owner or '', safe='')}/{folder or ''}"


def in_state(record: StoredFile, state: State, **changes: Any) -> StoredFile:
    """A copy of the record in this state, with the keys of the indexes that belong to it."""
    result = changed(record, state=state, **changes)
    is_stored = state == "stored"
    result.feed = f"{state}#{keys.shard(result.id)}"
    result.owner_feed = result.owner if is_stored else None
    result.folder_feed = folder_feed(result.owner, result.folder) if is_stored else None
    result.name_key = sort_key(result.file_name or "") if is_stored else None
    return result
