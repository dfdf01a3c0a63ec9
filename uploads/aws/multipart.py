"""The S3 gateway for uploads in parts: create, list the parts, complete, abort, find unfinished.

"No such upload" is an answer: S3 says it of uploads that were completed, aborted or removed by the
bucket's lifecycle rule. Anything else is one BackendUnavailable with its cause chained. IAM:
s3:PutObject to create and complete, s3:ListMultipartUploadParts, s3:AbortMultipartUpload, and
s3:ListBucketMultipartUploads on the bucket to find unfinished ones.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.compat import unquote_str
from botocore.exceptions import ClientError

from uploads.aws import clients, s3
from uploads.aws.errors import aws_errors
from uploads.core.conf import conf
from uploads.core.errors import InvalidRequest
from uploads.core.keys import PREFIX, created_at, object_key, upload_id_of

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, ListMultipartUploadsOutputTypeDef

#: Parts of an unfinished upload that are counted: what S3 tells in one answer.
MAX_COUNTED_PARTS = 1_000
#: Uploads whose parts are asked for at the same time.
_AT_ONCE = 5


@dataclass(frozen=True)
class Part:
    """A part that S3 has. `size` is in bytes, `checksum` a base64 SHA-256 or ""."""

    number: int
    size: int
    etag: str
    checksum: str


@dataclass(frozen=True)
class Cursor:
    """The unfinished upload after which a list goes on, as S3 names it."""

    key: str
    s3_upload_id: str


@dataclass(frozen=True)
class UnfinishedUpload:
    """An upload in parts that was neither completed nor aborted. `bytes` is what S3 has of it.

    Nothing tells its name or owner: S3 shows an object's metadata once there is an object.
    """

    key: str
    s3_upload_id: str
    #: When S3 was told of it; None where S3 was not asked for that.
    started_at: datetime | None
    parts: int
    bytes: int
    #: There are more parts than were counted.
    has_more_parts: bool

    @property
    def upload_id(self) -> str | None:
        """filehub's id; None for a key that filehub did not make."""
        return upload_id_of(self.key)

    @property
    def signed_at(self) -> datetime | None:
        """When filehub made its id."""
        return created_at(self.upload_id) if self.upload_id else None


@dataclass(frozen=True)
class UnfinishedPage:
    """Some unfinished uploads, in the order of their keys, and where to go on (None: the end)."""

    uploads: list[UnfinishedUpload]
    next_cursor: Cursor | None

    @property
    def bytes(self) -> int:
        return sum(upload.bytes for upload in self.uploads)

    @property
    def has_more_parts(self) -> bool:
        """`bytes` is less than all of them have."""
        return any(upload.has_more_parts for upload in self.uploads)


def create(
    upload_id: str, *, owner: str, file_name: str, content_type: str, checksums: bool
) -> str:
    """Tell S3 of an upload in parts and return S3's name for it.

    Whether its parts carry a SHA-256 has to be said now: AWS refuses a part that differs from it.
    """
    checksum = {"ChecksumAlgorithm": "SHA256", "ChecksumType": "COMPOSITE"} if checksums else {}
    with aws_errors("S3 could not begin the upload."):
        answer = clients.s3().create_multipart_upload(
            Bucket=conf().bucket,
            Key=object_key(upload_id),
            ContentType=content_type,
            Metadata=s3.metadata(owner, file_name),
            **checksum,  # type: ignore[arg-type]
        )
    return answer["UploadId"]


def parts(upload_id: str, s3_upload_id: str) -> list[Part] | None:
    """The parts that S3 has, in order; None when it does not know the upload (any more)."""
    pages = clients.s3().get_paginator("list_parts")
    found = []
    with aws_errors("S3 could not list the parts."):
        try:
            for page in pages.paginate(
                Bucket=conf().bucket, Key=object_key(upload_id), UploadId=s3_upload_id
            ):
                found += [
                    Part(
                        number=part["PartNumber"],
                        size=part["Size"],
                        etag=part["ETag"].strip('"'),
                        checksum=part.get("ChecksumSHA256", ""),
                    )
                    for part in page.get("Parts", [])
                ]
        except ClientError as exc:
            if _is_unknown(exc):
                return None
            raise
    return found


def complete(upload_id: str, s3_upload_id: str, found: list[Part], *, size: int) -> bool:
    """Put the parts together, if they have `size` bytes and no object is in their place.

    False when that cannot be any more: S3 does not know the upload, or the object exists.
    """
    with aws_errors("S3 could not put the parts together."):
        try:
            clients.s3().complete_multipart_upload(
                Bucket=conf().bucket,
                Key=object_key(upload_id),
                UploadId=s3_upload_id,
                MultipartUpload={"Parts": [_reference(part) for part in found]},
                MpuObjectSize=size,
                IfNoneMatch="*",
            )
        except ClientError as exc:
            if _is_unknown(exc) or exc.response["Error"]["Code"] == "PreconditionFailed":
                return False
            raise
    return True


def abort(upload_id: str, s3_upload_id: str) -> None:
    """Drop the parts. Ending what S3 does not know (any more) succeeds."""
    abort_key(object_key(upload_id), s3_upload_id)


def abort_key(key: str, s3_upload_id: str) -> bool:
    """Drop the parts; False when S3 does not know the upload (any more).

    Any key under the prefix will do: parts that somebody else left there cost the same, and nothing
    else shows them. A part on its way at that moment may stay, and is then found again. Raises
    InvalidRequest for a key elsewhere.
    """
    _check_key(key)
    with aws_errors("S3 could not end the upload."):
        try:
            clients.s3().abort_multipart_upload(
                Bucket=conf().bucket, Key=key, UploadId=s3_upload_id
            )
        except ClientError as exc:
            if not _is_unknown(exc):
                raise
            return False
    return True


def list_unfinished(limit: int, after: Cursor | None = None) -> UnfinishedPage:
    """A page of the unfinished uploads: one request, and one more for each."""
    markers = {"KeyMarker": after.key, "UploadIdMarker": after.s3_upload_id} if after else {}
    with aws_errors("S3 could not list the unfinished uploads."):
        answer = clients.s3().list_multipart_uploads(
            Bucket=conf().bucket,
            Prefix=PREFIX,
            MaxUploads=limit,
            # A key may have characters that XML has no way to say.
            EncodingType="url",
            **markers,  # type: ignore[arg-type]
        )
    listed = answer.get("Uploads", [])
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(
            lambda each: find_unfinished(
                _key(answer, each["Key"]), each["UploadId"], each["Initiated"]
            ),
            listed,
        )
    cursor = (
        Cursor(_key(answer, answer["NextKeyMarker"]), answer["NextUploadIdMarker"])
        if answer["IsTruncated"]
        else None
    )
    return UnfinishedPage([upload for upload in found if upload], cursor)


def _key(answer: ListMultipartUploadsOutputTypeDef, key: str) -> str:
    """A key of such an answer; botocore decodes those of the other lists, but not of this one."""
    return unquote_str(key) if answer.get("EncodingType") == "url" else key


def find_unfinished(
    key: str, s3_upload_id: str, started_at: datetime | None = None
) -> UnfinishedUpload | None:
    """What S3 has of an upload; None when it does not know it (any more).

    Only its first MAX_COUNTED_PARTS parts are counted. Raises InvalidRequest for a key that is not under
    the prefix.
    """
    _check_key(key)
    with aws_errors("S3 could not list the parts."):
        try:
            answer = clients.s3().list_parts(
                Bucket=conf().bucket,
                Key=key,
                UploadId=s3_upload_id,
                MaxParts=MAX_COUNTED_PARTS,
            )
        except ClientError as exc:
            if _is_unknown(exc):
                return None
            raise
    arrived = answer.get("Parts", [])
    return UnfinishedUpload(
        key,
        s3_upload_id,
        started_at,
        parts=len(arrived),
        bytes=sum(part["Size"] for part in arrived),
        has_more_parts=answer["IsTruncated"],
    )


def _check_key(key: str) -> None:
    if not key.startswith(PREFIX):
        raise InvalidRequest(f"Not an upload: its key does not begin with {PREFIX}.")


def _reference(part: Part) -> CompletedPartTypeDef:
    reference: CompletedPartTypeDef = {"PartNumber": part.number, "ETag": part.etag}
    if part.checksum:
        reference["ChecksumSHA256"] = part.checksum
    return reference


def _is_unknown(exc: ClientError) -> bool:
    return exc.response["Error"]["Code"] == "NoSuchUpload"
