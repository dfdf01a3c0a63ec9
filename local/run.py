"""`make run`: start local AWS, create its resources and the demo user, and run the Procfile.

All files are written to LOCAL_DIR. SIGINT or SIGTERM stops everything, local AWS last.
"""

from __future__ import annotations

import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType

from honcho import manager as honcho_manager
from honcho.environ import parse_procfile

from local.aws import CREDENTIALS, LocalAws
from local.console import Console
from local.prepare import CREATED
from uploads.core.logs.lines import VARIABLE

ROOT = Path(__file__).resolve().parent.parent

#: Seconds that a process has to stop; honcho's default of five is too short.
GRACE = 30
#: What the processes write is for `Console`. Celery's warning about root is for servers.
_QUIET = {
    VARIABLE: "json",
    "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
}


class Stopped(Exception):
    """SIGINT or SIGTERM arrived before the processes were running."""


def main() -> int:
    """Run until stopped. Returns the exit status."""
    try:
        port = _port("PORT", 8000)
        aws_port = _port("AWS_PORT", 4566)
    except ValueError as exc:
        return _fail(str(exc))
    directory = Path(os.environ.get("LOCAL_DIR") or ".local").resolve()
    directory.mkdir(parents=True, exist_ok=True)
    for name, number in (("PORT", port), ("AWS_PORT", aws_port)):
        if _is_in_use(number):
            return _fail(f"Port {number} is in use. Choose another: make run {name}={number + 1}")

    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    aws = LocalAws(directory / "aws", aws_port)
    try:
        _say("Starting local AWS …")
        aws.start()
        variables = environment(directory, port, aws)
        os.environ.update(variables)
        _write_shell_environment(directory / "env", variables)
        _say("Preparing the bucket, queues, table and database …")
        password = _prepare()
        return _run_processes(port, password, directory)
    except Stopped:
        return 130
    except RuntimeError as exc:
        return _fail(str(exc))
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        aws.stop()
        _say("Stopped. Users and files are kept for the next `make run`.")


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise Stopped


def environment(directory: Path, port: int, aws: LocalAws) -> dict[str, str]:
    """The variables of all processes of an installation in this directory, on this local AWS."""
    secret_file = directory / "secret-key"
    if not secret_file.exists():
        secret_file.touch(mode=0o600)
        secret_file.write_text(secrets.token_urlsafe(48))
    origins = ",".join(f"http://{host}:{port}" for host in ("localhost", "127.0.0.1"))
    return CREDENTIALS | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "filehub.settings",
        "DJANGO_SECRET_KEY": secret_file.read_text(),
        "DJANGO_STATIC_ROOT": str(directory / "static"),
        "DATABASE_URL": f"sqlite:///{directory / 'db.sqlite3'}",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": aws.url,
        "FILEHUB_HEALTH_DIR": str(directory / "health"),
        "FILEHUB_CORS_ORIGINS": os.environ.get("FILEHUB_CORS_ORIGINS") or origins,
        "LOCAL_DIR": str(directory),
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }


def _write_shell_environment(path: Path, environment: dict[str, str]) -> None:
    """Write the file for `. .local/env`, which lets manage.py use this installation in a shell."""
    exported = {name: value for name, value in environment.items() if name != "PATH"}
    path.touch(mode=0o600)
    path.write_text("".join(f"export {n}={shlex.quote(v)}\n" for n, v in exported.items()))


def _prepare() -> str | None:
    """Run local.prepare. Returns the demo user's password if the user was created."""
    password = os.environ.get("DEMO_PASSWORD") or secrets.token_urlsafe(9)
    done = subprocess.run(
        [sys.executable, "-m", "local.prepare"],
        cwd=ROOT,
        # The password is in the environment, because other users can read arguments.
        env=os.environ | {"DEMO_PASSWORD": password},
        capture_output=True,
        text=True,
        check=False,
    )
    os.environ.pop("DEMO_PASSWORD", None)
    if done.returncode:
        raise RuntimeError(f"Preparation failed:\n{done.stderr.strip()}")
    return password if CREATED in done.stdout.split() else None


def _run_processes(port: int, password: str | None, directory: Path) -> int:
    honcho_manager.KILL_WAIT = GRACE
    _say("Starting filehub …")
    with (directory / "filehub.log").open("a", encoding="utf-8") as log:
        console = Console(sys.stdout, log, form=os.environ.get(VARIABLE) or "text")
        manager = honcho_manager.Manager(console)
        for name, command in parse_procfile((ROOT / "Procfile").read_text()).processes.items():
            manager.add_process(name, command, env=os.environ | _QUIET, cwd=str(ROOT))
        announcement = (port, password, console)
        threading.Thread(target=_announce, args=announcement, daemon=True).start()
        manager.loop()
        console.close()
    return int(manager.returncode or 0)


def _announce(port: int, password: str | None, console: Console) -> None:
    address = f"http://localhost:{port}"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=5):
                break
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    else:
        console.close()
        _say(f"filehub is not ready. See {address}/readyz for the reason.")
        return
    how = f"password {password}" if password else "the password that was shown when it was created"
    console.open(
        f"\n  filehub is ready:  {address}/\n  Sign in as demo, {how}.\n  Ctrl-C stops it.\n"
    )


def _port(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise ValueError(f"{name} must be a port number, not {text!r}.")
    return int(text)


def _is_in_use(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def _fail(text: str) -> int:
    print(text, file=sys.stderr, flush=True)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
