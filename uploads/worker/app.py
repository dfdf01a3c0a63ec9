"""filehub's own Celery app: `celery -A uploads.worker.app worker`, and `… beat`.

It is not the current app, and reads none of the project's Celery settings. So a project may have a
Celery app with another broker. The stand-alone project configures it with Django's settings
(filehub/celery.py).
"""

from __future__ import annotations

from typing import Any

from celery import Celery, signals

from uploads.worker import celery_hooks, log_context

app = Celery("filehub", set_as_current=False)
app.config_from_object("uploads.worker.project_configuration:current")
app.autodiscover_tasks(["uploads.ingest"])
app.autodiscover_tasks(["uploads.ingest"], related_name="scan_tasks")


@app.on_configure.connect
def _prepare(**_: object) -> None:
    log_context.connect()


@signals.celeryd_init.connect
def _prepare_worker(instance: Any = None, **_: object) -> None:
    """Only for workers of this app: a worker of the project shuts down and logs as it likes."""
    if instance is not None and instance.app is app:
        celery_hooks.prepare()
        log_context.configure()
