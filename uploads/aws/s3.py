"""The S3 gateway: sign, head, delete, list.

Only this module, `ranges`, `sending`, `multipart`, `thumbnails` and `foreign` call S3.
`downloads` signs what browsers read.

A missing key is a normal result (None). Any other failure raises BackendUnavailable with its cause
chained. IAM: s3:PutObject and s3:GetObject to sign, s3:GetObject to head and to read,
s3:DeleteObject, s3:ListBucket.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError, NoCredentialsError

from uploads.aws import clients
from uploads.aws import metadata as object_metadata
from uploads.aws.errors import aws_errors
from uploads.aws.signer import presign
from uploads.core import tracing
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.core.fields import FieldRules
from uploads.core.keys import PREFIX, object_key, upload_id_of
from uploads.core.labels import NO_LABELS, Labels

#: How many of an object's first bytes are read to recognise its content.
FIRST_BYTES = 4096
#: The maximum number of keys in a DeleteObjects request.
MAX_DELETED = 1000
_NOT_DELETED = "S3 could not delete the object."
#: Attempts to inspect an object that is being replaced.
INSPECT_ATTEMPTS = 3


@dataclass(frozen=True)
class SignedRequest:
    """A presigned request. Its holder may send it once, until `expires_at`.

    `headers` must be sent exactly as they are. If the size is known, Content-Length is signed too;
    it is not listed, because HTTP clients add it themselves and browsers do not let scripts set it.
    """

    method: str
    url: str
    headers: dict[str, str]
    expires_at: datetime


@dataclass(frozen=True)
class StoredObject:
    """An object as HeadObject describes it. `size` is in bytes.

    `owner` and what follows is from the signed metadata (`uploads.aws.metadata`).
    """

    size: int
    content_type: str
    etag: str
    #: Base64 SHA-256, as S3 verified it; "" when the upload carried none.
    checksum: str
    version_id: str
    owner: str | None
    file_name: str | None
    folder: str = ""
    labels: Labels = NO_LABELS
    destination: str = ""
    field: FieldRules | None = None
    #: The span that signed it (uploads/core/tracing.py), or anything else; "" if there is none.
    traceparent: str = ""
    #: Its first bytes, at most FIRST_BYTES; b"" unless they were requested.
    first_bytes: bytes = b""


@dataclass(frozen=True)
class ListedObject:
    """An object that filehub created, as a listing describes it."""

    id: str
    etag: str
    #: None if the listing does not include it, as an inventory may not.
    modified_at: datetime | None


def sign_put(
    upload_id: str,
    *,
    owner: str,
    file_name: str,
    folder: str = "",
    content_type: str,
    size: int | None,
    sha256: str | None,
    extra: Mapping[str, str] | None = None,
) -> SignedRequest:
    """Presign a PUT for one key, owner, name, folder and type, for size and checksum if given.

    `If-None-Match: *` makes it usable only once: S3 returns 412 if the key exists. botocore's
    `generate_presigned_url` can sign neither that header nor the length.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """
    headers = {
        "Content-Type": content_type,
        "If-None-Match": "*",
        **metadata_headers(owner, file_name, folder, extra),
    }
    return _sign(upload_id, headers, size=size, sha256=sha256)


def sign_part(
    upload_id: str, s3_upload_id: str, number: int, *, size: int | None, sha256: str | None
) -> SignedRequest:
    """Presign the PUT of one part, for exactly `size` bytes and the checksum if these are known.

    A part may be sent twice. S3 keeps the last; with a checksum, both are identical.
    """
    query = {"partNumber": str(number), "uploadId": s3_upload_id}
    return _sign(upload_id, {}, query=query, size=size, sha256=sha256)


def metadata(
    owner: str, file_name: str, folder: str = "", extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The object's metadata, percent-encoded because S3 accepts only ASCII.

    `extra` is encoded already. The trace, if there is one, is left out where it would not fit.
    Raises InvalidRequest if S3 would refuse so much.
    """
    result = {"filename": quote(file_name, safe=""), "owner": quote(owner, safe="")}
    if folder:
        result["folder"] = quote(folder, safe="")
    result |= extra or {}
    object_metadata.check_size(result)
    return object_metadata.traced(result, tracing.traceparent())


def metadata_headers(
    owner: str, file_name: str, folder: str, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The headers, or fields of a form, with the metadata."""
    signed = metadata(owner, file_name, folder, extra)
    return {f"x-amz-meta-{name}": value for name, value in signed.items()}


def _sign(
    upload_id: str,
    headers: dict[str, str],
    *,
    query: dict[str, str] | None = None,
    size: int | None,
    sha256: str | None,
) -> SignedRequest:
    if sha256 is not None:
        headers["x-amz-checksum-sha256"] = sha256
    signed = dict(headers)
    if size is not None:
        signed["Content-Length"] = str(size)

    now, expiry = datetime.now(UTC), conf().url_expiry
    url = presign(
        "PUT",
        conf().s3_bucket_url,
        object_key(upload_id),
        signed,
        query=query or {},
        credentials=credentials(),
        region=conf().region,
        expires=expiry,
        now=now,
    )
    return SignedRequest("PUT", url, headers, now + timedelta(seconds=expiry))


def credentials() -> ReadOnlyCredentials:
    """The credentials to sign with now. Raises BackendUnavailable if there are none.

    Also if their source does not respond, within the time limit of the request if there is one.
    """
    with aws_errors("The server could not get its AWS credentials."):
        try:
            # Clients have no public accessor for their credentials; the session's are refreshed.
            current = clients.session(conf().region).get_credentials()
            if current is None:
                raise NoCredentialsError
            return current.get_frozen_credentials()
        except NoCredentialsError as exc:
            message = "The server has no AWS credentials."
            raise BackendUnavailable(message, code="no_credentials") from exc


def head(upload_id: str) -> StoredObject | None:
    """Call HeadObject; None if the object does not exist."""
    with aws_errors("S3 could not read the object's metadata."):
        try:
            response = clients.s3().head_object(
                Bucket=conf().bucket, Key=object_key(upload_id), ChecksumMode="ENABLED"
            )
        except ClientError as exc:
            if exc.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise
    described = object_metadata.parse(response.get("Metadata", {}))
    return StoredObject(
        size=response["ContentLength"],
        content_type=response.get("ContentType", "binary/octet-stream"),
        etag=response["ETag"].strip('"'),
        checksum=response.get("ChecksumSHA256", ""),
        version_id=response.get("VersionId", ""),
        **vars(described),
    )


def inspect(
    upload_id: str, *, needs_content: Callable[[StoredObject], bool]
) -> StoredObject | None:
    """Get the object's metadata, and its first bytes if `needs_content` says so.

    Both describe the same object: if it is replaced in between, both are read again. Returns None
    if the object does not exist. Raises BackendUnavailable, including when the object keeps
    changing.
    """
    for _ in range(INSPECT_ATTEMPTS):
        stored = head(upload_id)
        if stored is None or stored.size == 0 or not needs_content(stored):
            return stored
        first_bytes = _read_first_bytes(upload_id, stored.etag)
        if first_bytes is not None:
            return replace(stored, first_bytes=first_bytes)
    raise BackendUnavailable(f"The object of {upload_id} keeps being replaced.")


def _read_first_bytes(upload_id: str, etag: str) -> bytes | None:
    """The first bytes of the object with this ETag; None if it is gone or was replaced."""
    with aws_errors("S3 could not read the start of the object."):
        try:
            response = clients.s3().get_object(
                Bucket=conf().bucket,
                Key=object_key(upload_id),
                IfMatch=f'"{etag}"',
                Range=f"bytes=0-{FIRST_BYTES - 1}",
            )
            # All of it: `read` with a number would take a response that is cut off as complete.
            return response["Body"].read()
        except ClientError as exc:
            if is_gone_or_replaced(exc):
                return None
            raise


def is_gone_or_replaced(exc: ClientError) -> bool:
    """Whether a request with If-Match failed because the object is missing or was replaced."""
    return exc.response["Error"]["Code"] in {"NoSuchKey", "PreconditionFailed"}


def delete(upload_id: str) -> None:
    """Delete the object. Succeeds if it does not exist."""
    with aws_errors(_NOT_DELETED):
        clients.s3().delete_object(Bucket=conf().bucket, Key=object_key(upload_id))


def delete_if_match(upload_id: str, etag: str) -> None:
    """Delete the object if it still has this ETag; otherwise do nothing.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
    """
    with aws_errors(_NOT_DELETED):
        try:
            clients.s3().delete_object(
                Bucket=conf().bucket, Key=object_key(upload_id), IfMatch=f'"{etag}"'
            )
        except ClientError as exc:
            if not is_gone_or_replaced(exc):
                raise


def delete_many(
    upload_ids: Collection[str], *, key_of: Callable[[str], str] = object_key
) -> dict[str, BackendUnavailable]:
    """Delete the objects of these ids, MAX_DELETED per request; return the errors of those that
    remain, by id.

    Succeeds for objects that do not exist.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
    """
    ids = list(upload_ids)
    errors: dict[str, BackendUnavailable] = {}
    for start in range(0, len(ids), MAX_DELETED):
        batch = ids[start : start + MAX_DELETED]
        try:
            with aws_errors(_NOT_DELETED):
                errors |= _delete_batch({key_of(upload_id): upload_id for upload_id in batch})
        except BackendUnavailable as exc:
            errors |= dict.fromkeys(batch, exc)
    return errors


def _delete_batch(by_key: Mapping[str, str]) -> dict[str, BackendUnavailable]:
    response = clients.s3().delete_objects(
        Bucket=conf().bucket,
        Delete={"Objects": [{"Key": key} for key in by_key], "Quiet": True},
    )
    errors: dict[str, BackendUnavailable] = {}
    for entry in response.get("Errors", []):
        error = errors[by_key[entry["Key"]]] = BackendUnavailable(_NOT_DELETED)
        error.__cause__ = RuntimeError(f"{entry.get('Code')}: {entry.get('Message')}")
    return errors


def list_objects(shard: str, *, after: str, until: str) -> Iterator[ListedObject]:
    """The objects of one shard with ids between `after` and `until` (exclusive), ascending.

    Lists only that range, and keeps one page of 1,000 in memory. Skips keys that filehub did not
    create. Raises BackendUnavailable.
    """
    prefix = f"{PREFIX}{shard}/"
    pages = iter(
        clients.s3()
        .get_paginator("list_objects_v2")
        .paginate(Bucket=conf().bucket, Prefix=prefix, StartAfter=prefix + after)
    )
    while True:
        with aws_errors("S3 could not list the objects."):
            page = next(pages, None)
        if page is None:
            return
        for entry in page.get("Contents", []):
            if entry["Key"] >= prefix + until:
                return
            upload_id = upload_id_of(entry["Key"])
            if upload_id is not None:
                yield ListedObject(upload_id, entry["ETag"].strip('"'), entry["LastModified"])


def read(bucket: str, key: str, start: int = 0, size: int | None = None) -> bytes:
    """Read `size` bytes of any object from offset `start`; fewer, or none, at its end.

    Raises BackendUnavailable, including when the object does not exist.
    """
    last = "" if size is None else str(start + size - 1)
    with aws_errors(f"S3 could not read s3://{bucket}/{key}."):
        try:
            response = clients.s3().get_object(
                Bucket=bucket, Key=key, Range=f"bytes={start}-{last}"
            )
        except ClientError as exc:
            if exc.response["Error"]["Code"] == "InvalidRange":
                return b""
            raise
        return response["Body"].read()


def ping() -> None:
    """Raise BackendUnavailable unless the bucket can be reached."""
    with aws_errors("S3 could not reach the bucket."):
        clients.s3().head_bucket(Bucket=conf().bucket)
