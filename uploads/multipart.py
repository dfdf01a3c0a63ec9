"""The S3 gateway for uploads in parts: create, list the parts, complete, abort.

"No such upload" is an answer: S3 says it of uploads that were completed, aborted or removed by the
bucket's lifecycle rule. Anything else is one BackendUnavailable with its cause chained. IAM:
s3:PutObject to create and complete, s3:ListMultipartUploadParts, s3:AbortMultipartUpload.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from uploads import storage
from uploads.conf import env
from uploads.keys import object_key

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef


@dataclass(frozen=True)
class Part:
    """A part that S3 has. `size` is in bytes, `checksum` a base64 SHA-256 or ""."""

    number: int
    size: int
    etag: str
    checksum: str


def create(
    upload_id: str, *, owner: str, file_name: str, content_type: str, checksums: bool
) -> str:
    """Tell S3 of an upload in parts and return S3's name for it.

    Whether its parts carry a SHA-256 has to be said now: AWS refuses a part that differs from it.
    """
    checksum = {"ChecksumAlgorithm": "SHA256", "ChecksumType": "COMPOSITE"} if checksums else {}
    with storage.s3_errors("begin the upload"):
        answer = storage.client().create_multipart_upload(
            Bucket=env().filehub_bucket,
            Key=object_key(upload_id),
            ContentType=content_type,
            Metadata=storage.metadata(owner, file_name),
            **checksum,  # type: ignore[arg-type]
        )
    return answer["UploadId"]


def parts(upload_id: str, s3_upload_id: str) -> list[Part] | None:
    """The parts that S3 has, in order; None when it does not know the upload (any more)."""
    pages = storage.client().get_paginator("list_parts")
    found = []
    with storage.s3_errors("list the parts"):
        try:
            for page in pages.paginate(
                Bucket=env().filehub_bucket, Key=object_key(upload_id), UploadId=s3_upload_id
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
    with storage.s3_errors("put the parts together"):
        try:
            storage.client().complete_multipart_upload(
                Bucket=env().filehub_bucket,
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
    with storage.s3_errors("end the upload"):
        try:
            storage.client().abort_multipart_upload(
                Bucket=env().filehub_bucket, Key=object_key(upload_id), UploadId=s3_upload_id
            )
        except ClientError as exc:
            if not _is_unknown(exc):
                raise


def _reference(part: Part) -> CompletedPartTypeDef:
    reference: CompletedPartTypeDef = {"PartNumber": part.number, "ETag": part.etag}
    if part.checksum:
        reference["ChecksumSHA256"] = part.checksum
    return reference


def _is_unknown(exc: ClientError) -> bool:
    return exc.response["Error"]["Code"] == "NoSuchUpload"
