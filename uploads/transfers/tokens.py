"""The upload token: what filehub must know of an upload in parts, kept by the client and signed.

It spares a table of unfinished uploads. Whoever changes a letter of it, or uses another user's, has
no token at all.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TypeVar

from django.core import signing

from uploads.core import keys
from uploads.core.errors import InvalidRequest, UploadExpired, UploadNotFound
from uploads.core.limits import MULTIPART_LIFETIME

_SALT = "filehub.upload"
_UNSIZED_SALT = "filehub.upload.unsized"
#: Far above any token that filehub makes; nothing longer is worth a signature check.
_MAX_LENGTH = 2_000


@dataclass(frozen=True)
class UploadToken:
    """One upload in parts. `size` and `part_size` are bytes."""

    upload_id: str
    #: S3's own name of the multipart upload.
    s3_upload_id: str
    owner: str
    size: int
    part_size: int

    @property
    def part_count(self) -> int:
        return -(-self.size // self.part_size)

    def size_of(self, part_number: int) -> int:
        """Bytes in a part; the last one has the rest."""
        if part_number < self.part_count:
            return self.part_size
        return self.size - (self.part_count - 1) * self.part_size

    def sign(self) -> str:
        """The form in which the client keeps it; URL-safe."""
        return signing.dumps(asdict(self), salt=_SALT, compress=True)


@dataclass(frozen=True)
class UnsizedToken:
    """One upload in parts whose size nobody knows before it is completed."""

    upload_id: str
    s3_upload_id: str
    owner: str

    @property
    def size(self) -> None:
        """As that of an `UploadToken`."""
        return None

    @property
    def key(self) -> str:
        return keys.object_key(self.upload_id)

    def sign(self) -> str:
        """The form in which the client keeps it; URL-safe."""
        return signing.dumps(asdict(self), salt=_UNSIZED_SALT, compress=True)


Token = UploadToken | UnsizedToken
T = TypeVar("T", UploadToken, UnsizedToken)


def read(text: str, *, upload_id: str, owner: str) -> UploadToken:
    """The token of this upload of this owner.

    Raises InvalidRequest when there is none, UploadExpired for one of one's own that is too old,
    and UploadNotFound for every other: edited, somebody else's, of another upload.
    """
    if not text:
        raise InvalidRequest("Missing token", code="missing_token")
    token = _read(UploadToken, text, _SALT, owner)
    if token.upload_id != keys.parse_upload_id(upload_id):
        raise UploadNotFound
    _check_age(text, _SALT)
    return token


def read_unsized(text: str, *, key: str, owner: str) -> UnsizedToken:
    """The token of the upload of this owner to this key. Raises as `read` does."""
    token = _read(UnsizedToken, text, _UNSIZED_SALT, owner)
    if token.key != key:
        raise UploadNotFound
    _check_age(text, _UNSIZED_SALT)
    return token


def _read(kind: type[T], text: str, salt: str, owner: str) -> T:
    if len(text) > _MAX_LENGTH:
        raise UploadNotFound
    try:
        token = kind(**signing.loads(text, salt=salt))
    except (signing.BadSignature, TypeError, ValueError) as exc:
        raise UploadNotFound from exc
    if token.owner != owner:
        raise UploadNotFound
    return token


def _check_age(text: str, salt: str) -> None:
    try:
        signing.loads(text, salt=salt, max_age=MULTIPART_LIFETIME)
    except signing.SignatureExpired as exc:
        raise UploadExpired from exc
