"""The address of a file's thumbnail."""

from __future__ import annotations

from uploads.aws import thumbnails
from uploads.core.conf import conf
from uploads.files.record import FileInfo


def thumbnail_url(info: FileInfo) -> str | None:
    """A presigned GET of the thumbnail; None if there is none, or thumbnails are off.

    Raises BackendUnavailable without credentials.
    """
    if not info.has_thumbnail or not conf().makes_thumbnails:
        return None
    return thumbnails.sign(info.id)
