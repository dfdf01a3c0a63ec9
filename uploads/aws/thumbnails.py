"""The thumbnails in the bucket: sign, store, delete, list.

IAM: s3:GetObject to sign, s3:PutObject, s3:DeleteObject on the prefix `thumbnails/`; s3:ListBucket.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from uploads.aws import clients, s3
from uploads.aws.errors import aws_errors
from uploads.aws.signer import presign
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.core.keys import THUMBNAILS, thumbnail_id_of, thumbnail_key

#: For browsers. The address changes more often than a thumbnail.
_CACHE_CONTROL = "private, max-age=86400"


def sign(upload_id: str) -> str:
    """Presign a GET of a thumbnail. Raises BackendUnavailable without credentials.

    The URL stays the same for half of FILEHUB_URL_EXPIRY, so that browsers find the picture in
    their cache, and is valid for at least as long.
    """
    expiry = conf().url_expiry
    period = max(expiry // 2, 1)
    now = int(datetime.now(UTC).timestamp())
    return presign(
        "GET",
        conf().s3_bucket_url,
        thumbnail_key(upload_id),
        {},
        query={},
        credentials=s3.credentials(),
        region=conf().region,
        expires=expiry,
        now=datetime.fromtimestamp(now - now % period, UTC),
    )


def store(upload_id: str, webp: bytes) -> None:
    """Store a thumbnail, or replace it. Raises BackendUnavailable."""
    with aws_errors("S3 could not store the thumbnail."):
        clients.s3().put_object(
            Bucket=conf().bucket,
            Key=thumbnail_key(upload_id),
            Body=webp,
            ContentType="image/webp",
            CacheControl=_CACHE_CONTROL,
        )


def delete(upload_id: str) -> None:
    """Delete a thumbnail. Succeeds if there is none. Raises BackendUnavailable."""
    with aws_errors("S3 could not delete the thumbnail."):
        clients.s3().delete_object(Bucket=conf().bucket, Key=thumbnail_key(upload_id))


def delete_many(upload_ids: Collection[str]) -> dict[str, BackendUnavailable]:
    """Delete thumbnails, if there are any; return the errors of those that remain, by id."""
    return s3.delete_many(upload_ids, key_of=thumbnail_key)


def list_pages(*, older_than: datetime) -> Iterator[list[str]]:
    """The ids of thumbnails stored before `older_than`, ascending, at most 1,000 at a time.

    Raises BackendUnavailable.
    """
    pages = iter(
        clients.s3()
        .get_paginator("list_objects_v2")
        .paginate(Bucket=conf().bucket, Prefix=THUMBNAILS)
    )
    while True:
        with aws_errors("S3 could not list the thumbnails."):
            page = next(pages, None)
        if page is None:
            return
        ids = (
            thumbnail_id_of(entry["Key"])
            for entry in page.get("Contents", [])
            if entry["LastModified"] < older_than
        )
        yield [upload_id for upload_id in ids if upload_id is not None]
