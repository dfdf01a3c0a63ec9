"""Each process, as the Procfile starts it, works with its own policy and nothing else."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from honcho.environ import parse_procfile
from pytest_django import Settings

from local.aws import apply_unsupported_settings, free_port
from tests.ingest.reconciliation import inventories
from tests.ingest.reconciliation.helpers import create_object, objects, recorded
from tests.project.policies.site import SiteOverHttp
from tests.project.policies.web_steps import THRESHOLD, WebSteps
from tests.support.dead_letters import s3_record, send_dead_letter
from tests.support.http import send
from tests.support.local_aws import deploy_installation
from tests.support.policies import UserKey, create_user, policies, policy_of, signed_by
from tests.support.processes import ROOT, stop
from tests.support.waiting import wait_for
from uploads.aws import s3
from uploads.core.conf import conf

IGNORED = json.dumps({"Records": [s3_record()]})
COMMANDS = parse_procfile((ROOT / "Procfile").read_text()).processes


class Processes:
    """The four processes, each with the credentials of a user with its policy."""

    def __init__(self, stack: str, directory: Path, url: str) -> None:
        self.directory = directory
        self.documents = policies(stack)
        self.url = url
        self._children: list[subprocess.Popen[bytes]] = []

    def key(self, policy: str) -> UserKey:
        return create_user(self.documents[policy])

    def log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text()

    def start(self, name: str) -> None:
        environment = {
            **os.environ,
            **self.key(name.capitalize()).environment,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOST": "127.0.0.1",
            "PORT": str(urlsplit(self.url).port),
            "LOCAL_DIR": str(self.directory),
            "WORKER_CONCURRENCY": "1",
        }
        with (self.directory / f"{name}.log").open("wb") as output:
            child = subprocess.Popen(
                COMMANDS[name], shell=True, cwd=ROOT, env=environment, stdout=output, stderr=output
            )
        self._children.append(child)

    def stop(self) -> None:
        for child in self._children:
            stop(child)  # type: ignore[arg-type]

    def is_healthy(self, name: str) -> bool:
        if name != "web":
            return (self.directory / "health" / name).exists()
        try:
            return send("GET", f"{self.url}/readyz").status == 200
        except OSError:
            return False


@pytest.fixture
def site(root: User) -> SiteOverHttp:
    return SiteOverHttp(f"http://127.0.0.1:{free_port()}", root)


@pytest.fixture
def environment(
    site: SiteOverHttp,
    aws: object,
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """Resources and a database of this test's own; returns the name of the stack."""
    names = deploy_installation()
    settings.FILEHUB = settings.FILEHUB | names | {"MULTIPART_THRESHOLD": THRESHOLD}
    apply_unsupported_settings(str(conf().endpoint_url), conf().region, conf().bucket, conf().table)
    for name, value in names.items():
        monkeypatch.setenv(f"FILEHUB_{name}", value)
    for name in ("MULTIPART_THRESHOLD", "PART_SIZE"):
        monkeypatch.setenv(f"FILEHUB_{name}", str(THRESHOLD))
    monkeypatch.setenv("FILEHUB_HEALTH_DIR", str(tmp_path / "health"))
    # The database has users, which other tests must not see.
    User.objects.create_user("other")
    connection.ensure_connection()
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as copy:
        copy.executescript("\n".join(connection.connection.iterdump()))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/db.sqlite3")
    return f"stack-{names['BUCKET'].removeprefix('bucket-')}"


@pytest.fixture
def processes(environment: str, site: SiteOverHttp, tmp_path: Path) -> Iterator[Processes]:
    processes = Processes(environment, tmp_path, site.url)
    with ExitStack() as stack:
        stack.callback(processes.stop)
        for name in COMMANDS:
            processes.start(name)
        yield processes


def commands(inventory: str) -> list[tuple[str, ...]]:
    """The commands that need AWS, after their policy (docs/deployment.md)."""
    return [
        ("Worker", "reconcile", "--all", "--min-age", "0m"),
        ("Worker", "reconcile", "--inventory", inventory, "--min-age", "0m"),
        ("Maintenance", "recount", "--check"),
        ("Maintenance", "recount", "--repair"),
        ("Web", "redrive"),
        ("Web", "upload", "LICENSE", "--owner", "root"),
        ("Operator", "doctor"),
    ]


def queue(kind: str) -> str:
    return conf().events_queue if kind == "events" else conf().tasks_queue


def run_command(processes: Processes, policy: str, *arguments: str) -> None:
    documents = [processes.documents[policy]]
    if "--inventory" in arguments:
        # The inventory may be in any bucket, so the stack's policies cannot name it.
        documents.append(policy_of("s3:GetObject", f"arn:aws:s3:::{conf().bucket}/inventory/*"))
    with signed_by(create_user(*documents)):
        call_command(*arguments)


def test_every_process_and_command_works_with_its_own_policy(
    site: SiteOverHttp, processes: Processes, caplog: pytest.LogCaptureFixture
) -> None:
    for name in COMMANDS:
        wait_for(partial(processes.is_healthy, name))

    def settle(upload_id: str, state: str) -> None:
        wait_for(lambda: site.api("GET", f"/uploads/{upload_id}").json()["state"] == state)

    # Events of other buckets are ignored, so a replayed dead letter does not return.
    steps = WebSteps(site, settle, lambda kind: send_dead_letter(IGNORED, queue(kind)))
    for step in steps.all().values():
        step()
    # A missing object and an orphaned one, for reconcile to find.
    s3.delete(steps.store())
    orphaned = create_object()
    inventory = inventories.write([inventories.row_of(orphaned)])
    for command in commands(inventory):
        run_command(processes, *command)
    assert recorded() == objects()
    logs = {name: processes.log(name) for name in COMMANDS} | {"commands": caplog.text}
    assert [name for name, log in logs.items() if "AccessDenied" in log] == []
