"""The Celery app of the stand-alone project: `celery -A filehub worker`, and `… beat`."""

import os

# Before the app is made: Celery sets Django up only if it knows the settings by then.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "filehub.settings")

from uploads.worker import celery_hooks
from uploads.worker.app import app

__all__ = ["app"]

app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()


@app.on_configure.connect
def _prepare(**_: object) -> None:
    celery_hooks.prepare()
