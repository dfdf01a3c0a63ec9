"""Check files for malware: read the object, ask the scanner, apply what it says.

GuardDuty reads objects itself, and what it says arrives as an event
(`uploads.ingest.scan_results`): here it is only asked for another check.

The record decides. A verdict names the ETag of the object that was read, so a late one about an
object that has been replaced, or about a file that is gone, changes nothing. IAM:
dynamodb:GetItem, dynamodb:BatchGetItem, dynamodb:UpdateItem, dynamodb:Query on the index AllFeed;
s3:GetObject and s3:DeleteObject on `uploads/`; sqs:SendMessage and sqs:GetQueueAttributes on the
queue of low-priority tasks; guardduty:SendObjectMalwareScan if GuardDuty is used.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice

from uploads.aws import ranges, sqs, time_limit
from uploads.aws.dynamodb import table_errors
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.core.logs import context
from uploads.files import store
from uploads.files.record import KEPT_STATES, StoredFile
from uploads.ingest import settle
from uploads.scanning import clamd, guardduty, queue, verdict
from uploads.scanning.errors import ScannerUnavailable
from uploads.scanning.verdict import Verdict

logger = logging.getLogger(__name__)

#: Seconds after which a task begins no other file, and after which it gives up on one. Both are
#: below the time limit of a task (filehub/settings.py). A large file that is begun late may fail;
#: the sweep queues it in a task of its own.
BUDGET = 20.0
SECONDS = 80.0
#: A file that waits for longer than this may have lost its task.
OVERDUE = timedelta(minutes=2)
#: The same for GuardDuty, which is asked again after each of these periods. It usually needs
#: seconds, and minutes for large objects, and each check costs as much as the first.
GUARDDUTY_PERIOD = timedelta(minutes=30)
#: The sweep queues no more while this many low-priority tasks wait: they may be its own.
MAX_WAITING = 50
#: Files that one sweep queues, and whose time it ends, at most.
SWEPT = 500


@dataclass(frozen=True)
class Remaining:
    """The ids of files that failed, with the errors, and of those that were not tried."""

    failed: dict[str, Exception] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Swept:
    """How many files were queued again, and how many could not be checked in time."""

    queued: int = 0
    expired: int = 0


def scan_until_late(upload_ids: Sequence[str]) -> Remaining:
    """Check files for BUDGET seconds, at least one; return what remains to be done.

    One failure does not prevent the others. If the scanner does not respond, the files are left to
    the sweep, so that an outage of hours makes no dead letters.
    """
    started = time.monotonic()
    failed: dict[str, Exception] = {}
    for position, upload_id in enumerate(upload_ids):
        if position and time.monotonic() - started >= BUDGET:
            return Remaining(failed, list(upload_ids[position:]))
        with context.about(upload_id=upload_id):
            try:
                scan(upload_id, deadline=started + SECONDS)
            except ScannerUnavailable as exc:
                logger.warning(
                    "%s is checked for malware later: %s (%r)", upload_id, exc, exc.__cause__
                )
                return Remaining(failed)
            except BackendUnavailable as exc:
                logger.warning("the check of %s failed: %r", upload_id, exc.__cause__ or exc)
                failed[upload_id] = exc
    return Remaining(failed)


def scan(upload_id: str, *, deadline: float | None = None) -> str:
    """Check one file; return the outcome of its verdict, or "unchanged" if there was none.

    "requested": GuardDuty will report its verdict. Safe to repeat. Raises ScannerUnavailable and
    BackendUnavailable.
    """
    record = store.get(upload_id)
    started_at = datetime.now(UTC)
    if not conf().scans or record is None or not record.etag:
        return "unchanged"
    if record.state not in KEPT_STATES:
        # An earlier attempt may have failed before it deleted a rejected object.
        return apply(Verdict(upload_id, record.etag, "unknown", started_at))
    if conf().scan == "guardduty":
        guardduty.request_check(upload_id)
        return "requested"
    end = deadline or time.monotonic() + SECONDS
    scanner = clamd.version()
    try:
        with time_limit.limited(max(end - time.monotonic(), 0.0)):
            chunks = ranges.read_ranges(upload_id, record.etag, int(record.size or 0))
            answer = clamd.scan(chunks, deadline=end)
    except ranges.Replaced:
        # Its own event, or its removal's, is on the way.
        return "unchanged"
    result = Verdict(upload_id, record.etag, answer.kind, started_at, scanner[:100], answer.reason)
    return apply(result)


def apply(result: Verdict) -> str:
    """Apply a verdict to the record; return the outcome. Raises BackendUnavailable."""
    settled = settle.settle([result])[result.upload_id]
    if isinstance(settled, Exception):
        raise settled
    return settled.outcome


def sweep() -> Swept:
    """Queue the files again whose check was not done in time; end the wait of the oldest.

    While the scanner does not respond, nothing is queued, since each task would fail. Raises
    BackendUnavailable.
    """
    if not conf().scans:
        return Swept()
    now = datetime.now(UTC)
    overdue = list(islice(_overdue(now), SWEPT))
    expired = {listed.id for listed in overdue if _is_too_old(listed, now) and _expire(listed, now)}
    waiting = [listed.id for listed in overdue if listed.id not in expired and _is_due(listed, now)]
    if not waiting or not _may_queue(len(waiting)):
        return Swept(expired=len(expired))
    queue.enqueue(waiting, per_task=1)
    return Swept(len(waiting), len(expired))


def _may_queue(waiting: int) -> bool:
    """Whether the scanner responds, and the tasks of an earlier sweep are done."""
    if conf().scan == "guardduty":
        logger.warning("%d files have no result of GuardDuty yet; asking it again", waiting)
    else:
        try:
            clamd.version()
        except ScannerUnavailable as exc:
            logger.error("%d files wait for the scanner: %s (%r)", waiting, exc, exc.__cause__)
            return False
    return sqs.depth(conf().low_queue).visible < MAX_WAITING


def _overdue(now: datetime) -> Iterator[StoredFile]:
    """The files that this sweep has to do something about."""
    for listed in _waiting(now - OVERDUE):
        if _is_due(listed, now) or _is_too_old(listed, now):
            yield listed


def _is_due(listed: StoredFile, now: datetime) -> bool:
    """Whether the scanner has to be asked about a file again.

    Of GuardDuty, in one minute of each period: the sweep runs every minute, and remembers nothing.
    """
    if conf().scan != "guardduty":
        return True
    waited = now - (listed.confirmed_at or now)
    return waited >= GUARDDUTY_PERIOD and waited % GUARDDUTY_PERIOD < timedelta(minutes=1)


def _is_too_old(listed: StoredFile, now: datetime) -> bool:
    return (listed.confirmed_at or now) < now - timedelta(hours=conf().scan_hours)


def _waiting(before: datetime) -> Iterator[StoredFile]:
    """The files that wait since before this time, as the index lists them: the oldest first."""
    for shard in keys.SHARDS:
        with table_errors():
            for record in StoredFile.by_state.query(
                f"scanning#{shard}",
                attributes_to_get=["id", "etag", "confirmedAt"],
                page_size=SWEPT,
            ):
                if record.confirmed_at is None or record.confirmed_at < before:
                    yield record


def _expire(listed: StoredFile, now: datetime) -> bool:
    """Treat a file as one that cannot be checked, unless an operator asked for this check."""
    record = store.get(listed.id)
    asked_at = record.scan_requested_at if record is not None else None
    if asked_at is not None and asked_at > now - timedelta(hours=conf().scan_hours):
        return False
    logger.warning("%s could not be checked for malware in time", listed.id)
    result = Verdict(listed.id, listed.etag or "", "unknown", now, "", verdict.UNAVAILABLE)
    return apply(result) != "unchanged"
