"""The examples in the deployment guide fit the code."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

from filehub import env
from tests.project import documents
from tests.support.processes import ROOT
from uploads.aws import multipart
from uploads.web import rates, waiting

GUIDE = documents.read("docs/deployment.md")
PROCFILE = (ROOT / "Procfile").read_text()
#: Commands that are processes of their own, or not for production.
NOT_FOR_OPERATORS = {"consume_events", "seed"}
MIB = 1024**2
#: Read before a fixture changes it (tests/conftest.py).
WAITING_SECONDS = waiting.SECONDS


def block(language: str, containing: str) -> str:
    """The only block of a language that has this text."""
    (found,) = [text for text in documents.blocks(GUIDE, language) if containing in text]
    return found


def environment() -> dict[str, str]:
    """The exported variables, with a key in place of the ellipsis."""
    exported = [
        line.removeprefix("export ").partition("=")
        for line in block("bash", "export DJANGO_SECRET_KEY").splitlines()
    ]
    values = {name: shlex.split(value)[0] for name, _, value in exported}
    assert values["DJANGO_SECRET_KEY"] == "…"
    return values | {"DJANGO_SECRET_KEY": "xK3-" * 15 + "ab9Q7w"}


def directive(name: str) -> list[str]:
    """The arguments of each occurrence of a directive in the example for nginx."""
    return re.findall(rf"^\s*{name}\s+(.*);$", block("nginx", "upstream"), re.MULTILINE)


def header_read_timeout() -> float:
    """Seconds after which the web closes an idle connection."""
    return int(PROCFILE.split("--http1-header-read-timeout ")[1].split()[0]) / 1000


def attribute(name: str) -> str:
    """The value of an attribute in the example for the load balancer."""
    commands = block("bash", "create-target-group")
    [value] = re.findall(rf"Key={re.escape(name)},Value=(\w+)", commands)
    return str(value)


# The environment


@pytest.mark.usefixtures("bare_environment")
def test_the_environment_is_complete_and_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    values = environment()
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    assert env.unknown_variables(values) == []
    loaded, app = env.load(), env.load_app()
    assert (loaded.django_debug, loaded.django_https) == (False, True)
    assert [f"https://{host}" for host in loaded.django_allowed_hosts] == list(app.cors_origins)
    assert app.trusted_proxies == 1
    assert app.sign_rate_storage != rates.MEMORY


@pytest.mark.exhaustive
def test_django_has_no_warnings_about_the_environment(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **environment()},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


# nginx


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("proxy_pass", ["http://filehub"]),
        ("proxy_http_version", ["1.1"]),
        (
            "proxy_set_header",
            [
                "Host $host",
                "X-Forwarded-Proto $scheme",
                "X-Forwarded-For $proxy_add_x_forwarded_for",
                "X-Request-ID $request_id",
            ],
        ),
        ("return", ["301 https://$host$request_uri"]),
        # Both would make the header X_Forwarded_For, or a stale connection, reach the web.
        ("underscores_in_headers", []),
        ("keepalive", []),
        # More would hide errors of the web that name what does not respond.
        ("proxy_intercept_errors", []),
    ],
)
def test_nginx_sends_the_headers_that_filehub_trusts(name: str, arguments: list[str]) -> None:
    assert directive(name) == arguments


def test_nginx_leaves_bodies_that_are_too_large_to_filehub() -> None:
    [size] = directive("client_max_body_size")
    assert int(size.removesuffix("m")) * MIB > settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def test_nginx_names_the_same_host_and_processes_as_the_rest_of_the_guide() -> None:
    host = environment()["DJANGO_ALLOWED_HOSTS"]
    assert directive("server_name") == [host, host]
    for server in directive("server"):
        # Without it, nginx has no process to send requests to while the second one is restarted.
        address, option = server.split()
        assert option == "max_fails=0"
        name, _, port = address.partition(":")
        assert f"`HOST={name} PORT={port}`" in GUIDE


# The load balancer


def test_the_load_balancer_closes_idle_connections_before_the_web_does() -> None:
    idle = int(attribute("idle_timeout.timeout_seconds"))
    assert idle <= header_read_timeout() - 10
    assert f"than {idle} s: the web closes them after {header_read_timeout():.0f} s" in " ".join(
        GUIDE.split()
    )


def test_the_load_balancer_waits_longer_than_the_completion_of_an_upload_takes() -> None:
    # Before it, during it and after it a request may wait for AWS as any other.
    longest = multipart.COMPLETION_SECONDS + 3 * WAITING_SECONDS
    template = (ROOT / "infra" / "service.yaml").read_text()
    [idle] = re.findall(r'Key: idle_timeout\.timeout_seconds, Value: "(\d+)"', template)
    assert longest <= int(idle) - 5
    assert longest <= int(attribute("idle_timeout.timeout_seconds")) - 5
    # nginx's default is 60 s.
    assert directive("proxy_read_timeout") == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("routing.http.drop_invalid_header_fields.enabled", "true"),
        ("routing.http.xff_header_processing.mode", "append"),
    ],
)
def test_the_load_balancer_leaves_callers_no_way_to_choose_their_address(
    name: str, value: str
) -> None:
    assert attribute(name) == value


def test_the_load_balancer_waits_longer_than_readiness_takes() -> None:
    command = block("bash", "create-target-group")
    assert int(command.split("--health-check-timeout-seconds ")[1].split()[0]) > 3
    assert "with 503 within three seconds" in GUIDE


# Operator commands


def test_the_guide_says_which_policy_each_command_needs() -> None:
    section = GUIDE.split("## Where operator commands run")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    listed = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    own = {name for name, app in get_commands().items() if app == "uploads"}
    assert own - NOT_FOR_OPERATORS == listed & own


# ECS


@pytest.mark.parametrize(
    ("role", "command"),
    [
        ("", ["migrate"]),
        ("arn:aws:iam::1:role/deploy", ["provision", "--parameter", "Versioning=Enabled"]),
        ("arn:aws:iam::1:role/operator", ["doctor", "--no-upload"]),
    ],
)
@pytest.mark.parametrize(("exit_code", "returned"), [("0", 0), ("1", 1), ("None", 1)])
def test_a_one_off_task_runs_the_command_with_the_role_and_returns_its_failure(
    tmp_path: Path, role: str, command: list[str], exit_code: str, returned: int
) -> None:
    program = tmp_path / "aws"
    program.write_text(
        '#!/bin/sh\nfor word; do printf "%s\\0" "$word"; done >> "$CALLS"\n'
        'printf "\\n" >> "$CALLS"\n'
        'case $2 in run-task) echo the-task ;; describe-tasks) echo "$CODE" ;; esac\n'
    )
    program.chmod(0o755)
    function = block("bash", "run_once()").rpartition('run_once "" migrate')[0]
    done = subprocess.run(
        ["bash", "-euc", f'{function}\nrun_once "$@"', "bash", role, *command],
        env={
            "PATH": f"{tmp_path}:/usr/bin:/bin", "CALLS": str(tmp_path / "calls"),
            "CODE": exit_code, "Cluster": "the-cluster", "OneOffTask": "the-definition",
            "TaskSecurityGroup": "sg-1", "private": "subnet-1,subnet-2",
        },
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (returned, "")
    run, wait, describe = (
        line.split("\0") for line in (tmp_path / "calls").read_text().split("\0\n")[:-1]
    )
    options = dict(zip(run[2::2], run[3::2], strict=False))
    expected: dict[str, object] = {
        "containerOverrides": [{"name": "filehub", "command": command}]
    } | ({"taskRoleArn": role} if role else {})
    assert json.loads(options["--overrides"]) == expected
    assert options["--task-definition"] == "the-definition"
    assert (wait[1:3], describe[1]) == (["wait", "tasks-stopped"], "describe-tasks")
    assert all("the-task" in call for call in (wait, describe))
