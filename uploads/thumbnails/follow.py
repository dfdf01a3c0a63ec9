"""What a written record means for its thumbnail: make it, or delete it.

It depends only on the record, so that a repeated event completes what an earlier attempt did not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from uploads.aws import thumbnails
from uploads.core.errors import BackendUnavailable
from uploads.files.record import StoredFile, has_thumbnail
from uploads.thumbnails import eligible, queue


@dataclass(frozen=True)
class Records:
    """A record as it was read (None: there was none), and as it is now."""

    before: StoredFile | None
    after: StoredFile


def up(records: Iterable[Records]) -> Mapping[str, Exception]:
    """Queue missing thumbnails and delete those of files that are gone.

    Returns the errors by upload id.
    """
    records = list(records)
    missing = [entry.after.id for entry in records if eligible.is_missing(entry.after)]
    errors: dict[str, Exception] = {}
    try:
        queue.enqueue(missing)
    except BackendUnavailable as exc:
        errors |= dict.fromkeys(missing, exc)
    unneeded = [entry.after.id for entry in records if _is_unneeded(entry)]
    return errors | thumbnails.delete_many(unneeded)


def _is_unneeded(records: Records) -> bool:
    """Whether there is, or may be, a thumbnail that must not stay."""
    before, after = records.before, records.after
    if eligible.is_gone(after):
        return has_thumbnail(after.thumbnail)
    # Another object has replaced it, of which there is none.
    is_lost = before is not None and has_thumbnail(before.thumbnail) and not after.thumbnail
    return is_lost and eligible.kind_of(after) is None
