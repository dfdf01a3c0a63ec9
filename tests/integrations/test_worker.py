"""The whole way: a real worker, a receiver of webhooks as a process, and receivers of signals."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.conftest import DATABASE_FILE
from tests.integrations.receiver_app import DIRECTORY
from tests.support.files import upload
from tests.support.processes import process, worker
from tests.support.waiting import wait_for
from tests.thumbnails.helpers import created, publisher
from uploads.aws import s3
from uploads.ingest.events import ObjectEvent
from uploads.models import WebhookEndpoint

SECRET = WebhookEndpoint.new_secret()


@contextmanager
def endpoint_of_processes(url: str) -> Iterator[None]:
    """An endpoint in the database of the processes that tests start."""
    with closing(sqlite3.connect(DATABASE_FILE, isolation_level=None, timeout=30)) as database:
        database.execute(
            "insert into uploads_webhookendpoint (name, url, events, secret, is_enabled,"
            " disabled_reason, failures, created_at)"
            " values ('test', ?, 'file.stored file.deleted', ?, 1, '', 0, '2026-01-01')",
            (url, SECRET),
        )
        try:
            yield
        finally:
            database.execute("delete from uploads_webhookdelivery")
            database.execute("delete from uploads_webhookendpoint")


@contextmanager
def receiver(directory: Path) -> Iterator[str]:
    """The receiver as a process; yields its URL."""
    log = directory / "receiver.log"
    arguments = ("-m", "tests.support.webhook_receiver", SECRET, str(directory / "webhooks"))
    with process(*arguments, ready="listening on ", log=log):
        yield f"http://127.0.0.1:{log.read_text().split()[-1]}/"


def told(directory: Path) -> list[tuple[str, str]]:
    lines = (directory / "webhooks").read_text().splitlines()
    return [(body["type"], body["data"]["id"]) for body in map(json.loads, lines)]


@pytest.mark.usefixtures("own_queues")
def test_a_file_is_told_of_by_webhooks_and_signals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.integrations.receiver_settings")
    monkeypatch.setenv("FILEHUB_WEBHOOK_PRIVATE_ADDRESSES", "on")
    monkeypatch.setenv(DIRECTORY, str(tmp_path))
    app, upload_id = publisher(), upload("7")

    def apply(event: ObjectEvent) -> None:
        app.send_task("uploads.tasks.confirm_objects", ([vars(event)],))

    def signalled() -> Counter[str]:
        file = tmp_path / "signals"
        return Counter(file.read_text().splitlines() if file.exists() else [])

    with receiver(tmp_path) as url, endpoint_of_processes(url), worker(tmp_path):
        apply(created(upload_id, 1))
        wait_for(lambda: told(tmp_path))
        s3.delete(upload_id)
        apply(ObjectEvent("removed", upload_id, created(upload_id, 2).sequencer))
        wait_for(lambda: len(told(tmp_path)) >= 2)
        # Both receivers, one of them at its second attempt.
        wait_for(lambda: signalled()[f"file.stored {upload_id}"] >= 2)
    assert told(tmp_path) == [("file.stored", upload_id), ("file.deleted", upload_id)]
