"""The Celery tasks: thin wrappers around confirmation and reconciliation."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from celery import Task

from uploads.accounts.audit import retention
from uploads.core import keys
from uploads.core.errors import BackendUnavailable, InvalidRequest
from uploads.core.logs import context
from uploads.core.reasons import Reason, dump
from uploads.files import expiry, folder_actions, outbox, purge
from uploads.files.file_events import FileEvent
from uploads.files.purge import Position
from uploads.ingest import confirm, task_failures
from uploads.ingest.confirm import Applied
from uploads.ingest.events import ObjectEvent
from uploads.ingest.reconciliation import reconcile
from uploads.integrations import publish, receivers
from uploads.integrations import queue as integrations_queue
from uploads.integrations.webhooks import deliver
from uploads.thumbnails import make, queue
from uploads.worker.app import app
from uploads.worker.queueing import queueing_errors

if TYPE_CHECKING:
    TaskBase = Task[Any, Any]
else:
    TaskBase = Task

logger = logging.getLogger(__name__)

#: Events per task: far below SQS's message size limit and the task's time limit.
EVENTS_PER_TASK = 100
#: Files and folders that a task moves at most; its time limit is usually reached first.
MOVED_PER_TASK = 20_000


class ConfirmationError(Exception):
    """Some events of a task could not be applied; the task's message stays in the queue."""

    def __init__(self, reason: Reason) -> None:
        # The only argument, so that Celery can pickle the error.
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        text = "{failed} of {total} events failed, first {first}: {cause}"
        return text.format(**self.reason.parameters)


class FailureRecordingTask(TaskBase):
    """A task whose last error is recorded, to display beside its dead letter.

    Errors of workers that were killed, or that exceeded the hard time limit, are not recorded.
    """

    abstract = True

    def on_failure(
        self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any
    ) -> None:
        """Record the error. Celery calls this on failure: it must neither raise nor wait long."""
        try:
            task_failures.record(task_id, dump(_reason(exc)))
        except Exception as problem:  # noqa: BLE001  # mostly an outage of DynamoDB itself
            cause = problem.__cause__ or problem
            logger.warning("the error of task %s could not be recorded: %r", task_id, cause)


def _reason(exc: BaseException) -> Reason:
    """An error as a reason. Its cause is technical and not translated."""
    if isinstance(exc, ConfirmationError):
        return exc.reason
    if isinstance(exc, BackendUnavailable):
        return Reason("unavailable", {"cause": repr(exc.__cause__ or exc)})
    cause = f"{exc!r} ({exc.__cause__!r})" if exc.__cause__ else repr(exc)
    return Reason("task_failed", {"cause": cause})


def enqueue(events: Iterable[ObjectEvent]) -> list[str]:
    """Queue events for confirmation; return the ids as `send_in_batches` does."""
    return send_in_batches(confirm_objects, [asdict(event) for event in events])


def send_in_batches(task: Any, pending: Sequence[dict[str, Any]]) -> list[str]:
    """Queue what a task takes a list of, in as few tasks as possible.

    Returns the id of the task of each item, in order. Raises BackendUnavailable.
    """
    task_ids: list[str] = []
    for start in range(0, len(pending), EVENTS_PER_TASK):
        batch = pending[start : start + EVENTS_PER_TASK]
        task_ids += [send(task, batch)] * len(batch)
    return task_ids


def enqueue_nothing() -> None:
    """Queue a task without events, to prove that tasks can be queued. Raises BackendUnavailable."""
    send(confirm_objects, [])


def enqueue_hint(upload_id: str) -> None:
    """Queue the confirmation of one object. Raises BackendUnavailable."""
    task_id = send(confirm_hint, upload_id)
    ids = {"upload_id": upload_id, "task_id": task_id}
    logger.info("queued a check of %s", upload_id, extra=ids)


def enqueue_folder_move(owner: str, folder: str, to: str, by: str) -> None:
    """Queue the rest of a move that has begun. Raises BackendUnavailable."""
    task_id = send(move_folder, owner, folder, to, by)
    logger.info("queued the rest of a move", extra={"task_id": task_id})


def send(task: Any, *arguments: Any) -> str:
    """Queue a task and return its id. Raises BackendUnavailable."""
    with queueing_errors():
        return str(task.apply_async(arguments, retry=False).id)


@app.task(name="uploads.tasks.confirm_objects", base=FailureRecordingTask)
def confirm_objects(events: list[dict[str, Any]]) -> None:
    """Apply each event. A failing event does not block the others; all are safe to repeat.

    If only some events fail, they become a separate task, so that an event that always fails ends
    up alone, also in the dead-letter queue. This terminates: each such task has fewer events than
    the one before, and a task with a single event is not split. A task without events only proves
    that tasks can be queued (`enqueue_nothing`).
    """
    if not events:
        return
    results = _apply(events)
    outcomes = Counter(result.outcome for result in results if result.error is None)
    logger.info("confirmed %d events: %s", len(events), dict(outcomes))
    problems = [
        (fields, result.error)
        for fields, result in zip(events, results, strict=True)
        if result.error is not None
    ]
    if not problems:
        return
    for fields, error in problems:
        _log(fields, error)
    failed = [fields for fields, _ in problems]
    first, cause = problems[0]
    failure = ConfirmationError(
        Reason(
            "events_failed",
            {
                "failed": len(failed),
                "total": len(events),
                "first": _name(first),
                "cause": repr(_cause(cause)),
            },
        )
    )
    if len(failed) == len(events):
        raise failure
    # Queued before this task's message is deleted: a crash in between only repeats events.
    try:
        send(confirm_objects, failed)
    except BackendUnavailable as exc:
        raise failure from exc
    logger.warning("%s; retrying those that failed in a separate task", failure)


def _apply(events: list[dict[str, Any]]) -> list[Applied]:
    """Apply the events together; return the results in the same order.

    An invalid event fails alone. So does one that makes filehub crash.
    """
    results: dict[int, Applied] = {}
    valid: dict[int, ObjectEvent] = {}
    for position, fields in enumerate(events):
        try:
            valid[position] = _event(fields)
        except (TypeError, ValueError) as exc:
            results[position] = Applied(error=exc)
    results |= zip(valid, confirm.apply_events(list(valid.values())), strict=True)
    return [results[position] for position in range(len(events))]


def _event(fields: dict[str, Any]) -> ObjectEvent:
    """The event in a task. Raises TypeError or ValueError, before it can affect other events."""
    event = ObjectEvent(**fields)
    if not isinstance(event.upload_id, str) or not keys.parse_upload_id(event.upload_id):
        raise ValueError(f"{event.upload_id!r} is not the id of an upload")
    return event


def _log(fields: dict[str, Any], error: Exception) -> None:
    """Log why an event failed: a bug with its traceback."""
    ids = {"upload_id": fields.get("upload_id")}
    if isinstance(error, BackendUnavailable):
        logger.warning("%s failed: %r", _name(fields), _cause(error), extra=ids)
    else:
        logger.error("%s failed", _name(fields), exc_info=error, extra=ids)


def _cause(error: Exception) -> BaseException:
    return (error.__cause__ or error) if isinstance(error, BackendUnavailable) else error


def _name(fields: dict[str, Any]) -> str:
    return f"{fields.get('kind')} of {fields.get('upload_id')}"


@app.task(name="uploads.tasks.confirm_hint", base=FailureRecordingTask)
def confirm_hint(upload_id: str) -> None:
    """Check an object that a client reports as uploaded. A later event takes precedence."""
    context.add(upload_id=upload_id)
    confirm.confirm(upload_id)


@app.task(name=queue.TASK, base=FailureRecordingTask)
def make_thumbnails(upload_ids: list[str]) -> None:
    """Make the thumbnails of these files, one after the other; queue those left after a while.

    Safe to repeat: files that have a thumbnail are skipped. If only some fail, they become a
    separate task, for the reasons that `confirm_objects` gives.
    """
    remaining = make.make_until_late(upload_ids)
    if remaining.failed and len(remaining.failed) == len(upload_ids):
        raise next(iter(remaining.failed.values()))
    queue.enqueue(list(remaining.failed))
    queue.enqueue(remaining.left)


@app.task(name="uploads.tasks.reconcile_recent", base=FailureRecordingTask)
def reconcile_recent() -> None:
    """Fix recent objects and records whose events were lost.

    A run that exceeds its time budget is resumed by the next one, five minutes later.
    """
    _reconcile(reconcile.recent())


@app.task(name="uploads.tasks.reconcile_multipart", base=FailureRecordingTask)
def reconcile_multipart() -> None:
    """The same for multipart uploads, which may have taken days."""
    if not _reconcile(reconcile.multipart()):
        # The next run is due tomorrow. Each run makes some progress, so this terminates.
        send(reconcile_multipart)


@app.task(name="uploads.tasks.purge_trash", base=FailureRecordingTask)
def purge_trash(shard: str = "", last_id: str = "") -> None:
    """Delete the files whose time in the trash has expired, after this position if there is one."""
    purged = purge.purge(Position(shard, last_id) if shard else None)
    if purged.files:
        logger.info("purging %d files from the trash", purged.files)
    if purged.next is not None:
        # Some progress was made, so this terminates.
        send(purge_trash, purged.next.shard, purged.next.last_id)


@app.task(name="uploads.tasks.expire_audit", base=FailureRecordingTask)
def expire_audit() -> None:
    """Delete the entries of the audit log whose time is over."""
    expired = retention.expire()
    if expired.entries:
        logger.info("deleted %d entries of the audit log", expired.entries)
    if expired.more:
        # Some progress was made, so this terminates.
        send(expire_audit)


@app.task(name="uploads.tasks.expire_files", base=FailureRecordingTask)
def expire_files() -> None:
    """Move the files to the trash whose destination does not keep them any longer."""
    expired = expiry.expire()
    if expired.files:
        logger.info("%d files have expired", expired.files)
        if expired.more:
            # Some progress was made, so this terminates.
            send(expire_files)


@app.task(name="uploads.tasks.move_folder", base=FailureRecordingTask)
def move_folder(owner: str, folder: str, to: str, by: str) -> None:
    """Move what is left in a folder, in as many tasks as it takes. Safe to repeat."""
    budget = folder_actions.Budget(
        MOVED_PER_TASK, time.monotonic() + reconcile.BUDGET.total_seconds()
    )
    try:
        if not folder_actions.continue_move(owner, folder, to, by, budget):
            send(move_folder, owner, folder, to, by)
    except InvalidRequest as exc:
        logger.warning("a folder was moved in part: %s", exc.message)


@app.task(name=outbox.TASK, base=FailureRecordingTask)
def publish_events(item_ids: list[str]) -> None:
    """Publish what these items of the outbox tell. Safe to repeat."""
    publish.publish(item_ids)


@app.task(name="uploads.tasks.sweep_events", base=FailureRecordingTask)
def sweep_events() -> None:
    """Publish and deliver what was not done in time."""
    swept = publish.sweep()
    if swept.items:
        logger.warning("%d items were left in the outbox and are published now", swept.items)
    if swept.expired:
        logger.warning("%d webhooks could not be delivered in three days", swept.expired)


@app.task(name=integrations_queue.DELIVER, base=FailureRecordingTask)
def deliver_webhooks(endpoint_id: int) -> None:
    """Send what is due to an endpoint, in as many tasks as it takes. Safe to repeat."""
    if deliver.deliver(endpoint_id):
        integrations_queue.deliver([endpoint_id])


@app.task(name=integrations_queue.CALL_RECEIVER, base=FailureRecordingTask)
def call_receiver(name: str, events: list[dict[str, Any]]) -> None:
    """Call a receiver of signals for each event.

    If only some calls fail, they become a separate task, for the reasons that `confirm_objects`
    gives.
    """
    remaining = receivers.call(name, [FileEvent.model_validate(event) for event in events])
    if remaining.error is not None and len(remaining.failed) == len(events):
        raise remaining.error
    integrations_queue.call_receiver(name, remaining.failed)
    integrations_queue.call_receiver(name, remaining.left)


def _reconcile(plan: reconcile.Plan) -> bool:
    """Run or resume a reconciliation; return whether it finished. Raises BackendUnavailable."""
    result = reconcile.run(plan)
    counts = result.counts
    if result.aborted:
        logger.error("reconciliation (%s) was stopped: %s", plan.kind, result.aborted)
    elif not result.finished:
        logger.info("reconciliation (%s): time budget exhausted; the next run resumes", plan.kind)
    elif counts.orphaned or counts.missing or counts.rejected or counts.corrected or counts.failed:
        logger.warning(
            "reconciliation (%s) found %d objects without a record, %d records without an object, "
            "%d rejected, %d corrected, %d failed",
            plan.kind, counts.orphaned, counts.missing, counts.rejected, counts.corrected,
            counts.failed,
        )  # fmt: skip
    return result.finished
