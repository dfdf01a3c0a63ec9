"""Multipart uploads after the start: sign parts, list, complete, abort."""

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

#: The maximum number of parts per call: one page of ListParts.
MAX_SIGNED_PARTS = 1_000


def sign_parts(
    token: tokens.UploadToken, parts: list[tuple[int, str | None]]
) -> list[s3.SignedRequest]:
    """Presign a PUT for each part (number, base64 SHA-256 or None). Calls no service.

    Raises InvalidRequest for no parts, too many parts or an invalid part number, and FileTooLarge
    for a part number that only a file above the size limit can have.
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
    # Every part except the last has at least S3_MIN_PART_SIZE bytes.
    least, limit = (number - 1) * S3_MIN_PART_SIZE, rules().at(token.destination).max_size
    if least > limit:
        raise FileTooLarge(
            f"A file of {number:,} parts is at least {least:,} bytes; "
            f"at most {limit:,} bytes are allowed."
        )


def uploaded_parts(token: tokens.UploadToken) -> list[multipart.Part]:
    """The parts that S3 has received. Raises UploadCompleted, or UploadNotFound if aborted."""
    parts = multipart.parts(token.upload_id, token.s3_upload_id)
    if parts is None:
        raise UploadCompleted if _object_exists(token) else UploadNotFound
    return parts


def complete(
    token: tokens.UploadToken, *, sent: dict[int, str] | None = None, quota: int | None = None
) -> bool:
    """Complete the upload; False if it had been completed before. Safe to repeat.

    The parts are those that S3 lists, not those that the client claims. If the size is unknown,
    only the client knows whether parts are missing: `sent` is the parts that it sent, as
    number -> ETag. `quota` is the owner's limit in bytes: a file that fitted days ago may no longer
    fit, and its parts can wait for room, while an object would be deleted. Raises PartsMissing,
    QuotaExceeded, UploadNotFound if the upload was aborted, and BackendUnavailable; if the size is
    unknown, also FileTooLarge and InvalidRequest.
    """
    received = multipart.parts(token.upload_id, token.s3_upload_id)
    if received is None:
        _require_completed(token)
        return False
    size = sum(part.size for part in received)
    if token.size is None:
        _check_against_sent(received, sent or {})
        policy.check_size(size, rules().at(token.destination), in_parts=True)
    else:
        _check_against_token(token, received)
    quotas.check(token.owner, quota, size)
    if multipart.complete(token.upload_id, token.s3_upload_id, received, size=size):
        return True
    _require_completed(token)
    # S3 keeps the parts of an upload that it refused to complete, and charges for them.
    multipart.abort(token.upload_id, token.s3_upload_id)
    return False


def _require_completed(token: tokens.UploadToken) -> None:
    """Raise UploadNotFound unless the upload was completed, perhaps by a request with a lost reply.

    If so, the object exists, or a record does if the object was rejected or deleted meanwhile.
    """
    if not _object_exists(token) and not queries.recorded([token.upload_id]):
        raise UploadNotFound


def _check_against_token(token: tokens.UploadToken, received: list[multipart.Part]) -> None:
    sizes = {part.number: part.size for part in received}
    expected = range(1, token.part_count + 1)
    missing = [number for number in expected if sizes.get(number) != token.size_of(number)]
    if missing:
        listed = ", ".join(map(str, missing[:5])) + (" …" if len(missing) > 5 else "")
        raise PartsMissing(
            f"S3 has not received {len(missing)} of {token.part_count} parts in full: {listed}."
        )


def _check_against_sent(received: list[multipart.Part], sent: dict[int, str]) -> None:
    etags = {part.number: part.etag for part in received}
    if not received or etags != {number: etag.strip('"') for number, etag in sent.items()}:
        raise PartsMissing("S3 has not received exactly the parts that were sent.")
    if any(part.size < S3_MIN_PART_SIZE for part in received[:-1]):
        raise InvalidRequest(
            "Every part except the last must be at least 5 MiB.", code="part_too_small"
        )


def abort(token: tokens.UploadToken) -> None:
    """Abort the upload; S3 deletes its parts. Safe to repeat. Raises UploadCompleted.

    Checks for the object even if S3 confirms the abort: AWS does so for some hours after a
    completion as well. https://github.com/minio/minio/issues/2250
    """
    multipart.abort(token.upload_id, token.s3_upload_id)
    if _object_exists(token):
        raise UploadCompleted


def _object_exists(token: tokens.UploadToken) -> bool:
    """Whether the complete object exists. S3 no longer knows the upload by then."""
    stored = s3.head(token.upload_id)
    return stored is not None and token.size in {None, stored.size}
