"""Upload ids and object keys (pure).

An id is a UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then random bits, so ids
sort by time. The last 32 bits are not random but an HMAC of the owner and the preceding bits:
filehub can tell its own pending uploads from forged ids without having stored anything.
"""

from __future__ import annotations

import hmac
import random
import re
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

PREFIX = "uploads/"
#: S3 reports no events of this prefix (infra/filehub.yaml).
THUMBNAILS = "thumbnails/"
#: What filehub itself keeps in the bucket.
OWN_PREFIXES = (PREFIX, THUMBNAILS)
SHARDS = "0123456789abcdef"

_KEY = re.compile(
    PREFIX + r"([0-9a-f])/([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})"
)
_SUFFIX = ".webp"
_TAG_BITS = 32
#: The first characters of the last id that a datetime can express (end of the year 9999).
_LAST = "e677d21f-dbff"


def new_upload_id(owner: str, secret: str) -> str:
    """Create an id for an upload by `owner`, tagged with `secret`."""
    return _make(time.time_ns() // 1_000_000, owner, secret)


def upload_id_at(moment: datetime, owner: str, secret: str, bits: int) -> str:
    """Create an id for an earlier time: the same one for the same arguments.

    `bits`: 42 bits used instead of random ones.
    """
    return _make(int(moment.timestamp() * 1000), owner, secret, bits)


def _make(milliseconds: int, owner: str, secret: str, bits: int | None = None) -> str:
    """Assemble an id from its fields, the most significant bits first.

    | 48 bits      | 4       | 12   | 2       | 30   | 32  |
    | milliseconds | version | bits | variant | bits | tag |
    """
    # Not from the system's generator: reading it lets another thread run, which doubles the time to
    # sign under load. The bits only keep ids of the same millisecond apart; the tag, with a secret
    # key, is what cannot be guessed. Python seeds `random` from the system, again in each fork.
    bits = random.getrandbits(42) if bits is None else bits
    head = (milliseconds & (2**48 - 1)) << 80
    head |= 0x7 << 76 | bits >> 30 << 64
    head |= 0b10 << 62 | (bits & (2**30 - 1)) << _TAG_BITS
    return str(UUID(int=head | _tag(head, owner, secret)))


def _tag(head: int, owner: str, secret: str) -> int:
    message = head.to_bytes(16, "big") + owner.encode()
    key = b"filehub upload id:" + secret.encode()
    # Not `hmac.digest`, which lets another thread run (uploads/aws/signer.py).
    digest = hmac.new(key, message, "sha256").digest()
    return int.from_bytes(digest[: _TAG_BITS // 8], "big")


def was_issued_to(upload_id: str, owner: str, secrets_: list[str]) -> bool:
    """Whether this id was created for this owner with one of the secrets (key rotation)."""
    value = UUID(upload_id).int
    head, tag = value >> _TAG_BITS << _TAG_BITS, value & (2**_TAG_BITS - 1)
    return any(
        hmac.compare_digest(tag.to_bytes(4, "big"), _tag(head, owner, secret).to_bytes(4, "big"))
        for secret in secrets_
    )


def parse_upload_id(text: str) -> str | None:
    """The canonical form of an id, or None if `text` is not a UUIDv7."""
    key = f"{PREFIX}0/{text.lower()}"
    return text.lower() if _KEY.fullmatch(key) and text.lower()[:13] <= _LAST else None


def created_at(upload_id: str) -> datetime:
    """When the id was created (UTC, to the millisecond)."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=UUID(upload_id).int >> 80)


def first_id_at(moment: datetime) -> str:
    """The smallest id for a time: every id created at or after `moment` sorts at or after it."""
    milliseconds = int(moment.timestamp() * 1000)
    return str(UUID(int=(milliseconds & (2**48 - 1)) << 80))


def shard(upload_id: str) -> str:
    """The last hex digit of the id, which is evenly distributed."""
    return upload_id[-1]


def object_key(upload_id: str) -> str:
    """`uploads/<shard>/<id>`: 16 shards spread the load over S3 prefixes."""
    return f"{PREFIX}{shard(upload_id)}/{upload_id}"


def upload_id_of(key: str) -> str | None:
    """The id in an object key, or None if filehub did not create the key."""
    match = _KEY.fullmatch(key)
    if match is None or match[1] != shard(match[2]):
        return None
    return parse_upload_id(match[2])


def thumbnail_key(upload_id: str) -> str:
    """`thumbnails/<id>.webp`. There are too few requests for it to need shards."""
    return f"{THUMBNAILS}{upload_id}{_SUFFIX}"


def thumbnail_id_of(key: str) -> str | None:
    """The id of the file in the key of a thumbnail, or None if filehub did not create the key."""
    upload_id = parse_upload_id(key.removeprefix(THUMBNAILS).removesuffix(_SUFFIX))
    return upload_id if upload_id is not None and key == thumbnail_key(upload_id) else None
