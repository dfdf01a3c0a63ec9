"""An installation for one benchmark: a local AWS, a database, and filehub's processes."""

from __future__ import annotations

import os
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

import django
from django.contrib.auth import get_user_model
from honcho.environ import parse_procfile

from local.aws import LocalAws, free_port
from local.run import environment
from tests.support.http import send
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parents[1]
#: Results, packages of npm, and the data of running benchmarks. Not part of the checkout.
DIRECTORY = ROOT / ".local" / "bench"
#: Signing is counted as in production, but never refused.
NO_LIMIT = "1000000/s"
#: Seconds that a process has to stop before it is killed.
GRACE = 60


class Site:
    """`with Site() as site:` starts a local AWS and prepares it; then start what is measured.

    It changes the environment of this process and sets Django up, so a process can have one only.
    Modules that need Django's settings can be imported inside the block.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.password = secrets.token_urlsafe(12)

    def __enter__(self) -> Site:
        with ExitStack() as stack:
            DIRECTORY.mkdir(parents=True, exist_ok=True)
            temporary = tempfile.TemporaryDirectory(dir=DIRECTORY, prefix="site-")
            self.directory = Path(stack.enter_context(temporary))
            self.aws = stack.enter_context(LocalAws(self.directory / "aws", free_port()))
            self._set_environment()
            self._prepare()
            django.setup()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _set_environment(self) -> None:
        for name in list(os.environ):
            if name.startswith(("FILEHUB_", "DJANGO_", "AWS_", "DATABASE_", "CELERY_")):
                del os.environ[name]
        os.environ.update(environment(self.directory, free_port(), self.aws))
        os.environ.update(
            {"FILEHUB_SIGN_RATE_USER": NO_LIMIT, "FILEHUB_SIGN_RATE_ADDRESS": NO_LIMIT}
        )

    def _prepare(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "local.prepare"],
            cwd=ROOT,
            env=os.environ | {"DEMO_PASSWORD": self.password},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"The installation could not be prepared:\n{done.stderr}")

    def api_token(self) -> str:
        """A new API token of the demo user."""
        from uploads.accounts import api_tokens  # noqa: PLC0415  # needs the settings

        return api_tokens.create(get_user_model()._default_manager.get(username="demo"))

    @contextmanager
    def web(
        self, application: str = "", port: int | None = None, **variables: str
    ) -> Iterator[str]:
        """Start the web process, or another WSGI application with the same options; yield its URL.

        Every application must answer `GET /healthz`.
        """
        port = port or free_port()
        command = procfile("web")
        if application:
            command = command.replace("filehub.wsgi:application", application)
        url = f"http://127.0.0.1:{port}"
        variables["PORT"] = str(port)
        with self.process(command, lambda _: answers(f"{url}/healthz"), **variables):
            yield url

    @contextmanager
    def consumer(self, **variables: str) -> Iterator[subprocess.Popen[str]]:
        command = procfile("consumer")
        with self.process(command, lambda log: "consuming" in log, **variables) as child:
            yield child

    @contextmanager
    def worker(self, **variables: str) -> Iterator[subprocess.Popen[str]]:
        command = procfile("worker")
        with self.process(command, lambda log: " ready." in log, **variables) as child:
            yield child

    @contextmanager
    def process(
        self, command: str, is_ready: Callable[[str], bool], **variables: str
    ) -> Iterator[subprocess.Popen[str]]:
        """Run a command of the shell until the block ends. `is_ready` is called with its output."""
        log = self.directory / f"{secrets.token_hex(4)}.log"
        with log.open("w") as output:
            child = subprocess.Popen(
                ["sh", "-c", command],
                cwd=ROOT,
                env=os.environ | variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                text=True,
                # Ctrl-C must not stop it before the benchmark that uses it.
                start_new_session=True,
            )
        try:
            wait_for(lambda: _is_ready(child, log, is_ready))
            yield child
        finally:
            stop(child)


def _is_ready(child: subprocess.Popen[str], log: Path, is_ready: Callable[[str], bool]) -> bool:
    if child.poll() is not None:
        raise RuntimeError(f"A process ended early:\n{log.read_text()[-2000:]}")
    return is_ready(log.read_text())


@contextmanager
def paused(child: subprocess.Popen[str]) -> Iterator[None]:
    """Stop a process inside the block, as with Ctrl-Z; it continues afterwards."""
    child.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        child.send_signal(signal.SIGCONT)


@contextmanager
def resumed(child: subprocess.Popen[str]) -> Iterator[None]:
    """Let a paused process run inside the block."""
    child.send_signal(signal.SIGCONT)
    try:
        yield
    finally:
        child.send_signal(signal.SIGSTOP)


def stop(child: subprocess.Popen[str]) -> None:
    """End a process that was started in a session of its own, and all of its children."""
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def procfile(name: str) -> str:
    """The command of a process, for a shell."""
    command: str = parse_procfile((ROOT / "Procfile").read_text()).processes[name]
    return command


def answers(url: str) -> bool:
    """Whether a server responds to GET with 200."""
    try:
        return send("GET", url).status == 200
    except OSError:
        return False


def shell(*arguments: str) -> str:
    """A command that replaces the shell which runs it, so that it receives the signals itself."""
    return f"exec {shlex.join(arguments)}"
