"""A site whose processes are of one release or of another: start, restart, run its commands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from honcho.environ import parse_procfile

from local.aws import CREDENTIALS, LocalAws, free_port
from tests.support.http import send
from tests.support.processes import ROOT
from tests.support.waiting import wait_for

MIB = 1024**2
#: The units of deploy/systemd, whose names docs/upgrading.md has. Two web processes, as behind a
#: load balancer, so that one of them always answers.
UNITS = (
    "filehub-worker", "filehub-consumer", "filehub-beat", "filehub-web@8000", "filehub-web@8001",
)  # fmt: skip
#: What says in the log that a process works.
READY = {
    "filehub-worker": " ready.",
    "filehub-consumer": "consuming",
    "filehub-beat": " maxinterval ",
}


@dataclass(frozen=True)
class Release:
    """A checkout, and the Python that has its packages."""

    code: Path
    python: Path

    @property
    def path(self) -> str:
        """The variable PATH of its processes, whose commands are looked up there."""
        return f"{self.python.parent}{os.pathsep}{os.environ.get('PATH', '')}"


CURRENT = Release(ROOT, Path(sys.executable))


class Site:
    """Local AWS, and the processes of a release on a database that survives them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        #: Variables that differ from those below.
        self.settings: dict[str, str] = {}
        self.aws = LocalAws(directory / "aws", free_port())
        self.ports = {name: free_port() for name in UNITS if "web@" in name}
        self.urls = [f"http://127.0.0.1:{port}" for port in self.ports.values()]
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Site:
        self._stack.enter_context(self.aws)
        self._stack.callback(self._stop_all)
        (self.directory / "health").mkdir()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def environment(self, release: Release) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("FILEHUB_", "DJANGO_", "AWS_", "DATABASE_", "VIRTUAL_ENV"))
        }
        return inherited | CREDENTIALS | {
            "PATH": release.path,
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SECRET_KEY": "only-for-upgrades-" + "0123456789abcdef" * 2,
            "DJANGO_STATIC_ROOT": str(self.directory / "static"),
            "DATABASE_URL": f"sqlite:///{self.directory / 'db.sqlite3'}",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self.aws.url,
            "FILEHUB_CORS_ORIGINS": ",".join(self.urls),
            "FILEHUB_SIGN_RATE_USER": "off",
            "FILEHUB_SIGN_RATE_ADDRESS": "off",
            "FILEHUB_MULTIPART_THRESHOLD": str(5 * MIB),
            "FILEHUB_PART_SIZE": str(5 * MIB),
            "FILEHUB_HEALTH_DIR": str(self.directory / "health"),
            "LOCAL_DIR": str(self.directory),
            "HOST": "127.0.0.1",
        } | self.settings  # fmt: skip

    def manage(
        self, release: Release, *arguments: str, may_fail: bool = False, **settings: str
    ) -> str:
        """Run a command of manage.py, perhaps with other settings; return what it printed."""
        done = subprocess.run(
            [release.python, "manage.py", *arguments], cwd=release.code,
            env=self.environment(release) | settings, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0 or may_fail, done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout

    def log(self, unit: str) -> Path:
        return self.directory / f"{unit}.log"

    def start(self, release: Release, unit: str) -> None:
        """Start a process as the release's Procfile does, and wait until it works."""
        command = parse_procfile((release.code / "Procfile").read_text()).processes[
            unit.removeprefix("filehub-").partition("@")[0]
        ]
        # Celery says that it is ready only if it is not quiet.
        if "celery --quiet" in command:
            command = f"{command.replace(' --quiet', '')} --loglevel INFO"
        environment = self.environment(release)
        if unit in self.ports:
            environment["PORT"] = str(self.ports[unit])
        with self.log(unit).open("ab") as output:
            before = output.tell()
            child = subprocess.Popen(
                ["sh", "-c", command], cwd=release.code, env=environment,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        self._running[unit] = child

        def works() -> bool:
            log = self.log(unit).read_bytes()[before:].decode(errors="replace")
            assert child.poll() is None, log
            return READY[unit] in log if unit in READY else self._is_ready(unit)

        wait_for(works, 300)

    def _is_ready(self, unit: str) -> bool:
        try:
            return send("GET", f"http://127.0.0.1:{self.ports[unit]}/readyz").status == 200
        except OSError:
            return False

    def version(self, unit: str) -> Path:
        """The directory whose code a running process has."""
        return Path(f"/proc/{self._running[unit].pid}/cwd").readlink()

    def stop(self, unit: str) -> int:
        """Send SIGTERM, and wait for the end; return the status."""
        child = self._running.pop(unit)
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
        try:
            return child.wait(60)
        except subprocess.TimeoutExpired:
            child.kill()
            return child.wait()

    def restart(self, release: Release, unit: str) -> None:
        """As systemd does: stop the process, and start that of the release."""
        assert self.stop(unit) in {0, -signal.SIGTERM}, self.log(unit).read_text()[-3000:]
        self.start(release, unit)

    def _stop_all(self) -> None:
        for unit in list(self._running):
            self.stop(unit)
