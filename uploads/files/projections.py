"""What each index of the table of files has a copy of."""

from __future__ import annotations

from pynamodb.indexes import IncludeProjection, KeysOnlyProjection

#: What lists show of each file, besides its id. An index has a copy of these attributes and no
#: others: copies of all would make each write more expensive, and a download a write to each index.
_LISTED = (
    "originalFileName",
    "contentType",
    "size",
    "checksum",
    "createdAt",
    "confirmedAt",
    "owner",
    "state",
    "folder",
    "thumbnail",
    "tags",
)
#: What lists of one owner show besides. Few files have a context.
_OWNED = (*_LISTED, "context")
#: What the lists of files in the trash and of rejected files show besides.
_OWNER_FEED = (*_OWNED, "reason", "trashedAt", "purgeAt")
#: What a folder shows besides: how much its subfolders have.
_FOLDER_FEED = (*_OWNED, "files", "bytes")
#: What the dashboard, the reconciliation, the purge and the list of owners read besides.
_ALL_FEED = (
    *_LISTED, "notifiedAt", "etag", "deletionAskedAt", "purgeAt", "files", "bytes",
    "trashedFiles", "trashedBytes",
)  # fmt: skip


def _copies(attributes: tuple[str, ...], *keys: str) -> IncludeProjection:
    """A projection of these attributes, without the index's keys, which are always part of it."""
    return IncludeProjection([name for name in attributes if name not in keys])


KEYS = KeysOnlyProjection()
FILE_NAME = _copies(_OWNED, "originalFileName", "createdAt")
OWNER_FEED = _copies(_OWNER_FEED)
#: Of both indexes of a folder.
FOLDER_FEED = _copies(_FOLDER_FEED)
ALL_FEED = _copies(_ALL_FEED)
