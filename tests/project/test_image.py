"""The container image, built from the Dockerfile and run by a real container engine.

All processes run from it as an unprivileged user, without capabilities and with a read-only root,
against a local AWS and a PostgreSQL.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.aws import CREDENTIALS, LocalAws, free_port
from tests.support.containers import IMAGE, Containers
from tests.support.http import send
from tests.support.postgres import Postgres
from tests.support.waiting import wait_for
from tests.thumbnails.samples import RED_PDF, encoded, halves
from uploads.operations.doctor import expected
from uploads.worker.shutdown import GRACE

pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.alone,
    pytest.mark.timeout(1800),
]

PROCESSES = ("web", "consumer", "worker", "beat")
USER = 10001
#: Seconds that docs/deployment.md, compose.yaml and infra/service.yaml give a process to stop.
STOP_TIMEOUT = 30


@dataclass(frozen=True)
class Site:
    """All processes of filehub, each in a container."""

    containers: Containers
    environment: dict[str, str]
    url: str
    token: str

    def is_ready(self) -> bool:
        try:
            return send("GET", f"{self.url}/readyz").status == 200
        except OSError:
            return False

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API; return the parsed response."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        reply = send(method, f"{self.url}{path}", data, headers)
        assert reply.status < 300, (reply.status, reply.body)
        return json.loads(reply.body)


@pytest.fixture(scope="module")
def containers() -> Iterator[Containers]:
    assert os.geteuid() == 0, "only root can make the base image; run this test as root"
    with Containers() as containers:
        yield containers


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A local AWS, a PostgreSQL, and the variables of the processes."""
    port = free_port()
    with LocalAws(tmp_path_factory.mktemp("aws"), free_port()) as aws, Postgres() as database:
        yield CREDENTIALS | {
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_REGION": "us-east-1",
            "DJANGO_SECRET_KEY": secrets.token_urlsafe(48),
            "DATABASE_URL": database.url,
            "FILEHUB_CORS_ORIGINS": f"http://127.0.0.1:{port}",
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "WORKER_CONCURRENCY": "1",
        }


@pytest.fixture(scope="module")
def site(containers: Containers, environment: dict[str, str]) -> Site:
    """In the order of docs/deployment.md: provision, migrate, then the processes."""
    containers.run(environment, "provision", "--repair")
    containers.run(environment, "migrate", "--verbosity=0")
    password = {"DJANGO_SUPERUSER_PASSWORD": secrets.token_urlsafe(12)}
    containers.run(
        environment | password, "createsuperuser", "--noinput", "--username=demo", "--email=d@e.fg"
    )
    token = containers.run(environment, "create_api_token", "demo")
    for name in PROCESSES:
        containers.start(name, environment)
    site = Site(containers, environment, f"http://127.0.0.1:{environment['PORT']}", token)
    wait_for(site.is_ready)
    return site


def test_the_image_contains_only_what_is_deployed(containers: Containers) -> None:
    listing = containers.podman(
        "run", "--rm", "--entrypoint=find", IMAGE, "/app", "-maxdepth", "2", "-printf", "%P %u %M\n"
    ).stdout
    entries = {line.split()[0]: line.split()[1:] for line in listing.splitlines() if line[0] != " "}
    assert {name.split("/")[0] for name in entries} == {
        "LICENSE", "Procfile", "collected", "deploy", "filehub", "filehub_client", "infra",
        "locale", "manage.py", "pyproject.toml", "static", "templates", "uploads",
    }  # fmt: skip
    assert {name for name in entries if name.startswith(("deploy/", "infra/"))} == {
        "deploy/start", "deploy/healthcheck", "infra/filehub.yaml",
    }  # fmt: skip
    # The processes cannot change their own code.
    assert {owner for owner, _ in entries.values()} == {"root"}
    assert not [name for name, (_, mode) in entries.items() if mode[-2] == "w"]


def test_the_command_of_the_client_works_in_the_image(containers: Containers) -> None:
    arguments = ("run", "--rm", "--entrypoint=python", IMAGE, "-m", "filehub_client", "--help")
    assert "usage: filehub" in containers.podman(*arguments).stdout


def test_the_image_has_a_user_an_entry_point_and_a_health_check(containers: Containers) -> None:
    config = containers.inspect("image", IMAGE)["Config"]
    assert config["User"] == f"{USER}:{USER}"
    assert config["Entrypoint"] == ["/app/deploy/start"]
    assert config["Volumes"] == {"/run/filehub": {}}
    # Nothing secret is needed to build it.
    assert not [line for line in config["Env"] if re.search("SECRET|PASSWORD|KEY", line)]


def test_an_upload_goes_through_all_processes(site: Site) -> None:
    body = os.urandom(50_000)
    signed = site.request("POST", "/uploads", {"file_name": "Bericht.bin", "size": len(body)})
    sent = send("PUT", signed["url"], body, signed["headers"])
    assert sent.status == 200, sent.body
    wait_for(lambda: site.request("GET", f"/uploads/{signed['id']}")["state"] != "pending")
    assert site.request("GET", f"/uploads/{signed['id']}")["state"] == "stored"
    download = site.request("GET", f"/files/{signed['id']}/download")
    assert send("GET", download["url"]).body == body


@pytest.mark.parametrize("type_", ["image/png", "image/heic", "application/pdf"])
def test_each_library_makes_thumbnails_in_a_container_without_privileges(
    site: Site, type_: str
) -> None:
    body = {
        "image/png": encoded(halves(), "PNG"),
        "image/heic": encoded(halves(), "HEIF"),
        "application/pdf": RED_PDF,
    }[type_]
    file = {"file_name": "Bild", "content_type": type_, "size": len(body)}
    signed = site.request("POST", "/uploads", file)
    assert send("PUT", signed["url"], body, signed["headers"]).status == 200

    def url() -> str:
        stored = site.request("GET", f"/uploads/{signed['id']}").get("file") or {}
        return stored.get("thumbnail_url") or ""

    assert send("GET", wait_for(url)).body[8:12] == b"WEBP"


def test_the_page_is_served_with_its_static_files(site: Site) -> None:
    page = send("GET", f"{site.url}/accounts/login/")
    assert page.status == 200
    static = re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js))"', page.body.decode())
    assert static
    for path in static:
        assert send("GET", f"{site.url}{path}").status == 200


@pytest.mark.parametrize("name", PROCESSES)
def test_each_process_runs_without_any_privilege(site: Site, name: str) -> None:
    pid = site.containers.inspect("container", name)["State"]["Pid"]
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    assert set(status["Uid"].split()) == set(status["Gid"].split()) == {str(USER)}
    assert {int(status[key], 16) for key in ("CapPrm", "CapEff", "CapBnd", "CapInh")} == {0}
    assert status["NoNewPrivs"] == "1"


@pytest.mark.parametrize("name", PROCESSES)
@pytest.mark.parametrize("path", ["/app/x", "/tmp/x", "/opt/venv/x", "/etc/x", "/var/tmp/x"])
def test_no_process_can_write_outside_of_its_volume(site: Site, name: str, path: str) -> None:
    done = site.containers.podman("exec", name, "touch", path, check=False)
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr


@pytest.mark.parametrize("name", PROCESSES)
def test_each_process_becomes_healthy(site: Site, name: str) -> None:
    wait_for(lambda: site.containers.is_healthy(name))


@pytest.mark.parametrize("name", PROCESSES[1:])
def test_a_process_without_a_heartbeat_is_unhealthy(site: Site, name: str) -> None:
    wait_for(lambda: site.containers.is_healthy(name))
    heartbeat = f"/run/filehub/health/{name}"

    def is_unhealthy_without() -> bool:
        # A new heartbeat may come in between, but not each time.
        site.containers.podman("exec", name, "rm", "-f", heartbeat)
        return not site.containers.is_healthy(name)

    wait_for(is_unhealthy_without)


def test_every_process_stops_within_the_stop_timeout(site: Site) -> None:
    for name in PROCESSES:
        begun = time.monotonic()
        site.containers.podman("stop", f"--time={STOP_TIMEOUT}", name)
        assert time.monotonic() - begun < GRACE + 10
        # 137 would be SIGKILL.
        state = site.containers.inspect("container", name)["State"]
        assert state["ExitCode"] == 0, site.containers.logs(name)
        site.containers.podman("start", name)
    # For the other tests: the local AWS may give a message to the long poll of a stopped process.
    time.sleep(expected.WAIT)
    wait_for(site.is_ready)


def test_no_process_logs_a_secret(site: Site) -> None:
    password = site.environment["DATABASE_URL"].split(":")[2].partition("@")[0]
    for name in PROCESSES:
        log = site.containers.logs(name)
        assert not [s for s in (site.environment["DJANGO_SECRET_KEY"], password) if s in log]
