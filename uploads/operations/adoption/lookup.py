"""Which objects have been adopted before, by their records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from django.conf import settings

from uploads.aws.foreign import ForeignObject
from uploads.core.reasons import NO_REASON, Reason
from uploads.files import queries
from uploads.files.queries import UploadStatus
from uploads.operations.adoption.identity import upload_ids


@dataclass(frozen=True)
class Known:
    """What the table says about an object.

    "new": nothing, but a copy may be in the bucket. "rejected": an earlier copy was, and another
    one may not be. "adopted": there is a record, whatever has become of the file since.
    """

    source: ForeignObject
    #: Those that its copy may have; the first is the one for a new copy.
    upload_ids: Sequence[str]
    state: Literal["new", "rejected", "adopted"]
    reason: Reason = NO_REASON


def look_up(sources: Sequence[ForeignObject], owner: str) -> list[Known]:
    """Read the records of these objects, as files of this owner. Raises BackendUnavailable."""
    secrets = [str(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    ids = [upload_ids(source, owner, secrets) for source in sources]
    statuses = _statuses([upload_id for group in ids for upload_id in group], owner)
    return [
        _known(source, group, [statuses.get(upload_id) for upload_id in group])
        for source, group in zip(sources, ids, strict=True)
    ]


def _statuses(ids: Sequence[str], owner: str) -> dict[str, UploadStatus]:
    return {
        status.id: status
        for start in range(0, len(ids), queries.MAX_IDS)
        for status in queries.upload_statuses(list(ids[start : start + queries.MAX_IDS]), owner)
    }


def _known(
    source: ForeignObject, ids: Sequence[str], statuses: Sequence[UploadStatus | None]
) -> Known:
    # A file that has been given to another user has no status for this one.
    states = ["adopted" if status is None else status.state for status in statuses]
    if set(states) - {"pending", "rejected"}:
        return Known(source, ids, "adopted")
    reasons = [status.reason for status in statuses if status and status.state == "rejected"]
    return Known(source, ids, "rejected", reasons[0]) if reasons else Known(source, ids, "new")
