"""Add heartbeats and a bounded shutdown to Celery's worker and beat."""

from __future__ import annotations

import logging
from typing import Any

from celery import Celery, bootsteps
from celery.beat import PersistentScheduler
from celery.signals import worker_shutting_down

from uploads.worker import access, heartbeat, shutdown
from uploads.worker.broker import EMPTY_TASK
from uploads.worker.queueing_check import QueueingCheck

logger = logging.getLogger(__name__)

#: Seconds between two heartbeats of a worker whose broker is not SQS.
_INTERVAL = 15.0


def prepare(app: Celery) -> None:
    """Install the hooks for workers."""
    worker_shutting_down.connect(shutdown.limit)
    app.steps["consumer"].add(WorkerHeartbeat)


class WorkerHeartbeat(bootsteps.StartStopStep):
    """Sends heartbeats while a worker is connected to Redis or RabbitMQ.

    With SQS, `uploads.worker.transport` sends them after successful polls.
    """

    requires = ("celery.worker.consumer.connection:Connection",)
    _timer: Any = None

    def include_if(self, parent: Any) -> bool:
        return bool(parent.conninfo.transport.driver_type != "sqs")

    def start(self, parent: Any) -> None:
        self._check(parent)
        self._timer = parent.timer.call_repeatedly(_INTERVAL, self._check, (parent,))

    def stop(self, parent: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _check(self, parent: Any) -> None:
        is_connected = parent.connection is not None and parent.connection.connected
        if is_connected and access.is_sufficient():
            heartbeat.beat("worker")


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

    def apply_async(self, *args: Any, **kwargs: Any) -> Any:
        self._queueing.failed()
        result = super().apply_async(*args, **kwargs)
        self._queueing.succeeded()
        return result

    def _queue_empty_task(self) -> None:
        self.app.send_task(EMPTY_TASK, ([],), retry=False)
