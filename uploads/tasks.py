"""Celery's side: thin tasks around confirmation and reconciliation."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from kombu.exceptions import OperationalError

from uploads import confirmation, reconcile
from uploads.events import ObjectEvent
from uploads.exceptions import BackendUnavailable

logger = logging.getLogger(__name__)

#: Events per task: far below SQS's limit for a message, and below the task's time limit.
EVENTS_PER_TASK = 100


class ConfirmationError(Exception):
    """Some events of a task could not be applied; the task's message stays in the queue."""


def enqueue(events: Iterable[ObjectEvent]) -> None:
    """Queue events for confirmation, in as few tasks as possible. Raises BackendUnavailable."""
    pending = [asdict(event) for event in events]
    for start in range(0, len(pending), EVENTS_PER_TASK):
        _send(confirm_objects, pending[start : start + EVENTS_PER_TASK])


def enqueue_hint(upload_id: str) -> None:
    """Queue a look at one object. Raises BackendUnavailable."""
    _send(confirm_hint, upload_id)


def _send(task: Any, *arguments: Any) -> None:
    try:
        task.apply_async(arguments, retry=False)
    except (OperationalError, BotoCoreError, ClientError, OSError) as exc:
        raise BackendUnavailable("The task queue cannot be reached just now.") from exc


@shared_task(name="uploads.tasks.confirm_objects")
def confirm_objects(events: list[dict[str, Any]]) -> None:
    """Apply each event. One that fails does not hold back the others; all are safe to repeat."""
    outcomes: Counter[str] = Counter()
    failures: list[str] = []
    for fields in events:
        event = ObjectEvent(**fields)
        try:
            outcomes[confirmation.apply_event(event)] += 1
        except BackendUnavailable as exc:
            failures.append(event.upload_id)
            logger.warning("%s of %s failed: %r", event.kind, event.upload_id, exc.__cause__ or exc)
        except SoftTimeLimitExceeded:
            raise
        except Exception:  # a fault of filehub's own; the others must not wait for its repair
            failures.append(event.upload_id)
            logger.exception("%s of %s failed", event.kind, event.upload_id)
    logger.info("confirmed %d events: %s", len(events), dict(outcomes))
    if failures:
        raise ConfirmationError(f"{len(failures)} of {len(events)} events failed")


@shared_task(name="uploads.tasks.confirm_hint")
def confirm_hint(upload_id: str) -> None:
    """Somebody says that this object is there: look. If the event comes too, it wins."""
    confirmation.confirm(upload_id)


@shared_task(name="uploads.tasks.reconcile_recent")
def reconcile_recent() -> None:
    """Put right what the last minutes left: objects and records whose event was lost.

    What one run does not come to, the next one does: in five minutes.
    """
    _reconcile(reconcile.recent())


@shared_task(name="uploads.tasks.reconcile_multipart")
def reconcile_multipart() -> None:
    """The same for all that an upload in parts may have taken days for."""
    if not _reconcile(reconcile.multipart()):
        # The next one is due tomorrow. Each comes further by a file at least: there is an end.
        _send(reconcile_multipart)


def _reconcile(plan: reconcile.Plan) -> bool:
    """Returns whether the run came to its end. Raises BackendUnavailable."""
    result = reconcile.run(plan)
    counts = result.counts
    if not result.finished:
        logger.info("reconciliation (%s) used up its time and will be gone on with", plan.kind)
    elif counts.orphans or counts.ghosts or counts.rejected or counts.corrected or counts.failed:
        logger.warning(
            "reconciliation (%s) found %d objects without a record, %d records without an object, "
            "%d rejected, %d corrected, %d failed",
            plan.kind, counts.orphans, counts.ghosts, counts.rejected, counts.corrected,
            counts.failed,
        )  # fmt: skip
    return result.finished
