"""Download objects range by range, with bounded memory. IAM: s3:GetObject."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

from botocore.exceptions import ClientError

from uploads.aws import clients, s3
from uploads.aws.errors import aws_errors
from uploads.core.conf import conf
from uploads.core.keys import object_key
from uploads.core.limits import MIB

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: Bytes of an object that are downloaded with one request, and held in memory.
DOWNLOAD_RANGE = 8 * MIB
#: Bytes that reading a little of an open object requests at once.
READ_AHEAD = MIB


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
        yield _read(upload_id, etag, start, min(start + DOWNLOAD_RANGE, size))


def _read(upload_id: str, etag: str, start: int, end: int) -> bytes:
    """The bytes from `start` to `end` (exclusive). Raises Replaced and BackendUnavailable."""
    with aws_errors("S3 could not read the object."):
        try:
            response = clients.s3().get_object(
                Bucket=conf().bucket,
                Key=object_key(upload_id),
                IfMatch=f'"{etag}"',
                Range=f"bytes={start}-{end - 1}",
            )
        except ClientError as exc:
            if s3.is_gone_or_replaced(exc):
                raise Replaced from exc
            raise
        return response["Body"].read()


def open_object(upload_id: str, etag: str, size: int) -> io.BufferedReader:
    """The object with this ETag and size (bytes) as a file that can be read and sought in.

    Nothing is requested before it is read, and then no more than READ_AHEAD bytes beyond what is
    asked for. Reading raises FileNotFoundError if the object is gone or was replaced, and
    BackendUnavailable.
    """
    return io.BufferedReader(_RawObject(upload_id, etag, size), READ_AHEAD)


class _RawObject(io.RawIOBase):
    """An object, of which each read is one request."""

    def __init__(self, upload_id: str, etag: str, size: int) -> None:
        self._upload_id, self._etag, self._size = upload_id, etag, size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("negative seek position")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        data = self._next(len(view))
        view[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        # The inherited one would request 8 KB at a time.
        return b"".join(iter(lambda: self._next(DOWNLOAD_RANGE), b""))

    def _next(self, count: int) -> bytes:
        end = min(self._position + count, self._size)
        if end <= self._position:
            return b""
        try:
            data = _read(self._upload_id, self._etag, self._position, end)
        except Replaced as exc:
            message = f"The file {self._upload_id} was deleted while it was being read."
            raise FileNotFoundError(message) from exc
        self._position += len(data)
        return data
