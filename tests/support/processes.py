"""The processes of the project, as production starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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


def consumer(directory: Path) -> Any:
    return process("manage.py", "consume_events", ready="consuming", log=directory / "consumer.log")


def worker(directory: Path) -> Any:
    return process(
        "-m", "celery", "-A", "filehub", "worker", "--loglevel", "INFO", "--concurrency", "1",
        "--without-gossip", "--without-mingle", ready=" ready.", log=directory / "worker.log",
    )  # fmt: skip
