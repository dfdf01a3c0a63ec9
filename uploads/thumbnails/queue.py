"""Queue the making of thumbnails. `uploads.ingest.tasks` has the task itself."""

from __future__ import annotations

from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError
from celery import current_app
from kombu.exceptions import OperationalError

from uploads.core.errors import BackendUnavailable

TASK = "uploads.tasks.make_thumbnails"
#: Files per task: far below SQS's message size limit.
FILES_PER_TASK = 100


def enqueue(upload_ids: Sequence[str]) -> None:
    """Queue these files, in as few tasks as possible. Raises BackendUnavailable."""
    for start in range(0, len(upload_ids), FILES_PER_TASK):
        ids = list(upload_ids[start : start + FILES_PER_TASK])
        try:
            current_app.send_task(TASK, (ids,), retry=False)
        except (OperationalError, BotoCoreError, ClientError, OSError) as exc:
            raise BackendUnavailable("The task queue is temporarily unavailable.") from exc
