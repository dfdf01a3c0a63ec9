"""Add a bounded shutdown to Celery's worker, and heartbeats to beat.

`uploads.worker.transport` sends those of the worker, after successful polls.
"""

from __future__ import annotations

from typing import Any

from celery.beat import PersistentScheduler
from celery.signals import worker_shutting_down

from uploads.worker import heartbeat, shutdown


def prepare() -> None:
    """Install the hooks for workers."""
    worker_shutting_down.connect(shutdown.limit)


class Scheduler(PersistentScheduler):
    """Celery's default scheduler, with a heartbeat each time it checks the schedule."""

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        heartbeat.beat("beat")
        return super().tick(*args, **kwargs)
