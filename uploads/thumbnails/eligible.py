"""Which files have a thumbnail, or should have one."""

from __future__ import annotations

from uploads.core import media_types
from uploads.core.conf import conf
from uploads.core.limits import THUMBNAIL_MAX_SOURCE
from uploads.files.record import StoredFile
from uploads.thumbnails.render import Kind

#: The states of files whose object is gone, and whose thumbnail goes with it.
GONE = frozenset({"deleted", "rejected"})


def kind_of(record: StoredFile) -> Kind | None:
    """How to make a thumbnail of a file; None if it should have none."""
    if record.state in GONE or not 0 < int(record.size or 0) <= THUMBNAIL_MAX_SOURCE:
        return None
    return media_types.thumbnail_kind(record.content_type or "")


def is_missing(record: StoredFile) -> bool:
    """Whether a thumbnail has to be made."""
    return conf().makes_thumbnails and not record.thumbnail and kind_of(record) is not None
