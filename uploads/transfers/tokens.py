"""The upload token: the signed state of a multipart upload, kept by the client.

Without it, filehub would need a table of unfinished uploads. Edited tokens and other users' tokens
are not accepted.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from django.core import signing

from uploads.core import keys
from uploads.core.errors import InvalidRequest, UploadExpired, UploadNotFound
from uploads.core.limits import MULTIPART_LIFETIME
from uploads.core.logs import context
from uploads.core.policy import MAX_PARTS

_SALT = "filehub.upload"
#: Far longer than any token that filehub creates. Longer input is rejected unchecked.
_MAX_LENGTH = 2_000


@dataclass(frozen=True)
class UploadToken:
    """A multipart upload. `size` and `part_size` are in bytes.

    Both are None for clients, such as Uppy, that do not send the size before they complete it.
    """

    upload_id: str
    #: S3's id of the multipart upload.
    s3_upload_id: str
    owner: str
    size: int | None = None
    part_size: int | None = None
    #: The name of the destination that was chosen, or "".
    destination: str = ""

    @property
    def part_count(self) -> int:
        """The number of parts; S3's maximum if the size is unknown."""
        if self.size is None or self.part_size is None:
            return MAX_PARTS
        return -(-self.size // self.part_size)

    def size_of(self, part_number: int) -> int | None:
        """The size of a part in bytes; None if the size of the file is unknown."""
        return None if self.size is None else self.slice_of(part_number)[1]

    def slice_of(self, part_number: int) -> tuple[int, int]:
        """The offset and size of a part in bytes. The last part has the rest.

        Raises ValueError if the size of the file is unknown.
        """
        if self.size is None or self.part_size is None:
            raise ValueError("an upload of unknown size has no part offsets")
        start = (part_number - 1) * self.part_size
        return start, min(self.part_size, self.size - start)

    def sign(self) -> str:
        """The signed, URL-safe form that the client keeps."""
        fields = asdict(self)
        if not self.destination:
            # Earlier versions, which may still run during an upgrade, do not know this field.
            del fields["destination"]
        return signing.dumps(fields, salt=_SALT, compress=True)


def read(text: str, *, upload_id: str | None, owner: str) -> UploadToken:
    """Verify a token for this upload and this owner; for any upload if `upload_id` is None.

    Raises InvalidRequest if it is empty, UploadExpired if it is too old, and UploadNotFound if it
    was edited or belongs to another user or upload.
    """
    if not text:
        raise InvalidRequest("Missing token", code="missing_token")
    if len(text) > _MAX_LENGTH:
        raise UploadNotFound
    try:
        token = UploadToken(**signing.loads(text, salt=_SALT))
    except (signing.BadSignature, TypeError, ValueError) as exc:
        raise UploadNotFound from exc
    if token.owner != owner:
        raise UploadNotFound
    if upload_id is not None and token.upload_id != keys.parse_upload_id(upload_id):
        raise UploadNotFound
    # Check the age last: only the owner may learn that a token has expired.
    try:
        signing.loads(text, salt=_SALT, max_age=MULTIPART_LIFETIME)
    except signing.SignatureExpired as exc:
        raise UploadExpired from exc
    context.add(upload_id=token.upload_id)
    return token
