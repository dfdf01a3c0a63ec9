"""The upload token: what filehub must know of an upload in parts, kept by the client and signed.

It spares a table of unfinished uploads. Whoever changes a letter of it, or uses another user's, has
no token at all.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta

from django.core import signing

from uploads import keys
from uploads.exceptions import InvalidRequest, UploadExpired, UploadNotFound

_SALT = "filehub.upload"
#: How long an upload in parts may take, pauses included. The bucket's lifecycle rule removes what
#: is left behind later than this (infra/filehub.yaml; a test compares them).
LIFETIME = timedelta(days=7)
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


def read(text: str, *, upload_id: str, owner: str) -> UploadToken:
    """The token of this upload of this owner.

    Raises InvalidRequest when there is none, UploadExpired for one of one's own that is too old,
    and UploadNotFound for every other: edited, somebody else's, of another upload.
    """
    if not text:
        raise InvalidRequest("Missing token", code="missing_token")
    if len(text) > _MAX_LENGTH:
        raise UploadNotFound
    try:
        token = UploadToken(**signing.loads(text, salt=_SALT))
    except (signing.BadSignature, TypeError, ValueError) as exc:
        raise UploadNotFound from exc
    if token.owner != owner or token.upload_id != keys.parse_upload_id(upload_id):
        raise UploadNotFound
    try:
        signing.loads(text, salt=_SALT, max_age=LIFETIME)
    except signing.SignatureExpired as exc:
        raise UploadExpired from exc
    return token
