"""Task names, which are in queued messages and outlive modules, retries and the schedule."""

from __future__ import annotations

import subprocess
import sys

from django.conf import settings

from filehub.celery import app
from tests.support.processes import ROOT
from uploads.worker import broker

NAMES = {
    "uploads.tasks.confirm_objects",
    "uploads.tasks.confirm_hint",
    "uploads.tasks.move_folder",
    "uploads.tasks.purge_trash",
    "uploads.tasks.expire_audit",
    "uploads.tasks.expire_files",
    "uploads.tasks.reconcile_recent",
    "uploads.tasks.reconcile_multipart",
    "uploads.tasks.make_thumbnails",
    "uploads.tasks.scan_objects",
    "uploads.tasks.sweep_scans",
    "uploads.tasks.apply_scan_results",
    "uploads.tasks.publish_events",
    "uploads.tasks.sweep_events",
    "uploads.tasks.deliver_webhooks",
    "uploads.tasks.call_receiver",
}
#: The web process sends one of them, by its name (uploads/scanning/queue.py).
SCANNING = {
    "uploads.tasks.scan_objects",
    "uploads.tasks.sweep_scans",
    "uploads.tasks.apply_scan_results",
}


def test_the_tasks_have_the_names_that_queued_messages_carry() -> None:
    app.loader.import_default_modules()
    assert {name for name in app.tasks if not name.startswith("celery.")} == NAMES


def test_every_task_is_retried_after_a_pause() -> None:
    assert set(broker.RETRIED_TASKS) == NAMES


def test_beat_sends_tasks_that_exist() -> None:
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= NAMES


def test_the_web_process_knows_the_tasks_that_it_sends() -> None:
    code = "\n".join(
        [
            "import filehub.wsgi",
            "from django.urls import get_resolver",
            "get_resolver().url_patterns",
            "from filehub.celery import app",
            "print(*sorted(name for name in app.tasks if name.startswith('uploads.')))",
        ]
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == sorted(NAMES - SCANNING), done.stderr
