"""Beginning an upload: check what was asked for, make an id, sign the first request.

What becomes of an object is not decided here but by `uploads.ingest`, on what S3 says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings

from uploads.aws import multipart, s3
from uploads.core import keys, media_types, policy
from uploads.core.conf import conf, rules
from uploads.core.limits import MULTIPART_LIFETIME
from uploads.files import quotas
from uploads.transfers import tokens


@dataclass(frozen=True)
class StartedUpload:
    """A new upload: its id and the request that carries its bytes."""

    id: str
    request: s3.SignedRequest


@dataclass(frozen=True)
class StartedMultipart:
    """A new upload in parts; the requests for its parts are signed one by one with the token."""

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
    """Sign a request for one file. Writes nothing, anywhere.

    `quota` is how many bytes the owner may have stored; with one, what they have is read. Raises
    InvalidRequest, FileTooLarge, QuotaExceeded or TypeNotAllowed; BackendUnavailable without
    credentials, or when that cannot be read.
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
    quota: int | None = None,
) -> StartedUpload | StartedMultipart:
    """Begin an upload of `size` bytes: in one request, or in parts when it is large.

    Of a file in parts S3 can verify no SHA-256 of the whole: `sha256` is then checked and not
    used. Raises as `begin_put` does.
    """
    if size <= conf().multipart_threshold:
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
        quota=quota,
    )


def begin_multipart(
    owner: str,
    *,
    file_name: str,
    content_type: str | None = None,
    size: int | None = None,
    part_checksums: bool = True,
    quota: int | None = None,
) -> StartedMultipart:
    """Begin an upload in parts, of a size that may be unknown until it is completed.

    S3 needs to know of it before the first part; filehub itself writes nothing. `part_checksums`
    says whether the client will send the SHA-256 of each part. Raises as `begin_put` does.
    """
    content_type = _check(file_name, content_type)
    part_size = None
    if size is not None:
        policy.check_size(size, rules(), in_parts=True)
        part_size = policy.part_size_for(size, conf().part_size)
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
        tokens.UploadToken(upload_id, s3_upload_id, owner, size, part_size),
        datetime.now(UTC) + MULTIPART_LIFETIME,
    )


def _check(file_name: str, content_type: str | None) -> str:
    """Raise unless these are acceptable; returns the type in one spelling."""
    policy.check_name(file_name)
    return media_types.check_type(content_type, rules())
