"""Queue the tasks of this package. `uploads.ingest.tasks` has the tasks themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from uploads.files.file_events import FileEvent
from uploads.worker.app import app
from uploads.worker.queueing import queueing_errors

DELIVER = "uploads.tasks.deliver_webhooks"
CALL_RECEIVER = "uploads.tasks.call_receiver"
#: Events per task: far below SQS's message size limit, with the longest names.
EVENTS_PER_TASK = 25


def deliver(endpoint_ids: Iterable[int]) -> None:
    """Queue the delivery of what is due to these endpoints. Raises BackendUnavailable."""
    for endpoint_id in endpoint_ids:
        _send(DELIVER, endpoint_id)


def call_receiver(name: str, events: Sequence[FileEvent]) -> None:
    """Queue calls of a receiver, in as few tasks as possible. Raises BackendUnavailable."""
    for start in range(0, len(events), EVENTS_PER_TASK):
        batch = events[start : start + EVENTS_PER_TASK]
        _send(CALL_RECEIVER, name, [event.model_dump(mode="json") for event in batch])


def _send(task: str, *arguments: Any) -> None:
    with queueing_errors():
        app.send_task(task, arguments, retry=False)
