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
