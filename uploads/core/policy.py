"""What may be uploaded (pure): names, sizes, types, checksums."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, cast, get_args

from uploads.core.errors import FileTooLarge, InvalidRequest, QuotaExceeded, TypeNotAllowed

#: Bytes in UTF-8: what file systems allow. Percent-encoded it is at most 765 bytes of S3's 2 KB for
#: metadata, and folded for search it stays below DynamoDB's 1,024 bytes for a sort key.
MAX_NAME_BYTES = 255

#: Characters in the name of an API token.
MAX_TOKEN_NAME = 100

#: S3's limit for one multipart upload.
MAX_PARTS = 10_000
_MIB = 1024**2

DEFAULT_TYPE = "application/octet-stream"

# RFC 9110, section 8.3.1: type "/" subtype *( OWS ";" OWS parameter )
_WORD = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_MEDIA_TYPE = re.compile(
    rf'\s*({_WORD})/({_WORD})((?:\s*;\s*{_WORD}=(?:{_WORD}|"[^"\\\x00-\x1f\x7f-\U0010ffff]*"))*)\s*'
)
_MAX_TYPE_LENGTH = 255

#: Shown in the browser instead of downloaded: types that cannot run script. SVG and HTML can.
_INLINE = re.compile(
    r"image/(?:avif|bmp|gif|jpeg|png|webp|x-icon)|application/pdf|(?:audio|video)/[^+]+|text/plain"
)


@dataclass(frozen=True)
class Rules:
    """The limits that apply to one upload. Sizes are bytes."""

    max_size: int
    max_put_size: int
    allowed_types: tuple[str, ...]


def check_name(name: str) -> str:
    """Return the name unchanged, or raise InvalidRequest.

    A name is text for people, never a path: slashes, dots and quotes are ordinary characters.
    """
    if not name.strip():
        raise InvalidRequest("Missing file_name", code="missing_file_name")
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise InvalidRequest("The file name is not valid Unicode.", code="invalid_name") from None
    if size > MAX_NAME_BYTES:
        raise InvalidRequest(
            f"The file name is {size} bytes long; at most {MAX_NAME_BYTES} are allowed.",
            code="name_too_long",
        )
    if any(unicodedata.category(char) == "Cc" for char in name):
        raise InvalidRequest("The file name contains a control character.", code="invalid_name")
    return name


def check_token_name(name: str) -> str:
    """Return what an API token is for, without space around it, or raise InvalidRequest.

    It may be empty.
    """
    name = name.strip()
    if len(name) > MAX_TOKEN_NAME:
        raise InvalidRequest(f"The name is longer than {MAX_TOKEN_NAME} characters.")
    # "Cs" is what the command line makes of bytes that are no UTF-8.
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in name):
        raise InvalidRequest("The name contains a control character.")
    return name


#: They turn the direction of what follows, and can make a name read as another.
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def shown(name: str) -> str:
    """A name as people are to read it: what cannot be seen but changes the rest is marked."""
    return "".join(
        "\ufffd" if char in _DIRECTIONS or unicodedata.category(char) == "Cc" else char
        for char in name
    )


def search_key(name: str) -> str:
    """The form under which a name is searched: composed, case folded."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def check_type(content_type: str | None, rules: Rules) -> str:
    """Return the type in one spelling (`text/plain;charset=utf-8`), or raise.

    InvalidRequest when it is no media type, TypeNotAllowed when the rules exclude it. An empty type
    becomes application/octet-stream: browsers give none for files that they do not know.
    """
    if not content_type or not content_type.strip():
        content_type = DEFAULT_TYPE
    match = _MEDIA_TYPE.fullmatch(content_type)
    if match is None or len(content_type) > _MAX_TYPE_LENGTH:
        raise InvalidRequest(
            "content_type is not a media type such as image/png.", code="invalid_content_type"
        )
    essence = f"{match[1]}/{match[2]}".lower()
    if not is_type_allowed(essence, rules.allowed_types):
        raise TypeNotAllowed(
            f"Files of type {essence} are not accepted here. "
            f"Accepted: {', '.join(rules.allowed_types)}."
        )
    # botocore leaves one exact spelling of a form's type out of the signature; this is never it.
    return essence + re.sub(r'\s*;\s*(?=[^"]*(?:"[^"]*"[^"]*)*$)', ";", match[3])


def is_type_allowed(content_type: str, allowed: tuple[str, ...]) -> bool:
    """Whether a media type matches one of the ranges (`*`, `image/*`, `image/png`)."""
    essence = content_type.partition(";")[0].strip().lower()
    group = essence.partition("/")[0]
    return any(
        accepted in {"*", "*/*", essence} or accepted == f"{group}/*" for accepted in allowed
    )


def check_size(size: int, rules: Rules, *, in_parts: bool = False) -> int:
    """Return the size in bytes, or raise InvalidRequest (negative) or FileTooLarge."""
    if size < 0:
        raise InvalidRequest("size must not be negative.", code="invalid_size")
    if size > rules.max_size:
        raise FileTooLarge(
            f"The file has {size:,} bytes; at most {rules.max_size:,} are accepted here."
        )
    if not in_parts and size > rules.max_put_size:
        raise FileTooLarge(
            f"The file has {size:,} bytes; one request can carry at most {rules.max_put_size:,}."
        )
    return size


def check_quota(size: int, *, used: int, limit: int) -> None:
    """Raise QuotaExceeded if `size` bytes more than `used` are above `limit`."""
    if size > 0 and used + size > limit:
        raise QuotaExceeded(
            f"The file has {size:,} bytes, and of your quota of {limit:,} bytes "
            f"{used:,} are used already."
        )


def part_size_for(size: int, smallest: int) -> int:
    """Bytes in each part of a file of `size` bytes: `smallest`, or the MiB that 10,000 parts need.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
    """
    needed = -(-size // MAX_PARTS)
    return smallest if needed <= smallest else -(-needed // _MIB) * _MIB


def check_sha256(value: str) -> str:
    """Return the base64 of a SHA-256 digest unchanged, or raise InvalidRequest."""
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 32 or base64.b64encode(digest).decode() != value:
        raise InvalidRequest(
            "sha256 must be the base64 of the file's SHA-256 digest (44 characters).",
            code="invalid_sha256",
        )
    return value


def is_safe_inline(content_type: str) -> bool:
    """Whether a browser may show this type instead of saving it."""
    return _INLINE.fullmatch(content_type.partition(";")[0].strip().lower()) is not None


PreviewKind = Literal["image", "video", "audio", "pdf", "text"]


def preview(content_type: str) -> PreviewKind | None:
    """How a type can be shown without letting it run anything; None when it cannot."""
    essence = content_type.partition(";")[0].strip().lower()
    group = kind(content_type)
    if is_safe_inline(content_type) and group in {"image", "video", "audio", "pdf"}:
        return cast("PreviewKind", group)
    # As plain text even a page is harmless.
    if group in {"text", "code"} or essence.startswith("text/"):
        return "text"
    return None


Kind = Literal["image", "video", "audio", "pdf", "archive", "text", "document", "code", "other"]

KINDS: tuple[Kind, ...] = get_args(Kind)

_KINDS: dict[str, Kind] = {
    "application/pdf": "pdf",
    "application/zip": "archive",
    "application/gzip": "archive",
    "application/x-gzip": "archive",
    "application/x-tar": "archive",
    "application/x-7z-compressed": "archive",
    "application/vnd.rar": "archive",
    "application/x-bzip2": "archive",
    "application/json": "code",
    "application/xml": "code",
    "application/javascript": "code",
    "text/html": "code",
    "text/css": "code",
    "text/javascript": "code",
    "text/xml": "code",
    "text/x-python": "code",
    "application/rtf": "document",
    "application/msword": "document",
}


def kind(content_type: str) -> Kind:
    """The group a type belongs to, for its icon."""
    essence = content_type.partition(";")[0].strip().lower()
    if essence in _KINDS:
        return _KINDS[essence]
    if "officedocument" in essence or "opendocument" in essence or "ms-" in essence:
        return "document"
    group = essence.partition("/")[0]
    by_group: dict[str, Kind] = {
        "image": "image",
        "video": "video",
        "audio": "audio",
        "text": "text",
    }
    return by_group.get(group, "other")
