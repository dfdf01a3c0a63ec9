"""Processes as the Procfile starts them, with the key of a user."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from honcho.environ import parse_procfile

from tests.support.policies import UserKey
from tests.support.processes import ROOT, stop

COMMANDS = parse_procfile((ROOT / "Procfile").read_text()).processes


@dataclass(frozen=True)
class Process:
    """A process that runs; `directory` has its log and its heartbeat."""

    name: str
    directory: Path
    child: subprocess.Popen[str]

    def log(self) -> str:
        return (self.directory / f"{self.name}.log").read_text()

    def has_heartbeat(self) -> bool:
        return (self.directory / "health" / self.name).exists()


@contextmanager
def started(name: str, key: UserKey, directory: Path, **environment: str) -> Iterator[Process]:
    """Start a process; stop it with SIGTERM at the end."""
    with (directory / f"{name}.log").open("w") as output:
        child = subprocess.Popen(
            COMMANDS[name],
            shell=True,
            cwd=ROOT,
            stdout=output,
            stderr=output,
            text=True,
            env={
                **os.environ,
                **key.environment,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "HOST": "127.0.0.1",
                "LOCAL_DIR": str(directory),
                "FILEHUB_HEALTH_DIR": str(directory / "health"),
                "WORKER_CONCURRENCY": "1",
                **environment,
            },
        )
    try:
        yield Process(name, directory, child)
    finally:
        stop(child)
