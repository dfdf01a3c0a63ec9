"""Actions on stored files: download, preview, delete, change the owner."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from pynamodb.expressions.update import Action

from uploads.aws import s3
from uploads.core import media_types
from uploads.core.errors import BackendUnavailable, FileNotFound
from uploads.files import store
from uploads.files.record import Download, FileInfo, StoredFile
from uploads.files.states import in_state

logger = logging.getLogger(__name__)

#: Downloads that a record lists individually; earlier ones are only counted.
DOWNLOADS_KEPT = 10

#: The largest text that is previewed, in bytes.
PREVIEW_TEXT_SIZE = 1024**2


@dataclass(frozen=True)
class Preview:
    """A presigned URL that displays a file, and the kind of element to display it in."""

    kind: media_types.PreviewKind
    url: str


def sign_download(info: FileInfo, by: str, *, inline: bool = False) -> tuple[str, datetime]:
    """Presign a GET of a stored file, and record that `by` downloaded it; return URL and expiry.

    `inline` displays the file in the browser, if its type is safe to display. Raises FileNotFound
    if the object is gone: the record follows a deletion only after S3's event, and browsers that
    are sent to an object that does not exist show S3's XML.
    """
    if not has_object(info):
        raise FileNotFound
    inline = inline and media_types.is_safe_inline(info.content_type)
    is_text = media_types.essence_of(info.content_type) == "text/plain"
    signed = s3.sign_download(
        info.id,
        file_name=info.file_name,
        inline=inline,
        content_type=media_types.as_plain_text(info.content_type) if inline and is_text else None,
    )
    latest = [Download(at=entry.at, by=entry.by) for entry in info.last_downloads]
    latest.append(Download(at=datetime.now(UTC), by=by))
    actions: list[Action] = [
        StoredFile.downloads.add(1),
        StoredFile.last_downloads.set(latest[-DOWNLOADS_KEPT:]),
    ]
    try:
        store.annotate(info.id, actions)
    except BackendUnavailable as exc:
        # The file can be downloaded even if the download cannot be recorded.
        logger.warning("the download of %s was not recorded: %r", info.id, exc.__cause__ or exc)
    return signed


def has_object(info: FileInfo) -> bool:
    """Whether the object of a stored file is still there. Raises BackendUnavailable."""
    return s3.head(info.id) is not None


def preview(info: FileInfo) -> Preview | None:
    """How a browser can display a file directly from S3; None if it cannot, or should not.

    Text of any type is displayed as plain text, and only up to PREVIEW_TEXT_SIZE, because a browser
    would load all of it.
    """
    kind = media_types.preview(info.content_type)
    if info.state != "stored" or kind is None:
        return None
    if kind == "text" and info.size > PREVIEW_TEXT_SIZE:
        return None
    url, _expires = s3.sign_download(
        info.id,
        file_name=info.file_name,
        inline=True,
        content_type=(
            media_types.as_plain_text(info.content_type) if kind == "text" else info.content_type
        ),
    )
    return Preview(kind, url)


def remove(upload_id: str, by: str) -> None:
    """Delete the object of a stored file. The record is updated when S3 reports the removal.

    For the test file of `doctor`, whose credentials read single records. `uploads.files.trash` has
    what users do. `by` is the owner string of the user who requested it.
    """
    store.annotate(
        upload_id,
        [
            StoredFile.deletion_requested_at.set(datetime.now(UTC)),
            StoredFile.deletion_requested_by.set(by),
        ],
    )
    s3.delete(upload_id)


def change_owner(upload_id: str, owner: str, by: str) -> bool:
    """Change the owner of a stored file; False if there is no such file, or nothing to change.

    The object's metadata still names the uploader. `by` is the owner string of the user who changed
    the owner.
    """

    def with_new_owner(current: StoredFile | None) -> StoredFile | None:
        if current is None or current.state != "stored" or current.owner == owner:
            return None
        return in_state(
            current,
            "stored",
            owner=owner,
            uploader=current.uploader or current.owner,
            owner_changed_at=datetime.now(UTC),
            owner_changed_by=by,
        )

    return store.change(upload_id, with_new_owner)
