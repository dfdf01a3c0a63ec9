"""A file that a row or a form refers to."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from uploads.attachments import gateway
from uploads.core import keys
from uploads.files.record import FileInfo


class AttachedFile:
    """A file, by its id. What else is asked is read from its record, once (`refresh` forgets it).

    Its attributes raise BackendUnavailable if the record cannot be read. Two are equal if their ids
    are, and a text with the id is equal, too.
    """

    def __init__(self, upload_id: str, info: FileInfo | None = None) -> None:
        self.id = upload_id
        self._info = info
        self._was_read = info is not None

    @property
    def info(self) -> FileInfo | None:
        """Everything that is known about the file; None if it has no record (yet)."""
        if not self._was_read:
            read_files([self])
        return self._info

    @property
    def name(self) -> str:
        """Its name, or "". It may be hostile: escape it."""
        return self.info.file_name if self.info else ""

    @property
    def size(self) -> int:
        """Bytes."""
        return self.info.size if self.info else 0

    @property
    def content_type(self) -> str:
        return self.info.content_type if self.info else ""

    @property
    def sha256(self) -> str:
        """Base64 of the digest that S3 has verified; "" if it was sent without one or in parts."""
        return self.info.checksum if self.info else ""

    @property
    def state(self) -> str:
        """Such as `stored`, `scanning`, `trashed` and `rejected`; `pending` without a record."""
        return self.info.state if self.info else "pending"

    def exists(self) -> bool:
        """Whether the file is stored, so that it can be downloaded."""
        return self.state == "stored"

    def url(self, *, inline: bool = False) -> str:
        """A presigned URL, valid for FILEHUB["URL_EXPIRY"] seconds; "" if it is not stored.

        Everybody who has it can download the file: give it only to those who may. `inline` shows
        it in the browser, if its type is safe to show.
        """
        if self.info is None or not self.exists():
            return ""
        return gateway.current().sign(self.info, inline=inline)

    def refresh(self) -> None:
        """Forget what was read."""
        self._info, self._was_read = None, False

    def __str__(self) -> str:
        return self.id

    def __repr__(self) -> str:
        return f"<AttachedFile {self.id}>"

    def __eq__(self, other: object) -> bool:
        return self.id == (other.id if isinstance(other, AttachedFile) else other)

    def __hash__(self) -> int:
        return hash(self.id)


def read_files(files: Iterable[AttachedFile | None]) -> None:
    """Read many files with one request per hundred, such as those of a page's rows.

    Raises BackendUnavailable.
    """
    unread = [each for each in files if each is not None and not each._was_read]
    ids = dict.fromkeys(filter(None, (keys.parse_upload_id(each.id) for each in unread)))
    found = gateway.current().read(list(ids)) if ids else {}
    for each in unread:
        each._info, each._was_read = found.get(each.id), True


def as_attached(value: Any) -> AttachedFile | None:
    """What a field holds, from an id (text or UUID), a FileInfo or an AttachedFile; None if empty.

    Text that is no id is kept, for validation to complain about.
    """
    if value is None or value == "" or isinstance(value, AttachedFile):
        return value or None
    if isinstance(value, FileInfo):
        return AttachedFile(value.id, value)
    text = str(value)
    return AttachedFile((isinstance(value, uuid.UUID | str) and keys.parse_upload_id(text)) or text)
