"""Copy one object into filehub's bucket; large ones in parts, which an interrupted copy keeps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from uploads.aws import foreign, multipart, s3
from uploads.aws.foreign import ForeignObject, NotCopyable, PartRange, Target
from uploads.core.errors import BackendUnavailable
from uploads.core.fan_out import map_concurrently
from uploads.core.limits import MIB, S3_MAX_PUT_SIZE
from uploads.core.policy import part_size_for

#: Copies, or parts of one, that S3 makes at the same time. Each takes one connection of the client.
CONCURRENCY = 16


@dataclass(frozen=True)
class Sizes:
    """In bytes: the largest object that is copied in one request, and the usual size of a part."""

    threshold: int = S3_MAX_PUT_SIZE
    part: int = 512 * MIB


SIZES = Sizes()


def copy(source: ForeignObject, target: Target) -> None:
    """Copy an object in one request. Does nothing if the copy exists.

    Raises NotCopyable and BackendUnavailable.
    """
    try:
        foreign.copy(source, target)
    except NotCopyable:
        # Both conditions, on the original and on the copy, fail with the same error.
        if s3.head(target.upload_id) is None:
            raise


def copy_in_parts(source: ForeignObject, target: Target, sizes: Sizes) -> None:
    """Copy an object in parts; those that an interrupted run has copied are used.

    After a temporary error they stay for the next run; the bucket's lifecycle rule removes what is
    never completed. Raises NotCopyable and BackendUnavailable.
    """
    upload_id = target.upload_id
    s3_upload_id = multipart.find(upload_id) or multipart.create(
        upload_id,
        owner=target.owner,
        file_name=target.file_name,
        folder=target.folder,
        content_type=target.content_type,
        checksums=True,
    )
    try:
        parts = _copy_parts(source, upload_id, s3_upload_id, sizes)
    except NotCopyable:
        multipart.abort(upload_id, s3_upload_id)
        raise
    is_complete = multipart.complete(upload_id, s3_upload_id, parts, size=source.size)
    if not is_complete and s3.head(upload_id) is None:
        raise _vanished(upload_id)


def _copy_parts(
    source: ForeignObject, upload_id: str, s3_upload_id: str, sizes: Sizes
) -> list[multipart.Part]:
    """Copy the parts that S3 does not have yet; return all."""
    size = part_size_for(source.size, sizes.part)
    expected = {
        number: PartRange(number, start, min(size, source.size - start))
        for number, start in enumerate(range(0, source.size, size), 1)
    }
    received = {part.number: part.size for part in _received(upload_id, s3_upload_id)}
    missing = [part for part in expected.values() if received.get(part.number) != part.size]
    map_concurrently(
        partial(foreign.copy_part, source, upload_id, s3_upload_id),
        missing,
        max_workers=CONCURRENCY,
    )
    return [part for part in _received(upload_id, s3_upload_id) if part.number in expected]


def _received(upload_id: str, s3_upload_id: str) -> list[multipart.Part]:
    parts = multipart.parts(upload_id, s3_upload_id)
    if parts is None:
        raise _vanished(upload_id)
    return parts


def _vanished(upload_id: str) -> BackendUnavailable:
    return BackendUnavailable(f"The parts of {upload_id} were removed. Run the command again.")
