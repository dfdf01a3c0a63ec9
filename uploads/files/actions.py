"""What people do with a stored file: download it, look at it, delete it, change its owner."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from pynamodb.expressions.update import Action

from uploads.aws import s3
from uploads.core import media_types
from uploads.core.errors import BackendUnavailable
from uploads.files import store
from uploads.files.record import Download, FileInfo, StoredFile, changed

logger = logging.getLogger(__name__)

#: Downloads that a record tells one by one; of the earlier ones it has the number.
DOWNLOADS_KEPT = 10

#: Bytes of the largest text that is shown.
PREVIEW_TEXT_SIZE = 1024**2


@dataclass(frozen=True)
class Preview:
    """A presigned URL that shows a file, and the element that it belongs in."""

    kind: media_types.PreviewKind
    url: str


def sign_download(info: FileInfo, by: str, *, inline: bool = False) -> tuple[str, datetime]:
    """A presigned GET of a stored file and its expiry; the record remembers that `by` got one.

    `inline` shows it in the browser, if its type is safe to show.
    """
    signed = s3.sign_download(
        info.id,
        file_name=info.file_name,
        inline=inline and media_types.is_safe_inline(info.content_type),
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
        # Somebody wants a file that is there; that this is not remembered is no reason to refuse.
        logger.warning("the download of %s is not recorded: %r", info.id, exc.__cause__ or exc)
    return signed


def preview(info: FileInfo) -> Preview | None:
    """How a browser can show a file, from S3 itself; None for what it cannot, or should not.

    Text of any kind is shown as plain text, whatever it claims to be, and only up to
    PREVIEW_TEXT_SIZE: a browser would load all of it.
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
        content_type="text/plain; charset=utf-8" if kind == "text" else info.content_type,
    )
    return Preview(kind, url)


def remove(upload_id: str, by: str) -> None:
    """Delete the object. The record follows when S3 reports the removal.

    `by` is who asked for it, named as records name owners.
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
    """Make somebody else the owner of a stored file; False when there is no such file, or no need.

    The object still says who uploaded it. `by` is who did this, named as records name owners.
    """

    def given(current: StoredFile | None) -> StoredFile | None:
        if current is None or current.state != "stored" or current.owner == owner:
            return None
        return changed(
            current,
            owner=owner,
            owner_feed=owner,
            uploader=current.uploader or current.owner,
            owner_changed_at=datetime.now(UTC),
            owner_changed_by=by,
        )

    return store.change(upload_id, given)
