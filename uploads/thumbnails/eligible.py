"""Which files have a thumbnail, or should have one."""

from __future__ import annotations

from uploads.core import media_types
from uploads.core.conf import conf
from uploads.core.limits import THUMBNAIL_MAX_SOURCE
from uploads.files.record import OWNED_STATES, StoredFile
from uploads.files.states import is_being_purged
from uploads.thumbnails.render import Kind


def is_gone(record: StoredFile) -> bool:
    """Whether the file's object is gone, or certainly will be; its thumbnail goes with it.

    A file in the trash keeps both until it is permanently deleted. One in quarantine, or that was
    not checked for malware yet, has no thumbnail, as if it were gone.
    """
    return (
        record.state not in OWNED_STATES or record.malware == "pending" or is_being_purged(record)
    )


def kind_of(record: StoredFile) -> Kind | None:
    """How to make a thumbnail of a file; None if it should have none."""
    if is_gone(record) or not 0 < int(record.size or 0) <= THUMBNAIL_MAX_SOURCE:
        return None
    return media_types.thumbnail_kind(record.content_type or "")


def is_missing(record: StoredFile) -> bool:
    """Whether a thumbnail has to be made."""
    return conf().makes_thumbnails and not record.thumbnail and kind_of(record) is not None
