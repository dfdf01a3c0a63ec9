"""Queue checks for malware. `uploads.ingest.scan_tasks` has the task itself."""

from __future__ import annotations

from collections.abc import Sequence

from uploads.worker.app import app
from uploads.worker.queueing import queueing_errors

TASK = "uploads.tasks.scan_objects"
#: Files per task. Fewer than of thumbnails: the files of a task whose worker dies wait for it.
FILES_PER_TASK = 20


def enqueue(upload_ids: Sequence[str], *, per_task: int = FILES_PER_TASK) -> None:
    """Queue these files, in as few tasks as possible. Raises BackendUnavailable."""
    for start in range(0, len(upload_ids), per_task):
        ids = list(upload_ids[start : start + per_task])
        with queueing_errors():
            app.send_task(TASK, (ids,), retry=False)
