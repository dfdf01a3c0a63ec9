"""What people and programs ask for: begin, complete, abort, preview, download, remove.

What becomes of an object is not decided here but by `uploads.confirmation`, on what S3 says.
"""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.update import Action

from filehub.env import S3_MIN_PART_SIZE
from uploads import tokens
from uploads.aws import multipart, s3
from uploads.aws.dynamodb import table_errors
from uploads.core import keys, policy
from uploads.core.conf import env
from uploads.core.errors import (
    BackendUnavailable,
    FileTooLarge,
    InvalidRequest,
    PartsMissing,
    UploadCompleted,
    UploadNotFound,
)
from uploads.files import queries, quotas
from uploads.files.listing import FileInfo
from uploads.models import Download, StoredFile
from uploads.rules import rules

logger = logging.getLogger(__name__)

#: Parts that one call may have signed: what S3 lists on one page.
MAX_SIGNED_PARTS = 1_000

#: Downloads that a record tells one by one; of the earlier ones it has the number.
DOWNLOADS_KEPT = 10

#: Tries of noting something in a record that a transaction is changing.
MARK_ATTEMPTS = 5

#: Bytes of the largest text that is shown.
PREVIEW_TEXT_SIZE = 1024**2


@dataclass(frozen=True)
class Preview:
    """A presigned URL that shows a file, and the element that it belongs in."""

    how: policy.PreviewKind
    url: str


@dataclass(frozen=True)
class BegunUpload:
    """A new upload: its id and the request that carries its bytes."""

    id: str
    request: s3.SignedRequest


@dataclass(frozen=True)
class BegunMultipart:
    """A new upload in parts; the requests for its parts are signed one by one with the token."""

    token: tokens.UploadToken
    expires_at: datetime


def begin(
    owner: str,
    *,
    file_name: str,
    content_type: str | None = None,
    size: int | None = None,
    sha256: str | None = None,
    quota: int | None = None,
) -> BegunUpload:
    """Sign a request for one file. Writes nothing, anywhere.

    `quota` is how many bytes the owner may have stored; with one, what they have is read. Raises
    InvalidRequest, FileTooLarge, QuotaExceeded or TypeNotAllowed; BackendUnavailable without
    credentials, or when that cannot be read.
    """
    content_type = _check(file_name, content_type, sha256)
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
    return BegunUpload(upload_id, request)


def begin_sized(
    owner: str,
    *,
    file_name: str,
    size: int,
    content_type: str | None = None,
    sha256: str | None = None,
    part_checksums: bool = True,
    quota: int | None = None,
) -> BegunUpload | BegunMultipart:
    """Begin an upload of `size` bytes: in one request, or in parts when it is large.

    Parts need S3 to know of the upload beforehand; filehub itself writes nothing in either case.
    `part_checksums` says whether the client will send the SHA-256 of each part. Of a file in parts
    S3 can verify no SHA-256 of the whole: `sha256` is then not used. Raises as `begin` does.
    """
    if size <= env().filehub_multipart_threshold:
        return begin(
            owner,
            file_name=file_name,
            content_type=content_type,
            size=size,
            sha256=sha256,
            quota=quota,
        )
    content_type = _check(file_name, content_type, sha256)
    policy.check_size(size, rules(), in_parts=True)
    quotas.check(owner, quota, size)
    upload_id = keys.new_upload_id(owner, settings.SECRET_KEY)
    s3_upload_id = multipart.create(
        upload_id,
        owner=owner,
        file_name=file_name,
        content_type=content_type,
        checksums=part_checksums,
    )
    part_size = policy.part_size_for(size, env().filehub_part_size)
    return BegunMultipart(
        tokens.UploadToken(upload_id, s3_upload_id, owner, size, part_size),
        datetime.now(UTC) + tokens.LIFETIME,
    )


def _check(file_name: str, content_type: str | None, sha256: str | None) -> str:
    """Raise unless these are acceptable; returns the type in one spelling."""
    policy.check_name(file_name)
    if sha256 is not None:
        policy.check_sha256(sha256)
    return policy.check_type(content_type, rules())


def sign_parts(
    token: tokens.UploadToken, parts: list[tuple[int, str | None]]
) -> list[s3.SignedRequest]:
    """Sign one request for each part (number, base64 SHA-256 or None). Asks nobody.

    Raises InvalidRequest for no parts, too many, or a part that the file does not have.
    """
    if not parts:
        raise InvalidRequest("Missing parts", code="missing_parts")
    if len(parts) > MAX_SIGNED_PARTS:
        raise InvalidRequest(f"At most {MAX_SIGNED_PARTS} parts at a time.", code="too_many_parts")
    for number, sha256 in parts:
        if not 1 <= number <= token.part_count:
            raise InvalidRequest(
                f"part_number must be between 1 and {token.part_count}.", code="invalid_part_number"
            )
        if sha256 is not None:
            policy.check_sha256(sha256)
    return [
        s3.sign_part(
            token.upload_id,
            token.s3_upload_id,
            number,
            size=token.size_of(number),
            sha256=sha256,
        )
        for number, sha256 in parts
    ]


def begin_unsized(
    owner: str, *, file_name: str, content_type: str | None = None
) -> tokens.UnsizedToken:
    """Begin an upload in parts, for a client that tells no size before it completes it.

    Its parts come without checksums. Raises as `begin` does.
    """
    content_type = _check(file_name, content_type, None)
    upload_id = keys.new_upload_id(owner, settings.SECRET_KEY)
    s3_upload_id = multipart.create(
        upload_id, owner=owner, file_name=file_name, content_type=content_type, checksums=False
    )
    return tokens.UnsizedToken(upload_id, s3_upload_id, owner)


def sign_unsized_part(token: tokens.UnsizedToken, number: int) -> s3.SignedRequest:
    """Sign a part of whatever size. Asks nobody.

    Raises InvalidRequest for a number that S3 does not know, and FileTooLarge for one that only a
    file above the limit can have.
    """
    if not 1 <= number <= policy.MAX_PARTS:
        raise InvalidRequest(
            f"The number of a part must be between 1 and {policy.MAX_PARTS}.",
            code="invalid_part_number",
        )
    # All parts but the last have that size at least.
    least = (number - 1) * S3_MIN_PART_SIZE
    if least > rules().max_size:
        raise FileTooLarge(
            f"A file of {number:,} parts has at least {least:,} bytes; "
            f"at most {rules().max_size:,} are accepted here."
        )
    return s3.sign_part(token.upload_id, token.s3_upload_id, number, size=None, sha256=None)


def arrived_parts(token: tokens.Token) -> list[multipart.Part]:
    """The parts that S3 has. Raises UploadCompleted, or UploadNotFound when it was ended."""
    parts = multipart.parts(token.upload_id, token.s3_upload_id)
    if parts is None:
        raise UploadCompleted if _is_whole(token) else UploadNotFound
    return parts


def complete(token: tokens.UploadToken, *, quota: int | None = None) -> bool:
    """Let S3 put the parts together; False when it had done so before. Safe to repeat.

    The parts are those that S3 lists, never what a client says. `quota` is how many bytes the owner
    may have stored: what had room days ago may have none now, and parts can wait for some, while an
    object would be deleted. Raises PartsMissing, QuotaExceeded, UploadNotFound when the upload was
    ended, and BackendUnavailable.
    """
    parts = multipart.parts(token.upload_id, token.s3_upload_id)
    if parts is not None:
        _check_parts(token, parts)
        quotas.check(token.owner, quota, token.size)
    return _complete(token, parts, token.size)


def complete_unsized(
    token: tokens.UnsizedToken, sent: dict[int, str], *, quota: int | None = None
) -> bool:
    """The same for an upload whose size nobody told.

    `sent` is what the client says to have sent, number -> ETag. The parts are those that S3 lists
    here too; but if these are not all that were sent, nobody else knows that some are missing.
    Raises FileTooLarge and InvalidRequest besides.
    """
    parts = multipart.parts(token.upload_id, token.s3_upload_id)
    size = 0
    if parts is not None:
        arrived = {part.number: part.etag for part in parts}
        if not parts or arrived != {number: etag.strip('"') for number, etag in sent.items()}:
            raise PartsMissing("S3 has not received exactly the parts that were sent.")
        if any(part.size < S3_MIN_PART_SIZE for part in parts[:-1]):
            raise InvalidRequest(
                "A part that is not the last has less than 5 MiB.", code="part_too_small"
            )
        size = sum(part.size for part in parts)
        policy.check_size(size, rules(), in_parts=True)
        quotas.check(token.owner, quota, size)
    return _complete(token, parts, size)


def _complete(token: tokens.Token, parts: list[multipart.Part] | None, size: int) -> bool:
    if parts is not None and multipart.complete(
        token.upload_id, token.s3_upload_id, parts, size=size
    ):
        return True
    # Completed before, perhaps by a request whose answer got lost, or ended. The object tells, and
    # the record if the object was rejected or deleted meanwhile.
    if not _is_whole(token) and not queries.recorded([token.upload_id]):
        raise UploadNotFound
    if parts is not None:
        # S3 keeps parts that it refused to put together, and charges for them.
        multipart.abort(token.upload_id, token.s3_upload_id)
    return False


def _check_parts(token: tokens.UploadToken, parts: list[multipart.Part]) -> None:
    sizes = {part.number: part.size for part in parts}
    wanted = range(1, token.part_count + 1)
    missing = [number for number in wanted if sizes.get(number) != token.size_of(number)]
    if missing:
        named = ", ".join(map(str, missing[:5])) + (" …" if len(missing) > 5 else "")
        raise PartsMissing(
            f"S3 has not received {len(missing)} of {token.part_count} parts in full: {named}."
        )


def abort(token: tokens.Token) -> None:
    """End an upload in parts; S3 drops what it has. Safe to repeat. Raises UploadCompleted.

    The object has to be looked for whatever S3 answers: for some hours after a completion AWS
    confirms an abort as well. https://github.com/minio/minio/issues/2250
    """
    multipart.abort(token.upload_id, token.s3_upload_id)
    if _is_whole(token):
        raise UploadCompleted


def _is_whole(token: tokens.Token) -> bool:
    """Whether the object itself is there: S3 forgets an upload once it is complete."""
    found = s3.head(token.upload_id)
    return found is not None and token.size in {None, found.size}


def sign_download(info: FileInfo, by: str, *, inline: bool = False) -> tuple[str, datetime]:
    """A presigned GET of a stored file and its expiry; the record remembers that `by` got one.

    `inline` shows it in the browser, if its type is safe to show.
    """
    signed = s3.sign_download(
        info.id,
        file_name=info.file_name,
        inline=inline and policy.is_safe_inline(info.content_type),
    )
    latest = [Download(at=entry.at, by=entry.by) for entry in info.last_downloads]
    latest.append(Download(at=datetime.now(UTC), by=by))
    actions: list[Action] = [
        StoredFile.downloads.add(1),
        StoredFile.last_downloads.set(latest[-DOWNLOADS_KEPT:]),
    ]
    try:
        _mark(info.id, actions)
    except BackendUnavailable as exc:
        # Somebody wants a file that is there; that this is not remembered is no reason to refuse.
        logger.warning("the download of %s is not recorded: %r", info.id, exc.__cause__ or exc)
    return signed


def preview(info: FileInfo) -> Preview | None:
    """How a browser can show a file, from S3 itself; None for what it cannot, or should not.

    Text of any kind is shown as plain text, whatever it claims to be, and only up to
    PREVIEW_TEXT_SIZE: a browser would load all of it.
    """
    how = policy.preview(info.content_type)
    if info.state != "stored" or how is None:
        return None
    if how == "text" and info.size > PREVIEW_TEXT_SIZE:
        return None
    url, _expires = s3.sign_download(
        info.id,
        file_name=info.file_name,
        inline=True,
        content_type="text/plain; charset=utf-8" if how == "text" else info.content_type,
    )
    return Preview(how, url)


def remove(upload_id: str, by: str) -> None:
    """Delete the object. The record follows when S3 reports the removal.

    `by` is who asked for it, named as records name owners.
    """
    _mark(
        upload_id,
        [
            StoredFile.deletion_asked_at.set(datetime.now(UTC)),
            StoredFile.deletion_asked_by.set(by),
        ],
    )
    s3.delete(upload_id)


def _mark(upload_id: str, actions: list[Action]) -> None:
    """Note something in a record that says nothing about the object; no record is ever made."""
    with table_errors():
        for attempt in range(MARK_ATTEMPTS):
            try:
                StoredFile(upload_id).update(
                    list(actions), StoredFile.id.exists(), add_version_condition=False
                )
            except UpdateError as exc:
                if exc.cause_response_code == "ConditionalCheckFailedException":
                    return
                # A transaction of the worker has the item just now; botocore does not wait for it.
                is_conflict = exc.cause_response_code == "TransactionConflictException"
                if not is_conflict or attempt == MARK_ATTEMPTS - 1:
                    raise
                time.sleep(random.uniform(0, 0.05 * 2**attempt))
            else:
                return
