"""The content of files: what Django gives to be sent, and what S3 has to be read."""

from __future__ import annotations

import io
import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, cast

from django.conf import settings
from django.core.files.base import File

from uploads.aws import ranges
from uploads.core import media_types
from uploads.core.conf import rules
from uploads.core.errors import InvalidRequest
from uploads.core.limits import MIB
from uploads.files.record import FileInfo

#: Bytes of content that is copied, because it cannot be sought in, before the copy goes to disk.
_IN_MEMORY = 8 * MIB

if TYPE_CHECKING:
    _File = File[Any]
else:
    _File = File


class StoredContent(_File):
    """The content of a stored file, read from S3 in pieces. Can be opened again once closed."""

    def __init__(self, info: FileInfo, name: str, mode: str) -> None:
        self._info = info
        super().__init__(self._content(mode), name)
        self.mode = mode

    def _content(self, mode: str) -> IO[Any]:
        content = ranges.open_object(self._info.id, self._info.etag, int(self._info.size))
        return cast("IO[Any]", content if "b" in mode else io.TextIOWrapper(content, "utf-8"))

    def open(self, mode: str | None = None, *args: Any, **kwargs: Any) -> StoredContent:
        if self.closed:
            self.file = self._content(mode or self.mode)
        else:
            self.seek(0)
        return self

    @property
    def size(self) -> int:
        return int(self._info.size)


def type_of(content: Any, file_name: str) -> str | None:
    """The declared type, unless it is malformed, or else the usual one of the extension."""
    declared = getattr(content, "content_type", None)
    guessed = mimetypes.guess_type(file_name)[0]
    try:
        return media_types.check_type(declared, rules()) if declared else guessed
    except InvalidRequest:
        return guessed


@contextmanager
def as_bytes(content: File[Any]) -> Iterator[IO[bytes]]:
    """The content as a binary file that can be sought in: itself, or else a copy."""
    if content.seekable() and isinstance(content.read(0), bytes):
        yield cast("IO[bytes]", content)
        return
    with SpooledTemporaryFile(_IN_MEMORY, dir=settings.FILE_UPLOAD_TEMP_DIR) as copy:
        for chunk in content.chunks():
            copy.write(chunk.encode() if isinstance(chunk, str) else chunk)
        yield cast("IO[bytes]", copy)
