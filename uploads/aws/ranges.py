"""Download objects range by range, with bounded memory. IAM: s3:GetObject."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from botocore.exceptions import ClientError

from uploads.aws import clients, s3
from uploads.aws.errors import aws_errors
from uploads.core.conf import conf
from uploads.core.keys import object_key
from uploads.core.limits import MIB

#: Bytes of an object that are downloaded with one request, and held in memory.
DOWNLOAD_RANGE = 8 * MIB


class Replaced(Exception):
    """The object is gone, or another one has replaced it."""


def download(upload_id: str, etag: str, size: int, target: IO[bytes]) -> bool:
    """Write the object with this ETag and size (bytes) to a file, range by range.

    Returns False if it is gone or was replaced. Raises BackendUnavailable.
    """
    try:
        for data in read_ranges(upload_id, etag, size):
            target.write(data)
    except Replaced:
        return False
    return True


def read_ranges(upload_id: str, etag: str, size: int) -> Iterator[bytes]:
    """The object with this ETag and size (bytes), in pieces of DOWNLOAD_RANGE.

    Each is read when it is needed. Raises Replaced, also in between, and BackendUnavailable.
    """
    for start in range(0, size, DOWNLOAD_RANGE):
        with aws_errors("S3 could not read the object."):
            try:
                response = clients.s3().get_object(
                    Bucket=conf().bucket,
                    Key=object_key(upload_id),
                    IfMatch=f'"{etag}"',
                    Range=f"bytes={start}-{min(start + DOWNLOAD_RANGE, size) - 1}",
                )
            except ClientError as exc:
                if s3.is_gone_or_replaced(exc):
                    raise Replaced from exc
                raise
            data = response["Body"].read()
        yield data
