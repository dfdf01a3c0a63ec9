"""What filehub adds to Celery's worker and beat: an end in time, and signs of life."""

from __future__ import annotations

import logging
import os
import signal
import threading
from typing import Any

from billiard import active_children
from celery import Celery, bootsteps
from celery.beat import PersistentScheduler
from celery.signals import worker_shutting_down

from uploads import lifecycle

logger = logging.getLogger(__name__)

#: Seconds between two signs of life of a worker whose broker is not SQS.
_EVERY = 15.0


def prepare(app: Celery) -> None:
    """Add to the app what this module has for workers."""
    worker_shutting_down.connect(_limit_shutdown)
    app.steps["consumer"].add(SignsOfLife)


def _limit_shutdown(**_: Any) -> None:
    """Celery waits for its tasks as long as they take; whoever stops a worker does not.

    Runs in the handler of the signal, in the main process.
    """
    timer = threading.Timer(lifecycle.GRACE, _leave)
    timer.daemon = True
    timer.start()


def _leave() -> None:
    """Die with all tasks that are not done. None is acknowledged, so SQS delivers them again.

    Without asking Celery: what it would do first waits for what this must not wait for.
    """
    logger.warning("not done after %.0f s: what is unfinished will be run again", lifecycle.GRACE)
    for child in active_children():
        if child.pid is not None:
            os.kill(child.pid, signal.SIGKILL)
    os._exit(1)


class SignsOfLife(bootsteps.StartStopStep):
    """With Redis or RabbitMQ a worker lives while its connection stands.

    Polls of SQS are noted where they are made, in `filehub.transport`.
    """

    requires = ("celery.worker.consumer.connection:Connection",)
    _timer: Any = None

    def include_if(self, parent: Any) -> bool:
        return bool(parent.conninfo.transport.driver_type != "sqs")

    def start(self, parent: Any) -> None:
        self._look(parent)
        self._timer = parent.timer.call_repeatedly(_EVERY, self._look, (parent,))

    def stop(self, parent: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self, parent: Any) -> None:
        if parent.connection is not None and parent.connection.connected:
            lifecycle.sign_of_life("worker")


class Scheduler(PersistentScheduler):
    """Beat's own, with a sign of life for each look at the schedule."""

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        lifecycle.sign_of_life("beat")
        return super().tick(*args, **kwargs)
