"""The S3 gateway for objects that filehub did not create: list, inspect and copy them.

S3 copies them itself; their content does not pass through this process. The originals are never
changed. IAM: s3:ListBucket on their bucket and s3:GetObject on them (kms:Decrypt on their key, if
they have one); s3:PutObject on the copies.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from uploads.aws import clients, s3
from uploads.aws.actions import missing_action
from uploads.aws.errors import aws_errors
from uploads.core.conf import conf
from uploads.core.errors import FilehubError
from uploads.core.keys import object_key

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CopySourceTypeDef, HeadObjectOutputTypeDef

#: Storage classes whose objects cannot be read until they are restored. Not GLACIER_IR.
_ARCHIVES = {"GLACIER", "DEEP_ARCHIVE"}
_ARCHIVED = "It is archived, so S3 cannot read it. Restore it, then run the command again."

#: Why S3 does not copy an object, by the code of its error. None of them is temporary.
#: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
_SENTENCES = {
    "NoSuchKey": "It was deleted after it had been listed.",
    "PreconditionFailed": "It was replaced after it had been listed. Run the command again.",
    "InvalidObjectState": _ARCHIVED,
    "ObjectNotInActiveTierError": _ARCHIVED,
    "KMS.DisabledException": "The KMS key that encrypts it is disabled.",
    "KMS.NotFoundException": "The KMS key that encrypts it does not exist.",
    "KMS.KMSInvalidStateException": "The KMS key that encrypts it cannot be used.",
}
_CUSTOMER_KEY = (
    "It is encrypted with a key that S3 does not keep (SSE-C), so S3 cannot read it. Copy it with "
    "that key to an object without one, and adopt that."
)
#: The statuses to which botocore reduces the errors of HEAD, which have no body.
_STATUSES = {"404": "NoSuchKey", "412": "PreconditionFailed"}


class NotCopyable(FilehubError):
    """S3 does not copy this object; the message says why. Another attempt would not help."""

    code = "not_copyable"


@dataclass(frozen=True)
class ForeignObject:
    """An object as a listing describes it. `size` is in bytes, `modified_at` to the second."""

    bucket: str
    key: str
    size: int
    etag: str
    modified_at: datetime

    @property
    def copy_source(self) -> CopySourceTypeDef:
        return {"Bucket": self.bucket, "Key": self.key}


@dataclass(frozen=True)
class Headers:
    """What a listing does not say: type and encoding of the content; "" if there is none."""

    content_type: str
    content_encoding: str


@dataclass(frozen=True)
class Target:
    """The copy: its upload id, and its metadata."""

    upload_id: str
    owner: str
    file_name: str
    folder: str
    content_type: str


@dataclass(frozen=True)
class PartRange:
    """A part of a copy: `size` bytes from offset `start`."""

    number: int
    start: int
    size: int


def list_objects(bucket: str, prefix: str) -> Iterator[list[ForeignObject]]:
    """The objects whose keys start with a prefix, in pages of at most 1,000.

    Keeps one page in memory. Of a bucket with versioning, these are the current versions. Raises
    BackendUnavailable.
    """
    # botocore asks for encoded keys, since a key may have characters that XML cannot represent.
    pages = iter(
        clients.s3(clients.COPY)
        .get_paginator("list_objects_v2")
        .paginate(Bucket=bucket, Prefix=prefix)
    )
    while True:
        with aws_errors(f"S3 could not list the objects of {bucket}."):
            page = next(pages, None)
        if page is None:
            return
        yield [
            ForeignObject(
                bucket,
                entry["Key"],
                entry["Size"],
                entry["ETag"].strip('"'),
                entry["LastModified"].replace(microsecond=0),
            )
            for entry in page.get("Contents", [])
        ]


def inspect(source: ForeignObject) -> Headers:
    """What HeadObject says about an object. Raises NotCopyable and BackendUnavailable."""
    with _copying():
        response = _head(source)
    if _is_archived(response):
        raise NotCopyable(_ARCHIVED)
    return Headers(response.get("ContentType", ""), response.get("ContentEncoding", ""))


def _head(source: ForeignObject) -> HeadObjectOutputTypeDef:
    try:
        return clients.s3(clients.COPY).head_object(
            Bucket=source.bucket, Key=source.key, IfMatch=f'"{source.etag}"'
        )
    except ClientError as exc:
        if exc.response["Error"]["Code"] in _STATUSES:
            raise
        _explain(source)
        raise


def _explain(source: ForeignObject) -> None:
    """Raise the error that HeadObject has, with its code.

    Without a body, a customer's key and an expired token look the same, and so do a missing
    permission and a KMS key that is disabled.
    """
    try:
        clients.s3(clients.COPY).get_object(
            Bucket=source.bucket, Key=source.key, IfMatch=f'"{source.etag}"', Range="bytes=0-0"
        )
    except ClientError as exc:
        # With these parameters, no other request is invalid.
        if exc.response["Error"]["Code"] == "InvalidRequest":
            raise NotCopyable(_CUSTOMER_KEY) from exc
        raise


def _is_archived(response: HeadObjectOutputTypeDef) -> bool:
    """Whether an object is in an archive, and no restored copy of it can be read.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html
    """
    is_archive = response.get("StorageClass") in _ARCHIVES or "ArchiveStatus" in response
    return is_archive and 'ongoing-request="false"' not in response.get("Restore", "")


def copy(source: ForeignObject, target: Target) -> None:
    """Copy an object of at most 5 GiB, on condition that the original is the listed one.

    S3 computes the SHA-256 of the copy. Tags and annotations of the original are left behind.
    Raises NotCopyable, also if the copy exists, and BackendUnavailable.
    """
    with _copying():
        clients.s3(clients.COPY).copy_object(
            Bucket=conf().bucket,
            Key=object_key(target.upload_id),
            CopySource=source.copy_source,
            CopySourceIfMatch=f'"{source.etag}"',
            IfNoneMatch="*",
            ContentType=target.content_type,
            Metadata=s3.metadata(target.owner, target.file_name, target.folder),
            MetadataDirective="REPLACE",
            TaggingDirective="REPLACE",
            AnnotationDirective="EXCLUDE",
            StorageClass="STANDARD",
            ChecksumAlgorithm="SHA256",
        )


def copy_part(source: ForeignObject, upload_id: str, s3_upload_id: str, part: PartRange) -> None:
    """Copy a range of an object as a part of a multipart upload.

    S3 computes the part's SHA-256, which ListParts returns. Raises NotCopyable and
    BackendUnavailable.
    """
    with _copying():
        clients.s3(clients.COPY).upload_part_copy(
            Bucket=conf().bucket,
            Key=object_key(upload_id),
            UploadId=s3_upload_id,
            PartNumber=part.number,
            CopySource=source.copy_source,
            CopySourceIfMatch=f'"{source.etag}"',
            CopySourceRange=f"bytes={part.start}-{part.start + part.size - 1}",
        )


@contextmanager
def _copying() -> Iterator[None]:
    """Translate errors about one object to NotCopyable, and all others to BackendUnavailable."""
    with aws_errors("S3 could not copy the object."):
        try:
            yield
        except ClientError as exc:
            code = exc.response["Error"]["Code"]
            if sentence := _SENTENCES.get(_STATUSES.get(code, code)):
                raise NotCopyable(sentence) from exc
            if code in {"AccessDenied", "403"}:
                raise NotCopyable(f"Access denied: {missing_action(exc)} is missing.") from exc
            raise
