"""The S3 gateway for content that this process sends itself. IAM: s3:PutObject.

The metadata and the conditions are those of presigned requests (`uploads.aws.s3`).
"""

from __future__ import annotations

from typing import IO

from botocore.exceptions import ClientError

from uploads.aws import clients, s3, time_limit
from uploads.aws.errors import aws_errors
from uploads.core.conf import conf
from uploads.core.keys import object_key
from uploads.core.limits import MIB

#: Bytes per second of the slowest connection to S3 for which a web request waits.
SLOWEST = MIB


def put(
    upload_id: str,
    body: IO[bytes],
    *,
    size: int,
    sha256: str,
    owner: str,
    file_name: str,
    folder: str,
    content_type: str,
) -> None:
    """Store an object of `size` bytes with this base64 SHA-256, unless there is one already.

    There is one if an attempt has arrived whose response was lost. Raises BackendUnavailable.
    """
    with aws_errors("S3 could not store the file."), time_limit.extended(size / SLOWEST):
        try:
            clients.s3().put_object(
                Bucket=conf().bucket,
                Key=object_key(upload_id),
                Body=body,
                ContentLength=size,
                ContentType=content_type,
                Metadata=s3.metadata(owner, file_name, folder),
                ChecksumSHA256=sha256,
                IfNoneMatch="*",
            )
        except ClientError as exc:
            if exc.response["Error"]["Code"] != "PreconditionFailed":
                raise


def put_part(upload_id: str, s3_upload_id: str, number: int, data: bytes, *, sha256: str) -> None:
    """Store one part of a multipart upload. Raises BackendUnavailable."""
    with aws_errors("S3 could not store a part."), time_limit.extended(len(data) / SLOWEST):
        clients.s3().upload_part(
            Bucket=conf().bucket,
            Key=object_key(upload_id),
            UploadId=s3_upload_id,
            PartNumber=number,
            Body=data,
            ChecksumSHA256=sha256,
        )
