"""The previous release is upgraded under load, and back, with the commands of docs/upgrading.md."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.project import documents
from tests.support.http import send
from tests.support.site import CURRENT, MIB, UNITS, Release, Site
from tests.support.waiting import wait_for
from tests.upgrades import previous_release
from tests.upgrades.loader import Loader

pytestmark = [pytest.mark.exhaustive, pytest.mark.xdist_group("upgrade")]

#: Connections that may break while web processes end: their clients repeat these requests.
MAX_BROKEN = 10
#: In one process, since each takes seconds to start. Local AWS ignores some of the template, as
#: `make run` knows.
PREPARE = """
from django.contrib.auth.models import User
from django.core.management import call_command
from uploads.accounts import api_tokens
call_command('provision', '--repair')
call_command('migrate', verbosity=0)
print(api_tokens.create(User.objects.create_superuser('ann')))
"""
#: It writes its argument to a file, and waits until the test has restarted this unit.
SYSTEMCTL = """#!/bin/sh
test "$1" = restart || exit 2
shift
for unit in "$@"; do
  echo "$unit" > "$RESTARTS/new" && mv "$RESTARTS/new" "$RESTARTS/request"
  while test -e "$RESTARTS/request"; do sleep 0.1; done
done
"""


def commands(heading: str) -> list[str]:
    """The blocks of commands under a heading of the document."""
    section = documents.section(documents.read("docs/upgrading.md"), heading)
    return documents.blocks(section, "bash")


def follow(site: Site, release: Release, script: str) -> list[str]:
    """Run commands of the document with the code of a release; return what was restarted."""
    restarts = site.directory / "restarts"
    restarts.mkdir(exist_ok=True)
    systemctl = restarts / "systemctl"
    systemctl.write_text(SYSTEMCTL)
    systemctl.chmod(0o755)
    for unit, port in site.ports.items():
        script = script.replace(f"127.0.0.1:{unit.partition('@')[2]}/", f"127.0.0.1:{port}/")
    environment = site.environment(release)
    environment |= {"PATH": f"{restarts}:{environment['PATH']}", "RESTARTS": str(restarts)}
    log = site.directory / "commands.log"
    restarted: list[str] = []
    with log.open("a") as output:
        child = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", script], cwd=release.code, env=environment,
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip

    def has_ended() -> bool:
        request = restarts / "request"
        if request.exists():
            unit = request.read_text().strip()
            site.restart(release, unit)
            restarted.append(unit)
            request.unlink()
        return child.poll() is not None

    try:
        wait_for(has_ended, 600)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 0, log.read_text()[-3000:]
    return restarted


class Parts:
    """An upload in parts that begins with one version and ends with another."""

    def __init__(self, loader: Loader) -> None:
        self._call: Callable[..., Any] = loader.call
        self.body = b"p" * (5 * MIB) + b"the end"
        self.upload = self._call(
            "POST", "/uploads", {"file_name": "parts.bin", "size": len(self.body)}
        )
        self._send(1, self.body[: 5 * MIB])

    def _send(self, number: int, data: bytes) -> None:
        path = f"/uploads/{self.upload['id']}/parts"
        body = {"token": self.upload["token"], "parts": [{"part_number": number}]}
        (part,) = self._call("POST", path, body)["parts"]
        assert send(part["method"], part["url"], data, part["headers"]).status == 200

    def complete(self) -> str:
        self._send(2, self.body[5 * MIB :])
        upload_id = str(self.upload["id"])
        self._call("POST", f"/uploads/{upload_id}/complete", {"token": self.upload["token"]})
        return upload_id


def states(loader: Loader, ids: list[str]) -> dict[str, str]:
    """The state of each upload, a hundred in each request."""
    found: dict[str, str] = {}
    for start in range(0, len(ids), 100):
        listed = loader.call("GET", f"/uploads?ids={','.join(ids[start : start + 100])}")
        found |= {upload["id"]: upload["state"] for upload in listed}
    return found


def dead_letters(site: Site) -> dict[str, int]:
    client = boto3.client(
        "sqs", region_name="us-east-1", endpoint_url=site.aws.url,
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip
    name = "ApproximateNumberOfMessages"
    return {
        queue: int(
            client.get_queue_attributes(
                QueueUrl=client.get_queue_url(QueueName=queue)["QueueUrl"], AttributeNames=[name]
            )["Attributes"][name]
        )
        for queue in ("filehub-events-dlq", "filehub-tasks-dlq")
    }


def check(site: Site, loader: Loader, release: Release) -> None:
    """Nothing is lost, counted wrongly or dead."""
    expected = dict.fromkeys(loader.sent, "stored") | dict.fromkeys(loader.trashed, "trashed")
    ids = list(expected)
    wait_for(lambda: states(loader, ids) == expected, 120, every=1)
    for upload_id in ids[:: max(len(ids) // 20, 1)]:
        if upload_id not in loader.trashed:
            url = loader.call("GET", f"/files/{upload_id}/download")["url"]
            assert send("GET", url).body == loader.sent[upload_id][1]
    site.manage(release, "recount", "--check")
    assert dead_letters(site) == {"filehub-events-dlq": 0, "filehub-tasks-dlq": 0}
    assert loader.problems == []
    assert loader.broken <= MAX_BROKEN


def fill(site: Site, previous: Release) -> str:
    """Deploy the previous release, start it, and return an API token."""
    token = site.manage(previous, "shell", "-c", PREPARE).split()[-1]
    for unit in UNITS:
        site.start(previous, unit)
    return token


def test_an_upgrade_under_load_and_the_way_back_lose_nothing(
    tmp_path: Path, show: Callable[[str], None]
) -> None:
    if not previous_release.is_in_history():
        pytest.skip(
            f"NOT TESTED: the git history lacks {previous_release.PREVIOUS}, the previous release. "
            "Fetch it (git fetch --unshallow) to test the upgrade."
        )
    previous = previous_release.install(tmp_path)
    provision, worker, web, finish = (
        commands("3. Provision and migrate"),
        commands("4. Restart the worker, then consumer and beat"),
        commands("5. Restart the web, one process after the other"),
        commands("6. Complete the records, and check"),
    )
    with Site(tmp_path) as site:
        token = fill(site, previous)
        with Loader(site.urls, token) as loader:
            wait_for(lambda: len(loader.sent) > 20)
            parts = Parts(loader)
            restarted = follow(site, CURRENT, "\n".join([*provision, *worker, *web]))
            assert sorted(restarted) == sorted(UNITS)
            assert {site.version(unit) for unit in UNITS} == {CURRENT.code}
            loader.sent[parts.complete()] = ("parts.bin", parts.body)
            follow(site, CURRENT, "\n".join(finish))
            sent = len(loader.sent)
            wait_for(lambda: len(loader.sent) > sent + 20)
        check(site, loader, CURRENT)
        forward = len(loader.sent)
        with Loader(site.urls, token) as later:
            later.sent |= loader.sent
            later.trashed |= loader.trashed
            (back,) = commands("Going back")
            assert sorted(follow(site, previous, back)) == sorted(UNITS)
            assert {site.version(unit) for unit in UNITS} == {previous.code}
            wait_for(lambda: len(later.sent) > forward + 20)
        check(site, later, previous)
        show(
            f"{forward} uploads during the upgrade, {len(later.sent) - forward} on the way back; "
            f"{loader.refused + later.refused} connections refused, "
            f"{loader.broken + later.broken} broken"
        )
        for unit in UNITS:
            assert no_errors(site.log(unit)) == []


def no_errors(log: Path) -> list[str]:
    """The lines with errors and tracebacks in the log of a process."""
    lines = log.read_text(errors="replace").splitlines()
    return [line for line in lines if '"level":"error"' in line or "Traceback" in line]
