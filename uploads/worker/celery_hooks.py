"""Add a bounded shutdown to Celery's worker, heartbeats to beat, and ids to log lines.

`uploads.worker.transport` sends those of the worker, after successful polls.
"""

from __future__ import annotations

import logging
from typing import Any

from celery.beat import PersistentScheduler
from celery.signals import worker_shutting_down

from uploads.worker import heartbeat, log_context, shutdown
from uploads.worker.broker import EMPTY_TASK
from uploads.worker.queueing_check import QueueingCheck

logger = logging.getLogger(__name__)


def prepare() -> None:
    """Install the hooks of processes that are filehub's alone: its site, workers and beat."""
    log_context.connect()
    log_context.take_over_logging()
    worker_shutting_down.connect(shutdown.limit)


class Scheduler(PersistentScheduler):
    """Celery's default scheduler, with a heartbeat each time it checks the schedule.

    Only if it can queue tasks: Celery logs a task that cannot be queued, and goes on.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Before Celery's own, which reads the schedule.
        self._queueing = QueueingCheck(self._queue_empty_task)
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        seconds = super().tick(*args, **kwargs)
        try:
            self._queueing.ensure()
        except Exception as exc:  # noqa: BLE001  # beat must go on, as Celery's own code does
            logger.warning("beat cannot queue tasks: %r", exc)
        else:
            heartbeat.beat("beat")
        return seconds

    def apply_async(self, entry: Any, *args: Any, **kwargs: Any) -> Any:
        self._queueing.failed()
        result = super().apply_async(entry, *args, **kwargs)
        self._queueing.succeeded()
        _log(entry.task, result)
        return result

    def _queue_empty_task(self) -> None:
        _log(EMPTY_TASK, self.app.send_task(EMPTY_TASK, ([],), retry=False))


def _log(task: str, result: Any) -> None:
    """The lines of the worker about this task have the same id."""
    logger.info("queued %s", task, extra={"task_id": getattr(result, "id", None)})
