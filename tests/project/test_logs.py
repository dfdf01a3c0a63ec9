"""One id finds one upload in the lines of all processes, which are JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.http import send
from tests.support.installation import Installation
from tests.support.processes import ROOT
from tests.support.waiting import wait_for

Line = dict[str, Any]
EVENTS = ("created", "removed")


def read(running: Installation, since: int = 0) -> list[Line]:
    """The lines of the installation's processes, without those of honcho."""
    text = (running.directory / "local" / "filehub.log").read_bytes()[since:].decode()
    # The last line may still be written.
    lines = [json.loads(line) for line in text.rpartition("\n")[0].splitlines()]
    return [line for line in lines if line["process"] != "system"]


def size(running: Installation) -> int:
    return (running.directory / "local" / "filehub.log").stat().st_size


def stored(running: Installation, name: str) -> Iterator[str]:
    """Upload a file. Yields its id before it is sent, and again when it is stored."""
    signed = running.api("/uploads", "POST", {"file_name": name, "size": 4})
    yield signed["id"]
    assert send("PUT", signed["url"], b"logs", signed["headers"]).status == 200
    wait_for(lambda: running.api(f"/uploads/{signed['id']}")["state"] == "stored")
    yield signed["id"]


def about(running: Installation, upload_id: str, since: int = 0) -> list[Line]:
    return [line for line in read(running, since) if line.get("upload_id") == upload_id]


def test_one_id_finds_an_upload_in_all_processes(installation: Installation) -> None:
    since = size(installation)
    steps = stored(installation, "followed.txt")
    upload_id = next(steps)
    installation.api(f"/uploads/{upload_id}/complete", "POST", {})
    next(steps)
    installation.api(f"/files/{upload_id}", "DELETE")
    wait_for(lambda: installation.api(f"/uploads/{upload_id}")["state"] == "deleted")

    def found() -> dict[str, Line]:
        """Process and message, without the id -> the line."""
        lines = about(installation, upload_id, since)
        return {f"{x['process']}: {x['message'].replace(upload_id, 'ID')}": x for x in lines}

    def of_worker(trigger: str) -> list[Line]:
        return [x for text, x in found().items() if text.startswith(f"worker: ID {trigger}: ")]

    # The hint, the event of the creation and that of the removal. The lines of different processes
    # arrive in any order.
    wait_for(lambda: of_worker("hint") and of_worker("created") and of_worker("removed"))
    others = {"web: DELETE /files/ID 200", *(f"consumer: queued: ID {k}" for k in EVENTS)}
    wait_for(lambda: others <= found().keys())
    lines = found()
    signed, hint = lines["web: POST /uploads 201"], lines["web: queued a check of ID"]
    deleted = lines["web: deleted the object of ID"]
    # From a request to its line in the access log, and to the task that it queued.
    completed = lines["web: POST /uploads/ID/complete 202"]
    assert hint["request_id"] == completed["request_id"]
    [confirmed] = of_worker("hint")
    assert confirmed["task_id"] == hint["task_id"]
    assert confirmed["request_id"] == hint["request_id"]
    assert deleted["request_id"] == lines["web: DELETE /files/ID 200"]["request_id"]
    assert len({line["request_id"] for line in (signed, hint, deleted)}) == 3
    assert signed["user_id"] == hint["user_id"] == deleted["user_id"]
    # From a message of S3 to the task of its event.
    for kind in EVENTS:
        queued, [applied] = lines[f"consumer: queued: ID {kind}"], of_worker(kind)
        assert queued["message_id"]
        assert applied["task_id"] == queued["task_id"]
    # Celery's own lines have the ids of their task.
    [ended] = [
        line
        for line in read(installation, since)
        if line["logger"] == "celery.app.trace" and line["task_id"] == hint["task_id"]
    ]
    assert (ended["request_id"], ended["upload_id"]) == (hint["request_id"], upload_id)
    # The name of a file is personal.
    assert "followed.txt" not in json.dumps(read(installation, since))


def tasks_of(running: Installation, process: str, text: str) -> set[str]:
    lines = [line for line in read(running) if line["process"] == process]
    return {line["task_id"] for line in lines if text in line["message"] and "task_id" in line}


def test_a_task_of_beat_is_found_in_the_worker(installation: Installation) -> None:
    queued = wait_for(lambda: tasks_of(installation, "beat", "queued uploads.tasks."))
    wait_for(lambda: queued <= tasks_of(installation, "worker", "succeeded"))


def test_every_line_of_every_process_is_json(installation: Installation) -> None:
    steps = stored(installation, "json.txt")
    next(steps)
    next(steps)
    lines = read(installation)
    assert {line["process"] for line in lines} == {"web", "consumer", "worker", "beat"}
    # What is not JSON has no logger (local/console.py).
    assert [line for line in lines if "logger" not in line] == []
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    assert {
        "uploads.web.request_id",
        "_granian",
        "celery.apps.worker",
        "uploads.ingest.consumer",
    } <= {line["logger"] for line in lines}


def test_the_access_log_has_the_ids_but_no_query_and_no_probes(installation: Installation) -> None:
    since = size(installation)
    url = f"http://localhost:{installation.port}"
    denied = send("GET", f"{url}/files?X-Amz-Signature=abc&token=def")
    send("GET", f"{url}/healthz")
    installation.api("/files?q=a-secret-term")

    def accesses() -> list[Line]:
        return [
            line for line in read(installation, since) if line["logger"] == "uploads.web.request_id"
        ]

    wait_for(lambda: {line["status"] for line in accesses()} >= {200, 401})
    [refused] = [line for line in accesses() if line["status"] == 401]
    assert refused["message"] == "GET /files 401"
    assert refused["request_id"] == denied.headers["X-Request-ID"]
    assert refused["request_id"] == json.loads(denied.body)["request_id"]
    assert "user_id" not in refused
    assert "/healthz" not in {line["path"] for line in accesses()}
    written = json.dumps(read(installation, since))
    assert not any(text in written for text in ("abc", "def", "a-secret-term"))


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of the project; its stderr is no terminal."""
    return subprocess.run(
        [sys.executable, "-c", f"import django; django.setup(); {script}"],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.exhaustive
def test_an_exception_that_nobody_catches_is_one_line() -> None:
    script = (
        "import threading, warnings; warnings.warn('two\\nlines');"
        "t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join();"
        "raise ValueError('a password=hunter2\\nforged')"
    )
    done = run(script)
    assert done.returncode == 1
    warning, in_thread, last = map(json.loads, done.stderr.splitlines())
    assert "UserWarning: two" in warning["message"]
    assert in_thread["exception"].endswith("ZeroDivisionError: division by zero")
    assert last["level"] == "critical"
    assert last["exception"].endswith("ValueError: a password=[hidden]\nforged")


def test_no_secret_of_the_settings_is_logged() -> None:
    secrets = {
        "DJANGO_SECRET_KEY": "a-key-of-the-tests-0123456789-abcdef",
        "DATABASE_URL": "postgres://user:a-password-of%2Fthe-tests@127.0.0.1:1/x",
        "AWS_SECRET_ACCESS_KEY": "an-aws-key-of-the-tests",
        "FILEHUB_METRICS_TOKEN": "a-metrics-token-of-the-tests",
        "FILEHUB_SIGN_RATE_STORAGE": "redis://:a-redis-key-of-the-tests@127.0.0.1:1/0",
        "FILEHUB_OIDC_CLIENT_SECRET": "a-client-key-of-the-tests",
        "EMAIL_URL": "smtp://user:a-mail-password-of%2Fthe-tests@127.0.0.1:1",
    }
    script = (
        "import logging, os; from urllib.parse import unquote;"
        f"[logging.error('%s', unquote(os.environ[n]).split('@')[0].split(':')[-1]) "
        f"for n in {list(secrets)}]"
    )
    done = run(script, **secrets, EMAIL_FROM="a@example.com")
    messages = [json.loads(line)["message"] for line in done.stderr.splitlines()]
    assert messages == ["[hidden]"] * len(secrets)


@pytest.mark.exhaustive
def test_an_unknown_format_is_one_sentence() -> None:
    done = run("", FILEHUB_LOG_FORMAT="xml")
    assert done.returncode == 1
    assert done.stderr.startswith("filehub cannot start: FILEHUB_LOG_FORMAT is wrong: ")
    assert "'xml'" in done.stderr


MARK_AS_MISSING = """
import datetime, time
from uploads.aws.dynamodb import TableModel
from uploads.core import keys
from uploads.files.record import StoredFile
from uploads.ingest import tasks

# A record of a file that was confirmed ten minutes ago, whose object is missing.
moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=10)
record = StoredFile.get({upload_id!r})
missing = keys._make(int(moment.timestamp() * 1000), record.owner, "x" * 40)
values = record.serialize() | {{"id": {{"S": missing}}}}
del values[StoredFile.version.attr_name]
copy = StoredFile()
copy.deserialize(values)
copy.confirmed_at = moment
TableModel.save(copy)
tasks.reconcile_recent.delay()
print(missing)
"""


@pytest.mark.exhaustive
def test_what_a_reconciliation_corrects_can_be_found(tmp_path: Path) -> None:
    running = Installation(tmp_path)
    running.start()
    try:
        steps = stored(running, "kept.txt")
        next(steps)
        script = MARK_AS_MISSING.format(upload_id=next(steps))
        missing = running.manage("shell", "--no-imports", "-c", script).splitlines()[-1]
        [line] = wait_for(lambda: about(running, missing))
        assert line["process"] == "worker"
        assert line["message"] == f"{missing} check: missing"
        assert {line["task_id"]} <= tasks_of(running, "worker", "succeeded")
    finally:
        running.stop()
