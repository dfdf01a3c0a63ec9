"""Rules for uploads (pure): names, sizes, quotas, checksums. For types see `media_types`."""

from __future__ import annotations

import base64
import binascii
import unicodedata
from dataclasses import dataclass

from uploads.core.errors import FileTooLarge, InvalidRequest, QuotaExceeded
from uploads.core.limits import MIB, S3_MIN_PART_SIZE

#: Bytes in UTF-8: the limit of common file systems. Percent-encoded, a name takes at most 765 of
#: the 2 KB that S3 allows for metadata; case folded, it fits in DynamoDB's 1,024-byte sort key.
MAX_NAME_BYTES = 255

#: Characters in the name of an API token.
MAX_TOKEN_NAME = 100

#: S3's limit for one multipart upload.
MAX_PARTS = 10_000


@dataclass(frozen=True)
class Rules:
    """The limits that apply to one upload. Sizes are bytes."""

    max_size: int
    max_put_size: int
    allowed_types: tuple[str, ...]


def check_name(name: str) -> str:
    """Return the name unchanged, or raise InvalidRequest.

    A name is display text, never a path: slashes, dots and quotes are ordinary characters.
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
    """Return the name of an API token without surrounding space, or raise InvalidRequest.

    The name may be empty.
    """
    name = name.strip()
    if len(name) > MAX_TOKEN_NAME:
        raise InvalidRequest(f"The name is longer than {MAX_TOKEN_NAME} characters.")
    # "Cs": Python decodes invalid UTF-8 on the command line to surrogates.
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in name):
        raise InvalidRequest("The name contains a control character.")
    return name


#: Bidirectional controls: they can make one name look like another.
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def display_name(name: str) -> str:
    """The name for display: control and bidirectional characters are replaced by U+FFFD."""
    return "".join(
        "\ufffd" if char in _DIRECTIONS or unicodedata.category(char) == "Cc" else char
        for char in name
    )


def search_key(name: str) -> str:
    """The form of a name for case-insensitive search: NFC and case folded."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def check_size(size: int, rules: Rules, *, in_parts: bool = False) -> int:
    """Return the size in bytes, or raise InvalidRequest (negative) or FileTooLarge."""
    if size < 0:
        raise InvalidRequest("size must not be negative.", code="invalid_size")
    if size > rules.max_size:
        raise FileTooLarge(
            f"The file is {size:,} bytes; at most {rules.max_size:,} bytes are allowed."
        )
    if not in_parts and size > rules.max_put_size:
        raise FileTooLarge(
            f"The file is {size:,} bytes; one request can carry at most {rules.max_put_size:,}."
        )
    return size


def check_quota(size: int, *, used: int, limit: int) -> None:
    """Raise QuotaExceeded if `size` more bytes than `used` would exceed `limit`."""
    if size > 0 and used + size > limit:
        raise QuotaExceeded(
            f"The file is {size:,} bytes, but {used:,} of your quota of {limit:,} bytes "
            "are already used."
        )


def part_size_for(size: int, usual: int, requested: int | None = None) -> int:
    """The part size in bytes: `usual`, or the whole MiB that keep it to 10,000 parts.

    A client may request smaller parts, but none that S3 would refuse (below 5 MiB). It cannot
    request larger ones: losing one would cost more.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
    """
    preferred = usual if requested is None else max(S3_MIN_PART_SIZE, min(requested, usual))
    needed = -(-size // MAX_PARTS)
    return preferred if needed <= preferred else -(-needed // MIB) * MIB


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
