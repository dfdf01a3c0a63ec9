"""Uploads in parts once they have begun: sign the parts, list, complete, abort."""

from __future__ import annotations

from uploads.aws import multipart, s3
from uploads.core import policy
from uploads.core.conf import rules
from uploads.core.errors import (
    FileTooLarge,
    InvalidRequest,
    PartsMissing,
    UploadCompleted,
    UploadNotFound,
)
from uploads.core.limits import S3_MIN_PART_SIZE
from uploads.files import queries, quotas
from uploads.transfers import tokens

#: Parts that one call may have signed: what S3 lists on one page.
MAX_SIGNED_PARTS = 1_000


def sign_parts(
    token: tokens.UploadToken, parts: list[tuple[int, str | None]]
) -> list[s3.SignedRequest]:
    """Sign one request for each part (number, base64 SHA-256 or None). Calls no service.

    Raises InvalidRequest for no parts, too many, or a part that the file does not have, and
    FileTooLarge for a part that only a file above the limit can have.
    """
    if not parts:
        raise InvalidRequest("Missing parts", code="missing_parts")
    if len(parts) > MAX_SIGNED_PARTS:
        raise InvalidRequest(f"At most {MAX_SIGNED_PARTS} parts at a time.", code="too_many_parts")
    for number, sha256 in parts:
        _check_number(token, number)
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


def _check_number(token: tokens.UploadToken, number: int) -> None:
    if not 1 <= number <= token.part_count:
        raise InvalidRequest(
            f"part_number must be between 1 and {token.part_count}.", code="invalid_part_number"
        )
    if token.size is not None:
        return
    # Every part but the last has at least this size.
    least = (number - 1) * S3_MIN_PART_SIZE
    if least > rules().max_size:
        raise FileTooLarge(
            f"A file of {number:,} parts has at least {least:,} bytes; "
            f"at most {rules().max_size:,} are accepted here."
        )


def uploaded_parts(token: tokens.UploadToken) -> list[multipart.Part]:
    """The parts that S3 has. Raises UploadCompleted, or UploadNotFound when it was ended."""
    parts = multipart.parts(token.upload_id, token.s3_upload_id)
    if parts is None:
        raise UploadCompleted if _object_exists(token) else UploadNotFound
    return parts


def complete(
    token: tokens.UploadToken, *, sent: dict[int, str] | None = None, quota: int | None = None
) -> bool:
    """Let S3 put the parts together; False when it had done so before. Safe to repeat.

    The parts are those that S3 lists, never those that a client names. Of a file of unknown size
    only the client knows whether parts are missing: `sent` is what it says it sent, number -> ETag.
    `quota` is how many bytes the owner may have stored: a file that fitted days ago may not fit
    now, and parts can wait for room, while an object would be deleted. Raises PartsMissing,
    QuotaExceeded, UploadNotFound when the upload was ended, and BackendUnavailable; for a file of
    unknown size also FileTooLarge and InvalidRequest.
    """
    arrived = multipart.parts(token.upload_id, token.s3_upload_id)
    if arrived is None:
        return _was_not_completed_now(token)
    size = sum(part.size for part in arrived)
    if token.size is None:
        _check_against_sent(arrived, sent or {})
        policy.check_size(size, rules(), in_parts=True)
    else:
        _check_against_token(token, arrived)
    quotas.check(token.owner, quota, size)
    if multipart.complete(token.upload_id, token.s3_upload_id, arrived, size=size):
        return True
    completed = _was_not_completed_now(token)
    # S3 keeps parts that it refused to put together, and charges for them.
    multipart.abort(token.upload_id, token.s3_upload_id)
    return completed


def _was_not_completed_now(token: tokens.UploadToken) -> bool:
    """False when the upload was completed before, perhaps by a request whose answer got lost.

    The object tells, or the record if the object was rejected or deleted meanwhile. Raises
    UploadNotFound when the upload was ended.
    """
    if not _object_exists(token) and not queries.recorded([token.upload_id]):
        raise UploadNotFound
    return False


def _check_against_token(token: tokens.UploadToken, arrived: list[multipart.Part]) -> None:
    sizes = {part.number: part.size for part in arrived}
    expected = range(1, token.part_count + 1)
    missing = [number for number in expected if sizes.get(number) != token.size_of(number)]
    if missing:
        named = ", ".join(map(str, missing[:5])) + (" …" if len(missing) > 5 else "")
        raise PartsMissing(
            f"S3 has not received {len(missing)} of {token.part_count} parts in full: {named}."
        )


def _check_against_sent(arrived: list[multipart.Part], sent: dict[int, str]) -> None:
    etags = {part.number: part.etag for part in arrived}
    if not arrived or etags != {number: etag.strip('"') for number, etag in sent.items()}:
        raise PartsMissing("S3 has not received exactly the parts that were sent.")
    if any(part.size < S3_MIN_PART_SIZE for part in arrived[:-1]):
        raise InvalidRequest(
            "A part that is not the last has less than 5 MiB.", code="part_too_small"
        )


def abort(token: tokens.UploadToken) -> None:
    """End an upload in parts; S3 drops what it has. Safe to repeat. Raises UploadCompleted.

    The object has to be looked for whatever S3 answers: for some hours after a completion AWS
    confirms an abort as well. https://github.com/minio/minio/issues/2250
    """
    multipart.abort(token.upload_id, token.s3_upload_id)
    if _object_exists(token):
        raise UploadCompleted


def _object_exists(token: tokens.UploadToken) -> bool:
    """Whether the object itself is there: S3 forgets an upload once it is complete."""
    found = s3.head(token.upload_id)
    return found is not None and token.size in {None, found.size}
