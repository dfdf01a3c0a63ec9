"""The S3 gateway for multipart uploads: create, list parts, complete, abort, list unfinished.

NoSuchUpload is a normal result: the upload was completed, aborted, or removed by the bucket's
lifecycle rule. Any other failure raises BackendUnavailable with its cause chained. IAM:
s3:PutObject to create and complete, s3:ListMultipartUploadParts, s3:AbortMultipartUpload, and
s3:ListBucketMultipartUploads on the bucket to list unfinished uploads.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.compat import unquote_str
from botocore.exceptions import ClientError

from uploads.aws import clients, s3, time_limit
from uploads.aws.errors import aws_errors
from uploads.core.conf import conf
from uploads.core.errors import InvalidRequest
from uploads.core.keys import PREFIX, created_at, object_key, upload_id_of

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, ListMultipartUploadsOutputTypeDef

#: The maximum number of parts counted per unfinished upload: one page of ListParts.
MAX_COUNTED_PARTS = 1_000
#: Seconds that a request waits for S3 to complete an upload, beyond what any request may wait
#: (uploads/web/waiting.py): in all less than load balancers wait for a response.
COMPLETION_SECONDS = 30
#: Uploads whose parts are listed concurrently.
_MAX_WORKERS = 5


@dataclass(frozen=True)
class Part:
    """A part that S3 has received. `size` is in bytes, `checksum` a base64 SHA-256 or ""."""

    number: int
    size: int
    etag: str
    checksum: str


@dataclass(frozen=True)
class Cursor:
    """The last unfinished upload of a page, after which the next page starts."""

    key: str
    s3_upload_id: str


@dataclass(frozen=True)
class UnfinishedUpload:
    """A multipart upload that was neither completed nor aborted. `bytes` is what S3 has received.

    Its name and owner are unknown: S3 returns an object's metadata only once the object exists.
    """

    key: str
    s3_upload_id: str
    #: When it was created in S3; None if that was not requested.
    started_at: datetime | None
    parts: int
    bytes: int
    #: Whether there are more parts than were counted.
    has_more_parts: bool

    @property
    def upload_id(self) -> str | None:
        """filehub's id; None if filehub did not create the key."""
        return upload_id_of(self.key)

    @property
    def signed_at(self) -> datetime | None:
        """When filehub created its id."""
        return created_at(self.upload_id) if self.upload_id else None


@dataclass(frozen=True)
class UnfinishedPage:
    """A page of unfinished uploads, ordered by key. Without `next_cursor` it is the last one."""

    uploads: list[UnfinishedUpload]
    next_cursor: Cursor | None

    @property
    def bytes(self) -> int:
        return sum(upload.bytes for upload in self.uploads)

    @property
    def has_more_parts(self) -> bool:
        """Whether `bytes` is less than the total."""
        return any(upload.has_more_parts for upload in self.uploads)


def create(
    upload_id: str,
    *,
    owner: str,
    file_name: str,
    folder: str = "",
    content_type: str,
    checksums: bool,
    extra: Mapping[str, str] | None = None,
) -> str:
    """Create a multipart upload and return its S3 upload id.

    `checksums` says whether the parts will carry a SHA-256. AWS refuses parts that do otherwise.
    """
    checksum = {"ChecksumAlgorithm": "SHA256", "ChecksumType": "COMPOSITE"} if checksums else {}
    with aws_errors("S3 could not start the upload."):
        response = clients.s3().create_multipart_upload(
            Bucket=conf().bucket,
            Key=object_key(upload_id),
            ContentType=content_type,
            Metadata=s3.metadata(owner, file_name, folder, extra),
            **checksum,  # type: ignore[arg-type]
        )
    return response["UploadId"]


def parts(upload_id: str, s3_upload_id: str) -> list[Part] | None:
    """The parts that S3 has received, in order; None if the upload does not exist (any more)."""
    pages = clients.s3().get_paginator("list_parts")
    result = []
    with aws_errors("S3 could not list the parts."):
        try:
            for page in pages.paginate(
                Bucket=conf().bucket, Key=object_key(upload_id), UploadId=s3_upload_id
            ):
                result += [
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
    return result


def find(upload_id: str) -> str | None:
    """S3's id of the newest unfinished multipart upload of an object, or None. One request."""
    key = object_key(upload_id)
    with aws_errors("S3 could not list the unfinished uploads."):
        response = clients.s3().list_multipart_uploads(Bucket=conf().bucket, Prefix=key)
    found = [upload for upload in response.get("Uploads", []) if upload["Key"] == key]
    newest = max(found, key=lambda upload: upload["Initiated"], default=None)
    return newest["UploadId"] if newest else None


def complete(upload_id: str, s3_upload_id: str, received: list[Part], *, size: int) -> bool:
    """Complete the upload, on condition that it has `size` bytes and its object does not exist.

    Returns False if the upload does not exist (any more), or the object already exists. S3 may take
    minutes, and sends white space meanwhile. A caller that does not wait that long can repeat the
    call.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
    """
    with (
        aws_errors("S3 could not complete the upload."),
        time_limit.long_wait(COMPLETION_SECONDS),
    ):
        try:
            clients.s3().complete_multipart_upload(
                Bucket=conf().bucket,
                Key=object_key(upload_id),
                UploadId=s3_upload_id,
                MultipartUpload={"Parts": [_reference(part) for part in received]},
                MpuObjectSize=size,
                IfNoneMatch="*",
            )
        except ClientError as exc:
            if _is_unknown(exc) or exc.response["Error"]["Code"] == "PreconditionFailed":
                return False
            raise
    return True


def abort(upload_id: str, s3_upload_id: str) -> None:
    """Delete the parts. Succeeds if the upload does not exist (any more)."""
    abort_key(object_key(upload_id), s3_upload_id)


def abort_key(key: str, s3_upload_id: str) -> bool:
    """Delete the parts; False if the upload does not exist (any more).

    Accepts any key under the prefix: parts that other software left there cost the same and are
    shown nowhere else. A part that is being sent may remain and is listed again later. Raises
    InvalidRequest for any other key.
    """
    _check_key(key)
    with aws_errors("S3 could not abort the upload."):
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
    """A page of unfinished uploads. Costs one request, and one more per upload."""
    markers = {"KeyMarker": after.key, "UploadIdMarker": after.s3_upload_id} if after else {}
    with aws_errors("S3 could not list the unfinished uploads."):
        response = clients.s3().list_multipart_uploads(
            Bucket=conf().bucket,
            Prefix=PREFIX,
            MaxUploads=limit,
            # A key may have characters that XML cannot represent.
            EncodingType="url",
            **markers,  # type: ignore[arg-type]
        )
    listed = response.get("Uploads", [])
    with ThreadPoolExecutor(_MAX_WORKERS) as pool:
        found = [
            # Each with the caller's context, and so the time limit of its request.
            pool.submit(
                copy_context().run,
                find_unfinished,
                _key(response, upload["Key"]),
                upload["UploadId"],
                upload["Initiated"],
            )
            for upload in listed
        ]
        uploads = [future.result() for future in found]
    cursor = (
        Cursor(_key(response, response["NextKeyMarker"]), response["NextUploadIdMarker"])
        if response["IsTruncated"]
        else None
    )
    return UnfinishedPage([upload for upload in uploads if upload], cursor)


def _key(response: ListMultipartUploadsOutputTypeDef, key: str) -> str:
    """Decode a key of the response: botocore decodes other listings, but not this one."""
    return unquote_str(key) if response.get("EncodingType") == "url" else key


def find_unfinished(
    key: str, s3_upload_id: str, started_at: datetime | None = None
) -> UnfinishedUpload | None:
    """What S3 has received of an upload; None if it does not exist (any more).

    Counts only the first MAX_COUNTED_PARTS parts. Raises InvalidRequest for a key that is not under
    the prefix.
    """
    _check_key(key)
    with aws_errors("S3 could not list the parts."):
        try:
            response = clients.s3().list_parts(
                Bucket=conf().bucket,
                Key=key,
                UploadId=s3_upload_id,
                MaxParts=MAX_COUNTED_PARTS,
            )
        except ClientError as exc:
            if _is_unknown(exc):
                return None
            raise
    received = response.get("Parts", [])
    return UnfinishedUpload(
        key,
        s3_upload_id,
        started_at,
        parts=len(received),
        bytes=sum(part["Size"] for part in received),
        has_more_parts=response["IsTruncated"],
    )


def _check_key(key: str) -> None:
    if not key.startswith(PREFIX):
        raise InvalidRequest(f"This is not an upload: its key does not start with {PREFIX}.")


def _reference(part: Part) -> CompletedPartTypeDef:
    reference: CompletedPartTypeDef = {"PartNumber": part.number, "ETag": part.etag}
    if part.checksum:
        reference["ChecksumSHA256"] = part.checksum
    return reference


def _is_unknown(exc: ClientError) -> bool:
    return exc.response["Error"]["Code"] == "NoSuchUpload"
