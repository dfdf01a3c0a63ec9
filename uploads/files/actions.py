"""Actions on stored files: download, preview, delete, change the owner."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from pynamodb.expressions.update import Action

from uploads.aws import downloads, s3
from uploads.core import media_types, previews
from uploads.core.errors import BackendUnavailable, FileNotFound
from uploads.files import store
from uploads.files.record import Download, FileInfo, StoredFile
from uploads.files.states import in_state

logger = logging.getLogger(__name__)

#: Downloads that a record lists individually; earlier ones are only counted.
DOWNLOADS_KEPT = 10


@dataclass(frozen=True)
class Preview:
    """How a browser shows a file; without a `kind`, why it does not, and none of the rest."""

    kind: previews.PreviewKind | None = None
    reason: previews.NoPreview | None = None
    url: str | None = None
    expires_at: datetime | None = None
    #: Only of text: the encoding that was declared, and how many of the first bytes to show.
    charset: str | None = None
    max_bytes: int | None = None


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
    signed = downloads.sign(
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


def preview(info: FileInfo) -> Preview:
    """Presign a GET that lets a browser show a stored file; it does not count as a download.

    S3 responds to the URL of any text with plain text, so that it stays harmless if it is opened.
    """
    how = previews.showing(info.content_type, info.size)
    if how.kind is None:
        return Preview(reason=how.reason)
    is_text = how.kind == "text"
    url, expires_at = downloads.sign(
        info.id,
        file_name=info.file_name,
        inline=True,
        content_type=(
            media_types.as_plain_text(info.content_type) if is_text else info.content_type
        ),
    )
    return Preview(
        how.kind,
        url=url,
        expires_at=expires_at,
        charset=media_types.declared_charset(info.content_type) if is_text else None,
        max_bytes=previews.TEXT_SHOWN if is_text else None,
    )


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
