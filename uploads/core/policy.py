"""Rules for uploads (pure): sizes, quotas, checksums. See also `names` and `media_types`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal

from uploads.core.destinations import Destination
from uploads.core.errors import FileTooLarge, InvalidRequest, QuotaExceeded
from uploads.core.fields import FieldRules
from uploads.core.limits import MIB, S3_MIN_PART_SIZE
from uploads.core.names import display_name

#: Characters in the name of an API token.
MAX_TOKEN_NAME = 100

#: Characters of the name of a destination, which are all that a message repeats of another name.
MAX_DESTINATION = 40

#: S3's limit for one multipart upload.
MAX_PARTS = 10_000


@dataclass(frozen=True)
class ScanPolicy:
    """Whether files are checked for malware, and what happens to those that are not clean.

    `unknown` applies to files that cannot be checked.
    """

    is_on: bool = False
    infected: Literal["quarantine", "delete"] = "quarantine"
    unknown: Literal["hold", "release", "reject"] = "hold"


NO_SCAN = ScanPolicy()


@dataclass(frozen=True)
class Rules:
    """The limits that apply to one upload. Sizes are bytes.

    `keep_for` is the time after which a file is deleted; None: never.
    """

    max_size: int
    max_put_size: int
    allowed_types: tuple[str, ...]
    destinations: Mapping[str, Destination] = field(default_factory=dict)
    keep_for: timedelta | None = None
    #: Whether files of a destination that no longer exists are accepted by the general limits.
    accepts_unknown: bool = False
    scan: ScanPolicy = NO_SCAN
    #: The time after which a file is deleted that was uploaded for a form field, and that no form
    #: has claimed; None: never.
    unclaimed_for: timedelta | None = None

    def at(self, destination: str, field: FieldRules | None = None) -> Rules:
        """The limits of a destination (these limits for "") and of a form field, if there is one.

        Raises InvalidRequest for an unknown destination.
        """
        limits = self._of_destination(destination)
        if field is None:
            return limits
        return replace(
            limits,
            max_size=min(limits.max_size, field.max_size or limits.max_size),
            allowed_types=field.types_within(limits.allowed_types),
            keep_for=self.unclaimed_for,
        )

    def _of_destination(self, destination: str) -> Rules:
        chosen = self.destinations.get(destination)
        if not destination or (chosen is None and self.accepts_unknown):
            return self
        if chosen is None:
            raise unknown_destination(destination)
        return replace(
            self,
            max_size=self.max_size if chosen.max_size is None else chosen.max_size,
            allowed_types=chosen.types or self.allowed_types,
            keep_for=chosen.keep_for,
        )


def unknown_destination(name: str) -> InvalidRequest:
    """The error for a destination that does not exist, or is not for the user."""
    shown = display_name(name[:MAX_DESTINATION])
    return InvalidRequest(
        f"There is no destination “{shown}”.",
        code="unknown_destination",
        parameters={"destination": shown},
    )


def check_token_name(name: str) -> str:
    """Return the name of an API token without surrounding space, or raise InvalidRequest.

    The name may be empty.
    """
    name = name.strip()
    if len(name) > MAX_TOKEN_NAME:
        raise InvalidRequest(f"The name is longer than {MAX_TOKEN_NAME} characters.")
    # Also surrogates, to which Python decodes invalid UTF-8 on the command line.
    if display_name(name) != name:
        raise InvalidRequest("The name contains a control character.")
    return name


def check_size(size: int, rules: Rules, *, in_parts: bool = False) -> int:
    """Return the size in bytes, or raise InvalidRequest (negative) or FileTooLarge."""
    if size < 0:
        raise InvalidRequest("size must not be negative.", code="invalid_size")
    if size > rules.max_size:
        raise FileTooLarge(
            f"The file is {size:,} bytes; at most {rules.max_size:,} bytes are allowed.",
            parameters={"size": size, "limit": rules.max_size},
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
            "are already used.",
            parameters={"size": size, "used": used, "limit": limit},
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
