"""The upload token: what filehub must know of an upload in parts, kept by the client and signed.

It makes a table of unfinished uploads unnecessary. An edited token, and another user's, is no
token at all.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from django.core import signing

from uploads.core import keys
from uploads.core.errors import InvalidRequest, UploadExpired, UploadNotFound
from uploads.core.limits import MULTIPART_LIFETIME
from uploads.core.policy import MAX_PARTS

_SALT = "filehub.upload"
#: Far above any token that filehub makes; nothing longer is worth a signature check.
_MAX_LENGTH = 2_000


@dataclass(frozen=True)
class UploadToken:
    """One upload in parts. `size` and `part_size` are bytes.

    Some clients, such as Uppy, tell no size before they complete the upload: both are then None.
    """

    upload_id: str
    #: S3's own name of the multipart upload.
    s3_upload_id: str
    owner: str
    size: int | None = None
    part_size: int | None = None

    @property
    def part_count(self) -> int:
        """The number of parts; of a file of unknown size the most that S3 takes."""
        if self.size is None or self.part_size is None:
            return MAX_PARTS
        return -(-self.size // self.part_size)

    def size_of(self, part_number: int) -> int | None:
        """Bytes in a part, or None if the size of the file is unknown."""
        return None if self.size is None else self.slice_of(part_number)[1]

    def slice_of(self, part_number: int) -> tuple[int, int]:
        """Where a part begins, and its size, in bytes; the last part has the rest.

        Raises ValueError if the size of the file is unknown.
        """
        if self.size is None or self.part_size is None:
            raise ValueError("of an upload of unknown size no part can be located")
        start = (part_number - 1) * self.part_size
        return start, min(self.part_size, self.size - start)

    def sign(self) -> str:
        """The form in which the client keeps it; URL-safe."""
        return signing.dumps(asdict(self), salt=_SALT, compress=True)


def read(text: str, *, upload_id: str, owner: str) -> UploadToken:
    """The token of this upload of this owner.

    Raises InvalidRequest when there is none, UploadExpired when it is too old, and UploadNotFound
    for every other: edited, of another user, of another upload.
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
    # The age comes last: it may be told only to the owner.
    try:
        signing.loads(text, salt=_SALT, max_age=MULTIPART_LIFETIME)
    except signing.SignatureExpired as exc:
        raise UploadExpired from exc
    return token
