"""Celery tasks that check files for malware."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from uploads.core.keys import parse_upload_id
from uploads.ingest import scan_results, scans
from uploads.ingest.events import ScanResult
from uploads.ingest.tasks import FailureRecordingTask, send, send_in_batches
from uploads.scanning import queue
from uploads.worker.app import app

logger = logging.getLogger(__name__)


def enqueue_results(results: Iterable[ScanResult]) -> list[str]:
    """Queue results of GuardDuty; return the ids as `send_in_batches` does."""
    return send_in_batches(apply_scan_results, [asdict(result) for result in results])


@app.task(name="uploads.tasks.apply_scan_results", base=FailureRecordingTask)
def apply_scan_results(results: list[dict[str, Any]]) -> None:
    """Apply results of GuardDuty. Safe to repeat.

    If only some fail, they become a separate task, for the reasons that `confirm_objects` gives.
    """
    errors = scan_results.apply([_result(fields) for fields in results])
    failed = [fields for fields, error in zip(results, errors, strict=True) if error is not None]
    for error in filter(None, errors):
        logger.warning("a result of GuardDuty is not applied yet: %r", error.__cause__ or error)
    if failed and len(failed) == len(results):
        raise next(error for error in errors if error is not None)
    if failed:
        send(apply_scan_results, failed)


def _result(fields: dict[str, Any]) -> ScanResult:
    """The result in a task. Raises TypeError or ValueError."""
    result = ScanResult(**fields)
    if not parse_upload_id(result.upload_id):
        raise ValueError(f"{result.upload_id!r} is not the id of an upload")
    return result


@app.task(name=queue.TASK, base=FailureRecordingTask)
def scan_objects(upload_ids: list[str]) -> None:
    """Check these files for malware, one after the other; queue those left after a while.

    Safe to repeat. If only some fail, they become a separate task, for the reasons that
    `confirm_objects` gives.
    """
    remaining = scans.scan_until_late(upload_ids)
    if remaining.failed and len(remaining.failed) == len(upload_ids):
        raise next(iter(remaining.failed.values()))
    queue.enqueue(list(remaining.failed))
    queue.enqueue(remaining.left)


@app.task(name="uploads.tasks.sweep_scans", base=FailureRecordingTask)
def sweep_scans() -> None:
    """Queue the checks for malware that were not done in time."""
    swept = scans.sweep()
    if swept.queued or swept.expired:
        logger.info(
            "%d files are checked for malware again, %d could not be checked in time",
            swept.queued,
            swept.expired,
        )
