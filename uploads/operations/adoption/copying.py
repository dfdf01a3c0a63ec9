"""Copy one object into filehub's bucket; large ones in parts, which an interrupted copy keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from uploads.aws import foreign, multipart, s3
from uploads.aws.foreign import ForeignObject, NotCopyable, PartRange, Target
from uploads.core.errors import BackendUnavailable
from uploads.core.fan_out import map_concurrently
from uploads.core.limits import MIB, S3_MAX_PUT_SIZE
from uploads.core.policy import part_size_for

#: Called with a number of bytes that were copied.
Progress = Callable[[int], None]

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


def copy_in_parts(
    source: ForeignObject, target: Target, sizes: Sizes, progress: Progress = lambda _: None
) -> None:
    """Copy an object in parts; those that an interrupted run has copied are used.

    `progress` is called by several threads, with the size of each part after it was copied.
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
        parts = _Parts(source, upload_id, s3_upload_id, sizes.part, progress).copy()
    except NotCopyable:
        multipart.abort(upload_id, s3_upload_id)
        raise
    is_complete = multipart.complete(upload_id, s3_upload_id, parts, size=source.size)
    if not is_complete and s3.head(upload_id) is None:
        raise _vanished(upload_id)


@dataclass(frozen=True)
class _Parts:
    """The parts of a copy."""

    source: ForeignObject
    upload_id: str
    s3_upload_id: str
    usual_size: int
    progress: Progress

    def copy(self) -> list[multipart.Part]:
        """Copy the parts that S3 does not have yet; return all."""
        expected = self._expected()
        received = {part.number: part.size for part in self._received()}
        missing = [part for part in expected.values() if received.get(part.number) != part.size]
        map_concurrently(self._copy_one, missing, max_workers=CONCURRENCY)
        return [part for part in self._received() if part.number in expected]

    def _expected(self) -> dict[int, PartRange]:
        total, size = self.source.size, part_size_for(self.source.size, self.usual_size)
        return {
            number: PartRange(number, start, min(size, total - start))
            for number, start in enumerate(range(0, total, size), 1)
        }

    def _received(self) -> list[multipart.Part]:
        parts = multipart.parts(self.upload_id, self.s3_upload_id)
        if parts is None:
            raise _vanished(self.upload_id)
        return parts

    def _copy_one(self, part: PartRange) -> None:
        foreign.copy_part(self.source, self.upload_id, self.s3_upload_id, part)
        self.progress(part.size)


def _vanished(upload_id: str) -> BackendUnavailable:
    return BackendUnavailable(f"The parts of {upload_id} were removed. Run the command again.")
