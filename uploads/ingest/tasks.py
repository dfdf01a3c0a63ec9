"""Celery's side: thin tasks around confirmation and reconciliation."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from celery import Task, shared_task
from celery.exceptions import SoftTimeLimitExceeded
from kombu.exceptions import OperationalError

from uploads.core.errors import BackendUnavailable
from uploads.ingest import confirm, task_failures
from uploads.ingest.events import ObjectEvent
from uploads.ingest.reconciliation import reconcile

if TYPE_CHECKING:
    TaskBase = Task[Any, Any]
else:
    TaskBase = Task

logger = logging.getLogger(__name__)

#: Events per task: far below SQS's limit for a message, and below the task's time limit.
EVENTS_PER_TASK = 100


class ConfirmationError(Exception):
    """Some events of a task could not be applied; the task's message stays in the queue."""


class FailureRecordingTask(TaskBase):
    """A task whose last error can be read beside its dead letter.

    Not those of a worker that was killed, or that passed the hard time limit: it cannot tell.
    """

    abstract = True

    def on_failure(
        self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any
    ) -> None:
        """Called by Celery, which still fails the task: this must neither raise nor wait long."""
        try:
            task_failures.record(task_id, _describe(exc))
        except Exception as problem:  # noqa: BLE001  # above all, DynamoDB itself being away
            cause = problem.__cause__ or problem
            logger.warning("the error of task %s cannot be kept: %r", task_id, cause)


def _describe(exc: BaseException) -> str:
    """An error for people, with its cause: filehub's own sentences do not say what broke."""
    text = str(exc) if isinstance(exc, ConfirmationError | BackendUnavailable) else repr(exc)
    return f"{text} ({exc.__cause__!r})" if exc.__cause__ else text


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


@shared_task(name="uploads.tasks.confirm_objects", base=FailureRecordingTask)
def confirm_objects(events: list[dict[str, Any]]) -> None:
    """Apply each event. One that fails does not hold back the others; all are safe to repeat.

    If some fail and some do not, those that fail become a task of their own: what always fails is
    alone in the end, among the dead letters too. Each such task has fewer events than the one
    before and one that has a single event is never split, so that there is an end to it.
    """
    outcomes: Counter[str] = Counter()
    failed: list[dict[str, Any]] = []
    problem = ""
    for fields in events:
        name = f"{fields.get('kind')} of {fields.get('upload_id')}"
        try:
            outcomes[confirm.apply_event(ObjectEvent(**fields))] += 1
        except BackendUnavailable as exc:
            cause = exc.__cause__ or exc
            failed.append(fields)
            problem = problem or f"{name}: {cause!r}"
            logger.warning("%s failed: %r", name, cause)
        except SoftTimeLimitExceeded:
            raise
        except Exception as exc:
            # A fault of filehub's own; the others must not wait for its repair.
            failed.append(fields)
            problem = problem or f"{name}: {exc!r}"
            logger.exception("%s failed", name)
    logger.info("confirmed %d events: %s", len(events), dict(outcomes))
    if not failed:
        return
    error = ConfirmationError(f"{len(failed)} of {len(events)} events failed, first {problem}")
    if len(failed) == len(events):
        raise error
    # Queued before this task's message is deleted: dying in between repeats what is safe to repeat.
    try:
        _send(confirm_objects, failed)
    except BackendUnavailable as exc:
        raise error from exc
    logger.warning("%s; those that failed are tried again as a task of their own", error)


@shared_task(name="uploads.tasks.confirm_hint", base=FailureRecordingTask)
def confirm_hint(upload_id: str) -> None:
    """Somebody says that this object is there: look. If the event comes too, it wins."""
    confirm.confirm(upload_id)


@shared_task(name="uploads.tasks.reconcile_recent", base=FailureRecordingTask)
def reconcile_recent() -> None:
    """Put right what the last minutes left: objects and records whose event was lost.

    What one run does not come to, the next one does: in five minutes.
    """
    _reconcile(reconcile.recent())


@shared_task(name="uploads.tasks.reconcile_multipart", base=FailureRecordingTask)
def reconcile_multipart() -> None:
    """The same for all that an upload in parts may have taken days for."""
    if not _reconcile(reconcile.multipart()):
        # The next one is due tomorrow. Each comes further by a file at least: there is an end.
        _send(reconcile_multipart)


def _reconcile(plan: reconcile.Plan) -> bool:
    """Returns whether there is nothing left to go on with. Raises BackendUnavailable."""
    result = reconcile.run(plan)
    counts = result.counts
    if result.aborted:
        logger.error("reconciliation (%s) was stopped: %s", plan.kind, result.aborted)
    elif not result.finished:
        logger.info("reconciliation (%s) used up its time and will be gone on with", plan.kind)
    elif counts.orphaned or counts.missing or counts.rejected or counts.corrected or counts.failed:
        logger.warning(
            "reconciliation (%s) found %d objects without a record, %d records without an object, "
            "%d rejected, %d corrected, %d failed",
            plan.kind, counts.orphaned, counts.missing, counts.rejected, counts.corrected,
            counts.failed,
        )  # fmt: skip
    return result.finished
