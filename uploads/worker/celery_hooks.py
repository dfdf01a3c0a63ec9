"""What filehub adds to Celery's worker and beat: heartbeats, and an end in time."""

from __future__ import annotations

from typing import Any

from celery import Celery, bootsteps
from celery.beat import PersistentScheduler
from celery.signals import worker_shutting_down

from uploads.worker import heartbeat, shutdown

#: Seconds between two heartbeats of a worker whose broker is not SQS.
_EVERY = 15.0


def prepare(app: Celery) -> None:
    """Add to the app what this module has for workers."""
    worker_shutting_down.connect(shutdown.limit)
    app.steps["consumer"].add(WorkerHeartbeat)


class WorkerHeartbeat(bootsteps.StartStopStep):
    """With Redis or RabbitMQ a worker lives while its connection stands.

    Polls of SQS are noted where they are made, in `uploads.worker.transport`.
    """

    requires = ("celery.worker.consumer.connection:Connection",)
    _timer: Any = None

    def include_if(self, parent: Any) -> bool:
        return bool(parent.conninfo.transport.driver_type != "sqs")

    def start(self, parent: Any) -> None:
        self._check(parent)
        self._timer = parent.timer.call_repeatedly(_EVERY, self._check, (parent,))

    def stop(self, parent: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _check(self, parent: Any) -> None:
        if parent.connection is not None and parent.connection.connected:
            heartbeat.beat("worker")


class Scheduler(PersistentScheduler):
    """Beat's own, with a heartbeat for each look at the schedule."""

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        heartbeat.beat("beat")
        return super().tick(*args, **kwargs)
