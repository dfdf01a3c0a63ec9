"""What the API returns, as frozen dataclasses. Sizes are in bytes; times have a time zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from filehub_client.errors import FilehubError, UnexpectedResponse

State = Literal["pending", "scanning", "stored", "trashed", "rejected", "deleted"]


@dataclass(frozen=True)
class About:
    """What you say about files beyond their names: tags, a JSON object, a destination's name."""

    tags: Sequence[str] = ()
    context: Mapping[str, Any] | None = field(default=None, hash=False)
    destination: str = ""


#: Of files about which nothing is said.
NOTHING = About()


@dataclass(frozen=True)
class File:
    """A stored file. `folder` is a path, or "" for the root. `checksum` is as in docs/contract.md:
    base64 SHA-256, composite, or empty.
    """

    id: str
    file_name: str
    folder: str
    content_type: str
    size: int
    checksum: str
    created_at: datetime
    confirmed_at: datetime | None
    owner: str
    tags: tuple[str, ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class UploadStatus:
    """`reason` is a sentence and `reason_code` stable; `file` is set once it is stored."""

    id: str
    state: State
    reason: str = ""
    reason_code: str = ""
    file: File | None = None


@dataclass(frozen=True)
class Page:
    """Files, newest first, and the cursor of the next page; empty after the last one."""

    files: tuple[File, ...]
    next_cursor: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a file: the upload's id if its bytes are in S3, or else the error.

    `name` and `folder` are those at filehub.
    """

    path: Path
    name: str
    folder: str = ""
    id: str = ""
    error: FilehubError | None = None


@dataclass(frozen=True)
class SignedRequest:
    """A presigned request, to be sent with exactly these headers."""

    method: str
    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class SignedPut:
    """An upload in one request."""

    id: str
    request: SignedRequest


@dataclass(frozen=True)
class PartsPlan:
    """An upload in parts; all have `part_size` bytes, and the last one has the rest."""

    id: str
    token: str
    part_size: int
    part_count: int

    def slice_of(self, number: int, size: int) -> tuple[int, int]:
        """Offset and size of a part (from 1) of a file of `size` bytes."""
        start = (number - 1) * self.part_size
        return start, max(0, min(self.part_size, size - start))


@dataclass(frozen=True)
class FileSpec:
    """What the server is told about a file. `part_size` is the largest part that is wanted."""

    file_name: str
    size: int
    content_type: str | None = None
    sha256: str | None = None
    part_size: int | None = None
    folder: str = ""
    about: About = NOTHING


Begun = SignedPut | PartsPlan | FilehubError


def parse_file(data: Any) -> File:
    """A file of the API's JSON. Raises UnexpectedResponse."""
    try:
        confirmed_at = data.get("confirmed_at")
        return File(
            id=str(data["id"]),
            file_name=str(data["file_name"]),
            folder=str(data["folder"]),
            content_type=str(data["content_type"]),
            size=int(data["size"]),
            checksum=str(data["checksum"]),
            created_at=datetime.fromisoformat(data["created_at"]),
            confirmed_at=datetime.fromisoformat(confirmed_at) if confirmed_at else None,
            owner=str(data["owner"]),
            # Servers of earlier versions have neither.
            tags=tuple(map(str, data.get("tags") or ())),
            context=dict(data.get("context") or {}),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise unexpected() from None


def parse_status(data: Any) -> UploadStatus:
    """A status of the API's JSON. Raises UnexpectedResponse."""
    try:
        return UploadStatus(
            id=str(data["id"]),
            state=data["state"],
            reason=data.get("reason") or "",
            reason_code=data.get("reason_code") or "",
            file=parse_file(data["file"]) if data.get("file") else None,
        )
    except (KeyError, TypeError, AttributeError):
        raise unexpected() from None


def parse_request(data: Any) -> SignedRequest:
    """A presigned request of the API's JSON. Raises UnexpectedResponse."""
    try:
        headers = {str(name): str(value) for name, value in data["headers"].items()}
        return SignedRequest(str(data["method"]), str(data["url"]), headers)
    except (KeyError, TypeError, AttributeError):
        raise unexpected() from None


def parse_begun(data: Any) -> SignedPut | PartsPlan:
    """The start of an upload from the API's JSON. Raises UnexpectedResponse."""
    try:
        if "multipart" not in data:
            return SignedPut(str(data["id"]), parse_request(data))
        parts = data["multipart"]
        size, count = int(parts["part_size"]), int(parts["part_count"])
        if size < 1 or count < 1:
            raise ValueError
        return PartsPlan(str(data["id"]), str(data["token"]), size, count)
    except (KeyError, TypeError, ValueError):
        raise unexpected() from None


def unexpected(status: int | None = None) -> UnexpectedResponse:
    """The error for a response that filehub would not have sent."""
    detail = f" (status {status})" if status else ""
    return UnexpectedResponse(
        f"The server's response is not filehub's{detail}. Check the address of the site."
    )
