"""Queue the making of thumbnails. `uploads.ingest.tasks` has the task itself."""

from __future__ import annotations

from collections.abc import Sequence

from uploads.worker.app import app
from uploads.worker.queueing import queueing_errors

TASK = "uploads.tasks.make_thumbnails"
#: Files per task: far below SQS's message size limit.
FILES_PER_TASK = 100


def enqueue(upload_ids: Sequence[str]) -> None:
    """Queue these files, in as few tasks as possible. Raises BackendUnavailable."""
    for start in range(0, len(upload_ids), FILES_PER_TASK):
        ids = list(upload_ids[start : start + FILES_PER_TASK])
        with queueing_errors():
            app.send_task(TASK, (ids,), retry=False)
