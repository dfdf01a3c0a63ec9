"""Add heartbeats and a bounded shutdown to Celery's worker and beat."""

from __future__ import annotations

from typing import Any

from celery import Celery, bootsteps
from celery.beat import PersistentScheduler
from celery.signals import worker_shutting_down

from uploads.worker import heartbeat, shutdown

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
        if parent.connection is not None and parent.connection.connected:
            heartbeat.beat("worker")


class Scheduler(PersistentScheduler):
    """Celery's default scheduler, with a heartbeat each time it checks the schedule."""

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        heartbeat.beat("beat")
        return super().tick(*args, **kwargs)
