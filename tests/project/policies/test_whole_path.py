"""Each process, as the Procfile starts it, works with its own policy and nothing else."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings

from local.aws import LocalAws, free_port
from tests.ingest.reconciliation import inventories
from tests.ingest.reconciliation.helpers import create_object, objects, recorded
from tests.operations.adoption.helpers import put
from tests.project.policies.processes import COMMANDS, Process, started
from tests.project.policies.site import SiteOverHttp
from tests.project.policies.web_steps import THRESHOLD, WebSteps
from tests.support.dead_letters import s3_record, send_dead_letter
from tests.support.http import send
from tests.support.local_aws import deploy_installation
from tests.support.policies import create_user, policies, policy_of, signed_by
from tests.support.waiting import wait_for
from uploads.aws import s3
from uploads.core.conf import conf
from uploads.operations.repair import repair

#: Events of other buckets are ignored, so a replayed dead letter does not return.
IGNORED = json.dumps({"Records": [s3_record()]})


@pytest.fixture
def site(root: User) -> SiteOverHttp:
    User.objects.create_user("other")
    return SiteOverHttp(f"http://127.0.0.1:{free_port()}", root)


@pytest.fixture
def documents(
    site: SiteOverHttp,
    aws: LocalAws,
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, object]:
    """The policies of an installation of this test's own, and its environment."""
    names = deploy_installation()
    settings.FILEHUB = settings.FILEHUB | names | {"MULTIPART_THRESHOLD": THRESHOLD}
    assert list(repair())
    parts = {"MULTIPART_THRESHOLD": str(THRESHOLD), "PART_SIZE": str(THRESHOLD)}
    for name, value in (names | parts).items():
        monkeypatch.setenv(f"FILEHUB_{name}", value)
    connection.ensure_connection()
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as copy:
        copy.executescript("\n".join(connection.connection.iterdump()))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/db.sqlite3")
    return policies(f"stack-{names['BUCKET'].removeprefix('bucket-')}")


@pytest.fixture
def processes(
    documents: dict[str, object], site: SiteOverHttp, tmp_path: Path
) -> Iterator[list[Process]]:
    """The four processes, each with the key of a user who has only its policy."""
    port = str(urlsplit(site.url).port)
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                started(name, create_user(documents[name.capitalize()]), tmp_path, PORT=port)
            )
            for name in COMMANDS
        ]


def is_healthy(process: Process, site: SiteOverHttp) -> bool:
    if process.name != "web":
        return process.has_heartbeat()
    try:
        return send("GET", f"{site.url}/readyz").status == 200
    except OSError:
        return False


def commands(inventory: str) -> list[tuple[str, ...]]:
    """The commands that need AWS, each after its policy (docs/deployment.md)."""
    return [
        ("Worker", "reconcile", "--all", "--min-age", "0m"),
        ("Worker", "reconcile", "--inventory", inventory, "--min-age", "0m"),
        ("Worker", "make_thumbnails", "--all"),
        ("Maintenance", "recount", "--check"),
        ("Maintenance", "recount", "--repair"),
        ("Adoption", "adopt", f"s3://{conf().bucket}/imports", "--owner", "root"),
        ("Web", "redrive"),
        ("Web", "upload", "LICENSE", "--owner", "root"),
        ("Operator", "doctor"),
    ]


def run_command(documents: dict[str, object], policy: str, *arguments: str) -> None:
    allowed = [documents[policy]]
    if "--inventory" in arguments:
        # The inventory may be in any bucket, so the stack's policies cannot name it.
        allowed.append(policy_of("s3:GetObject", f"arn:aws:s3:::{conf().bucket}/inventory/*"))
    if "adopt" in arguments:
        allowed.append(policy_of("s3:GetObject", f"arn:aws:s3:::{conf().bucket}/imports/*"))
    with signed_by(create_user(*allowed)):
        call_command(*arguments)


@pytest.mark.exhaustive
def test_every_process_and_command_works_with_its_own_policy(
    documents: dict[str, object],
    processes: list[Process],
    site: SiteOverHttp,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for process in processes:
        wait_for(partial(is_healthy, process, site))

    def settle(upload_id: str, state: str) -> None:
        def upload() -> Any:
            return site.api("GET", f"/uploads/{upload_id}").json()

        if state == "thumbnail":
            wait_for(lambda: upload()["file"]["thumbnail_url"])
            return
        if state == "missing":
            s3.delete(upload_id)
            state = "deleted"
        wait_for(lambda: upload()["state"] == state)

    def put_dead_letter(kind: str) -> None:
        queue = conf().events_queue if kind == "events" else conf().tasks_queue
        send_dead_letter(IGNORED, queue)

    steps = WebSteps(site, settle, put_dead_letter)
    for step in steps.all().values():
        step()
    # A missing object and an orphaned one, for reconcile to find.
    s3.delete(steps.store())
    put(conf().bucket, "imports/a.txt")
    inventory = inventories.write([inventories.row_of(create_object())])
    for policy, *arguments in commands(inventory):
        run_command(documents, policy, *arguments)
    assert recorded() == objects()
    logs = {process.name: process.log() for process in processes} | {"commands": caplog.text}
    assert [name for name, log in logs.items() if "AccessDenied" in log] == []
