"""The seam between fields and AWS: everything that fields ask about files, or do with them.

Tests of a project replace it with one that keeps files in memory (`uploads.testing`).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence

from uploads.aws import downloads, s3
from uploads.core import media_types
from uploads.core.errors import BackendUnavailable, FilehubError
from uploads.core.fan_out import map_concurrently
from uploads.files import claims, store, trash
from uploads.files.batches import Actor, Result
from uploads.files.record import FileInfo, info_of
from uploads.ingest import tasks

logger = logging.getLogger(__name__)

#: Objects that are inspected at a time.
CONCURRENCY = 8


class Gateway:
    """Files in S3 and their records in DynamoDB. Methods raise BackendUnavailable."""

    def read(self, ids: Collection[str]) -> dict[str, FileInfo]:
        """The files that have a record, of any owner and in any state, by id."""
        return {key: info_of(record) for key, record in store.read(ids).items()}

    def heads(self, ids: Sequence[str]) -> dict[str, s3.StoredObject]:
        """The objects that are in the bucket, with what was signed for them, by id."""
        found = map_concurrently(s3.head, ids, max_workers=CONCURRENCY)
        return {key: each for key, each in zip(ids, found, strict=True) if each is not None}

    def hint(self, ids: Collection[str]) -> None:
        """Have these objects recorded now, because S3's events are late. May fail."""
        try:
            for upload_id in ids:
                tasks.enqueue_hint(upload_id)
        except BackendUnavailable as exc:
            logger.warning("a check of a late file was not queued: %r", exc.__cause__ or exc)

    def sign(self, info: FileInfo, *, inline: bool = False) -> str:
        """A presigned URL of the content; nothing is sent to AWS and nothing is recorded.

        `inline` displays the file in the browser, if its type is safe to display.
        """
        inline = inline and media_types.is_safe_inline(info.content_type)
        return downloads.sign(info.id, file_name=info.file_name, inline=inline)[0]

    def claim(self, wanted: Mapping[str, str]) -> dict[str, FilehubError]:
        """See `uploads.files.claims.claim`."""
        return claims.claim(wanted)

    def trash(self, ids: Sequence[str], by: str) -> list[Result]:
        """Move files of any owner to the trash; `by` names what does it."""
        return trash.move_to_trash(ids, Actor(by, None))


_gateway = Gateway()


def current() -> Gateway:
    """The gateway to use now."""
    return _gateway


def replace(gateway: Gateway) -> Gateway:
    """Use another gateway from now on; return the one before. For tests."""
    global _gateway  # one seam for all fields
    previous, _gateway = _gateway, gateway
    return previous
