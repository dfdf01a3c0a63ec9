"""The Celery app: `celery -A filehub worker` and `celery -A filehub beat`."""

import os

from celery import Celery

from uploads.worker import celery_hooks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "filehub.settings")

app = Celery("filehub")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["uploads.ingest"])


@app.on_configure.connect
def _prepare(**_: object) -> None:
    celery_hooks.prepare()
