"""How long `make run` and a command need to start, and how much memory each process has."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psutil

from benchmarks.figures import Row
from benchmarks.site import ROOT, Site, answers, procfile
from benchmarks.turns import Effort, in_turns
from local.aws import free_port
from uploads.core.conf import conf

SETUP, DJANGO = "django.setup()", "django.setup() without apps"
#: What `make run` prints once it can be used.
READY = "filehub is ready"
#: Seconds.
PATIENCE = 180


def run(site: Site, effort: Effort) -> list[Row]:
    """Start a second installation for `make run`; the memory is that of this one's processes."""
    # filehub's settings are read from the environment of the site.
    times = in_turns(
        effort.rounds,
        {
            SETUP: lambda: _seconds("filehub.settings"),
            DJANGO: lambda: _seconds("django.conf.global_settings"),
        },
    )
    starts = in_turns(effort.rounds, {"make run": _make_run(site.directory / "make-run")})
    return [
        Row("make run until it is ready, again", "s", starts["make run"]),
        Row(f"{SETUP} / {DJANGO}", "s", times[SETUP], DJANGO, times[DJANGO]),
        *_memory(site),
    ]


def _seconds(settings: str) -> float:
    """The seconds until Python has set up Django: what every process and command waits for."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", "import django; django.setup()"],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": settings},
        check=True,
    )
    return time.perf_counter() - began


def _make_run(directory: Path) -> Callable[[], float]:
    """Start everything and stop it again. The first time creates the directory."""

    def program() -> float:
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("FILEHUB_", "DJANGO_", "AWS_", "DATABASE_"))
        }
        environment |= {
            "PORT": str(free_port()),
            "AWS_PORT": str(free_port()),
            "LOCAL_DIR": str(directory),
        }
        began = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, "-m", "local.run"],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            _wait_for_line(child, READY)
            return time.perf_counter() - began
        finally:
            child.send_signal(signal.SIGTERM)
            child.communicate(timeout=PATIENCE)

    return program


def _wait_for_line(child: subprocess.Popen[str], text: str) -> None:
    for line in child.stdout or ():
        if text in line:
            return
    raise RuntimeError("make run ended before it was ready")


def _memory(site: Site) -> list[Row]:
    """The memory of each process once it works, its children's included."""
    rows = []
    with ExitStack() as stack:
        for name in ("web", "consumer", "worker", "beat"):
            port = free_port()
            child = stack.enter_context(
                site.process(procfile(name), _is_working(name, port), PORT=str(port))
            )
            rows.append(Row(f"memory of {name}", "MB", (_proportional(child.pid) / 1e6,)))
    return rows


def _is_working(name: str, port: int) -> Callable[[str], bool]:
    """Whether the web responds, or another process has sent its first heartbeat."""
    if name == "web":
        return lambda _: answers(f"http://127.0.0.1:{port}/healthz")
    heartbeat = Path(conf().health_dir) / name
    return lambda _: heartbeat.exists()


def _proportional(pid: int) -> float:
    """Bytes of a process and its children, memory that several share counted once (PSS).

    Resident memory where the system has no PSS.
    """
    process = psutil.Process(pid)
    sizes = [each.memory_full_info() for each in (process, *process.children(recursive=True))]
    return sum(float(getattr(size, "pss", size.rss)) for size in sizes)
