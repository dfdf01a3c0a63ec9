"""The processes of the project, as production starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from honcho.environ import parse_procfile

from local.aws import free_port
from tests.support.http import send
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def process(
    *arguments: str, ready: str | None = None, log: Path
) -> Iterator[subprocess.Popen[str]]:
    """Start a process of the project; stop it with SIGTERM at the end."""
    with log.open("a") as output:
        child = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            stdout=output,
            stderr=output,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
    try:
        if ready:

            def is_ready() -> bool:
                assert child.poll() is None, log.read_text()
                return ready in log.read_text()

            wait_for(is_ready)
        yield child
    finally:
        stop(child)


def stop(child: subprocess.Popen[str]) -> int:
    """Send SIGTERM, and SIGKILL if the process does not end in time."""
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
    try:
        return child.wait(60)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


@contextmanager
def web(log: Path, **environment: str) -> Iterator[Web]:
    """Start the web as the Procfile does, on a free port, and wait until it responds."""
    command = parse_procfile((ROOT / "Procfile").read_text()).processes["web"]
    port = free_port()
    bin_directory = Path(sys.executable).parent
    with log.open("a") as output:
        child = subprocess.Popen(
            ["sh", "-c", command],
            cwd=ROOT,
            stdout=output,
            stderr=output,
            text=True,
            env=os.environ
            | {
                "PATH": f"{bin_directory}{os.pathsep}{os.environ['PATH']}",
                "HOST": "127.0.0.1",
                "PORT": str(port),
                "PYTHONUNBUFFERED": "1",
            }
            | environment,
        )
    running = Web(f"http://127.0.0.1:{port}", log)

    def is_ready() -> bool:
        assert child.poll() is None, log.read_text()
        try:
            return send("GET", f"{running.url}/healthz").status == 200
        except OSError:
            return False

    try:
        wait_for(is_ready)
        yield running
    finally:
        stop(child)


@dataclass(frozen=True)
class Web:
    """A running web process: its URL, and the file with its log."""

    url: str
    log: Path

    def logged(self) -> list[str]:
        return self.log.read_text().splitlines()


def consumer(directory: Path) -> Any:
    return process("manage.py", "consume_events", ready="consuming", log=directory / "consumer.log")


def worker(directory: Path) -> Any:
    return process(
        "-m", "celery", "-A", "filehub", "worker", "--loglevel", "INFO", "--concurrency", "1",
        "--without-gossip", "--without-mingle", ready=" ready.", log=directory / "worker.log",
    )  # fmt: skip
