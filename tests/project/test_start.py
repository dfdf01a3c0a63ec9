"""deploy/start and deploy/healthcheck, which containers and systemd run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.support.processes import ROOT
from tests.support.waiting import wait_for

PROCFILE = """\
web: exec echo web on ${PORT:-8000}
worker: exec echo worker $HOST "two words"
loop: exec sleep 600
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Both scripts, a Procfile of their own, and a manage.py that prints its arguments."""
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    (tmp_path / "Procfile").write_text(PROCFILE)
    (tmp_path / "manage.py").write_text("import sys; print('manage', *sys.argv[1:])")
    (tmp_path / "state").mkdir()
    return tmp_path


def environment(home: Path, **variables: str) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "LOCAL_DIR": str(home / "state"), **variables}


def run(
    home: Path, script: str, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(home / "deploy" / script), *arguments],
        cwd="/", env=environment(home, **variables), capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["web"], "web on 9000\n"),
        (["worker"], "worker h two words\n"),
        (["migrate"], "manage migrate\n"),
        (["provision", "--parameter", "A=b c"], "manage provision --parameter A=b c\n"),
        (["createsuperuser", ""], "manage createsuperuser \n"),
        # Only a whole name is a process.
        (["we"], "manage we\n"),
        (["web: exec"], "manage web: exec\n"),
        (["w*"], "manage w*\n"),
        (["w.b"], "manage w.b\n"),
        (["$(id)"], "manage $(id)\n"),
        (["--help"], "manage --help\n"),
        ([""], "manage \n"),
        ([], "manage help\n"),
    ],
)
def test_start_runs_a_process_or_a_command(home: Path, arguments: list[str], output: str) -> None:
    done = run(home, "start", *arguments, PORT="9000", HOST="h")
    assert (done.returncode, done.stdout, done.stderr) == (0, output, "")


def test_a_process_takes_no_arguments(home: Path) -> None:
    done = run(home, "start", "web", "--port", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "web takes no arguments; its options are environment variables.\n"


def test_signals_reach_the_process_itself(home: Path) -> None:
    script = str(home / "deploy" / "start")
    with subprocess.Popen([script, "loop"], env=environment(home), process_group=0) as child:
        try:
            wait_for(lambda: b"sleep" in Path(f"/proc/{child.pid}/cmdline").read_bytes())
            child.send_signal(signal.SIGTERM)
            assert child.wait(60) == -signal.SIGTERM
        finally:
            if child.returncode is None:
                os.killpg(child.pid, signal.SIGKILL)


@pytest.mark.parametrize("name", ["consumer", "worker", "beat"])
def test_the_health_check_is_that_of_the_named_process(home: Path, name: str) -> None:
    assert run(home, "healthcheck", name).stdout == f"manage healthcheck {name}\n"


def test_the_health_check_is_that_of_the_process_that_was_started(home: Path) -> None:
    assert run(home, "healthcheck").returncode != 0
    run(home, "start", "worker", HOST="")
    run(home, "start", "migrate")
    assert run(home, "healthcheck").stdout == "manage healthcheck worker\n"


@contextmanager
def responding(status: int) -> Iterator[tuple[int, list[str]]]:
    """A web that responds with this status; its port and the requested paths."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_request(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1], paths
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("host", ["", "0.0.0.0", "127.0.0.1", "localhost"])
@pytest.mark.parametrize(("status", "code"), [(200, 0), (404, 1), (500, 1), (503, 1)])
def test_the_health_check_of_the_web_requests_healthz(
    home: Path, host: str, status: int, code: int
) -> None:
    with responding(status) as (port, paths):
        # A proxy of the environment is not for this machine.
        proxy = {"http_proxy": "http://127.0.0.1:1"}
        done = run(home, "healthcheck", "web", HOST=host, PORT=str(port), **proxy)
        assert done.returncode == code, done.stderr
        assert run(home, "healthcheck", f"web@{port}", HOST=host, PORT="1").returncode == code
    assert paths == ["/healthz", "/healthz"]


def test_a_web_that_cannot_be_reached_is_unhealthy(home: Path) -> None:
    done = run(home, "healthcheck", "web", PORT="1")
    assert done.returncode == 1
    assert done.stderr.startswith("http://127.0.0.1:1/healthz failed: ")


def test_the_scripts_are_executable() -> None:
    assert all(os.access(ROOT / "deploy" / name, os.X_OK) for name in ("start", "healthcheck"))


@pytest.mark.exhaustive
def test_workers_need_no_environment_to_find_their_settings() -> None:
    """As containers and systemd start them; the tests' own environment names the settings."""
    names = {"DJANGO_SETTINGS_MODULE"}
    variables = {name: value for name, value in os.environ.items() if name not in names}
    script = "import filehub; filehub.celery_app.loader.import_default_modules()"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=variables, check=True)
