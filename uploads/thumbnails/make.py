"""Make thumbnails: download the file, render it, store the result and note it in the record.

Safe to repeat at any point. A file may be deleted or replaced meanwhile: the record decides at the
end, and a thumbnail of a file that is gone is deleted again. IAM: dynamodb:GetItem,
dynamodb:BatchGetItem, dynamodb:UpdateItem, s3:GetObject on `uploads/`; s3:PutObject and
s3:DeleteObject on `thumbnails/`.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from celery.exceptions import SoftTimeLimitExceeded

from uploads.aws import ranges, thumbnails, time_limit
from uploads.core import keys
from uploads.core.errors import BackendUnavailable
from uploads.core.logs import context
from uploads.files import store
from uploads.files.record import NO_THUMBNAIL, StoredFile, changed, has_thumbnail
from uploads.thumbnails import eligible
from uploads.thumbnails.render import Crashed, Kind, NotRendered, render

logger = logging.getLogger(__name__)

#: Seconds after which a task begins no other thumbnail. One usually takes less than a second; each
#: of its attempts may download for SECONDS_TO_DOWNLOAD and render for 25. A task that takes longer
#: than its time limit (filehub/settings.py), because AWS is slow besides, is retried.
BUDGET = 30.0
SECONDS_TO_DOWNLOAD = 20.0
#: Attempts to make a thumbnail of an object that is being replaced.
ATTEMPTS = 3

#: `made`; `none`: it cannot be made; `skipped`: not needed; `gone`: there is no such file now, or
#: it is of another type.
Outcome = Literal["made", "none", "skipped", "gone"]


@dataclass(frozen=True)
class Remaining:
    """The ids of files whose thumbnail failed, with the errors, and of those not tried."""

    failed: dict[str, Exception]
    left: list[str]


def make_until_late(upload_ids: Sequence[str]) -> Remaining:
    """Make missing thumbnails for BUDGET seconds, at least one; return what remains to be done.

    One failure does not prevent the others.
    """
    deadline = time.monotonic() + BUDGET
    failed: dict[str, Exception] = {}
    for position, upload_id in enumerate(upload_ids):
        if position and time.monotonic() >= deadline:
            return Remaining(failed, list(upload_ids[position:]))
        outcome = attempt(upload_id)
        if isinstance(outcome, Exception):
            failed[upload_id] = outcome
    return Remaining(failed, [])


def attempt(upload_id: str, *, again: bool = False) -> Outcome | Exception:
    """The same as `make`, but log and return an error, which must not prevent other files."""
    with context.about(upload_id=upload_id):
        try:
            return make(upload_id, again=again)
        except SoftTimeLimitExceeded:
            raise
        except BackendUnavailable as exc:
            logger.warning("the thumbnail of %s failed: %r", upload_id, exc.__cause__ or exc)
            return exc
        except Exception as exc:  # a bug
            logger.exception("the thumbnail of %s failed", upload_id)
            return exc


def make(upload_id: str, *, again: bool = False) -> Outcome:
    """Make the thumbnail of a file; unless `again`, only if it is missing.

    Raises ValueError if this is not an id, and BackendUnavailable, also if the machine was short
    of time or memory. Then, and if the file crashes the libraries, a thumbnail that exists stays.
    """
    if keys.parse_upload_id(upload_id) != upload_id:
        raise ValueError(f"{upload_id!r} is not the id of an upload")
    for attempt in range(1, ATTEMPTS + 1):
        record = store.get(upload_id)
        kind = eligible.kind_of(record) if record is not None else None
        if record is None or kind is None:
            # An earlier attempt may have stored one, of this object or of the one before.
            thumbnails.delete(upload_id)
            return "gone"
        # An earlier attempt may have stored that of the object before over another worker's.
        if not (again or attempt > 1 or eligible.is_missing(record)):
            return "skipped"
        outcome = _make(record, kind, again=again)
        if outcome is not None:
            return outcome
        store.pause(attempt)
    # Not "gone": an earlier attempt may have stored a thumbnail, which has to be deleted once the
    # record says that the file is gone.
    raise BackendUnavailable(f"The object of {upload_id} was just removed or replaced.")


def _make(record: StoredFile, kind: Kind, *, again: bool) -> Outcome | None:
    """Make the thumbnail of this object; None if the file has changed meanwhile."""
    upload_id, etag = record.id, record.etag or ""
    with tempfile.TemporaryFile() as source:
        with time_limit.limited(SECONDS_TO_DOWNLOAD):
            if not ranges.download(upload_id, etag, int(record.size), source):
                return None
        source.flush()
        try:
            thumbnail = render(kind, source)
        except NotRendered as exc:
            logger.info("%s has no thumbnail: %s", upload_id, exc)
            replaces = again and not isinstance(exc, Crashed)
            if replaces:
                thumbnails.delete(upload_id)
            return "none" if _note(upload_id, etag, NO_THUMBNAIL, again=replaces) else None
    thumbnails.store(upload_id, thumbnail.webp)
    return "made" if _note(upload_id, etag, thumbnail.size, again=again) else None


def _note(upload_id: str, etag: str, thumbnail: str, *, again: bool) -> bool:
    """Note it in the record; return False if the record is no longer that of this object.

    Unless `again`, a failure leaves the thumbnail of another worker, which had more time for it.
    """
    noted = False

    def with_thumbnail(current: StoredFile | None) -> StoredFile | None:
        nonlocal noted
        noted = False
        if current is None or eligible.is_gone(current) or current.etag != etag:
            return None
        noted = True
        if thumbnail == NO_THUMBNAIL and has_thumbnail(current.thumbnail) and not again:
            return None
        return changed(current, thumbnail=thumbnail)

    store.change(upload_id, with_thumbnail)
    return noted
