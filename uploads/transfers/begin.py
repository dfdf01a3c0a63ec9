"""Start an upload: validate the request, create an id, sign the first S3 request.

Whether the object is accepted is decided later, by `uploads.ingest`, from what S3 reports.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings

from uploads.aws import multipart, s3
from uploads.core import keys, media_types, policy
from uploads.core.conf import conf, rules
from uploads.core.limits import MULTIPART_LIFETIME, S3_MIN_PART_SIZE
from uploads.core.names import check_name
from uploads.files import quotas
from uploads.transfers import tokens


@dataclass(frozen=True)
class StartedUpload:
    """A new upload in a single request: its id, and the presigned PUT."""

    id: str
    request: s3.SignedRequest


@dataclass(frozen=True)
class StartedMultipart:
    """A new multipart upload. The token is needed to sign the requests for its parts."""

    token: tokens.UploadToken
    expires_at: datetime


def begin_put(
    owner: str,
    *,
    file_name: str,
    content_type: str | None = None,
    size: int | None = None,
    sha256: str | None = None,
    quota: int | None = None,
) -> StartedUpload:
    """Presign the PUT of one file. Writes nothing.

    `quota` is the owner's limit in bytes; with one, their usage is read. Raises InvalidRequest,
    FileTooLarge, QuotaExceeded, TypeNotAllowed, or BackendUnavailable (no credentials, or the usage
    cannot be read).
    """
    if sha256 is not None:
        policy.check_sha256(sha256)
    content_type = _check(file_name, content_type)
    if size is not None:
        policy.check_size(size, rules())
    quotas.check(owner, quota, size)
    upload_id = keys.new_upload_id(owner, settings.SECRET_KEY)
    request = s3.sign_put(
        upload_id,
        owner=owner,
        file_name=file_name,
        content_type=content_type,
        size=size,
        sha256=sha256,
    )
    return StartedUpload(upload_id, request)


def begin_upload(
    owner: str,
    *,
    file_name: str,
    size: int,
    content_type: str | None = None,
    sha256: str | None = None,
    part_checksums: bool = True,
    part_size: int | None = None,
    quota: int | None = None,
) -> StartedUpload | StartedMultipart:
    """Start an upload of `size` bytes: in a single request, or in parts if it is large.

    A client on a slow connection may request smaller parts, with `part_size` in bytes; then every
    file that is larger than one of these parts goes in parts.

    S3 cannot verify the SHA-256 of a complete multipart upload: `sha256` is then validated but not
    used. Raises the same errors as `begin_put`.
    """
    threshold = conf().multipart_threshold
    if part_size is not None:
        part_size = max(part_size, S3_MIN_PART_SIZE)
        threshold = min(part_size, threshold)
    if size <= threshold:
        return begin_put(
            owner,
            file_name=file_name,
            content_type=content_type,
            size=size,
            sha256=sha256,
            quota=quota,
        )
    if sha256 is not None:
        policy.check_sha256(sha256)
    return begin_multipart(
        owner,
        file_name=file_name,
        content_type=content_type,
        size=size,
        part_checksums=part_checksums,
        part_size=part_size,
        quota=quota,
    )


def begin_multipart(
    owner: str,
    *,
    file_name: str,
    content_type: str | None = None,
    size: int | None = None,
    part_checksums: bool = True,
    part_size: int | None = None,
    quota: int | None = None,
) -> StartedMultipart:
    """Start a multipart upload. Its size may be unknown until it is completed.

    This creates the upload in S3; filehub itself writes nothing. `part_checksums` says whether the
    client will send the SHA-256 of each part. `part_size` is what the client would like, in bytes.
    Raises the same errors as `begin_put`.
    """
    content_type = _check(file_name, content_type)
    planned = None
    if size is not None:
        policy.check_size(size, rules(), in_parts=True)
        planned = policy.part_size_for(size, conf().part_size, part_size)
    quotas.check(owner, quota, size)
    upload_id = keys.new_upload_id(owner, settings.SECRET_KEY)
    s3_upload_id = multipart.create(
        upload_id,
        owner=owner,
        file_name=file_name,
        content_type=content_type,
        checksums=part_checksums,
    )
    return StartedMultipart(
        tokens.UploadToken(upload_id, s3_upload_id, owner, size, planned),
        datetime.now(UTC) + MULTIPART_LIFETIME,
    )


def _check(file_name: str, content_type: str | None) -> str:
    """Validate name and type; return the normalised type."""
    check_name(file_name)
    return media_types.check_type(content_type, rules())
