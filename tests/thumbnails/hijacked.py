"""A child process that does what its file says, as if a hostile file had taken it over."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from uploads.thumbnails.child.confine import confine

_WEBP = b"RIFF\0\0\0\0WEBP"


class NothingFound(Exception):
    pass


class Found(Exception):
    pass


def write(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def report_much() -> None:
    sys.stderr.write("A" * 1024**2)
    sys.stderr.flush()


def open_files() -> None:
    _files = [os.open("/dev/null", os.O_RDONLY) for _ in range(100)]


def write_a_file() -> None:
    with tempfile.TemporaryFile() as target:
        target.write(bytes(1024**2))


def look_for_secrets() -> None:
    names = [name for name in os.environ if "AWS" in name or "SECRET" in name or "URL" in name]
    # The fourth one is that of the directory itself.
    files = list(Path("/proc/self/fd").iterdir())
    raise NothingFound if not names and len(files) <= 4 else Found


def forge_a_line() -> None:
    sys.stderr.write("x\nERROR uploads: forged!")
    os._exit(1)


def compute() -> None:
    while True:
        pass


def start_another(path: str) -> None:
    other = subprocess.Popen(["sleep", "600"])
    Path(path).write_text(str(other.pid))


def leave(path: str) -> None:
    start_another(path)
    os._exit(3)


def crash_and_leave(path: str) -> None:
    start_another(path)
    ctypes.string_at(0)


def succeed_and_leave(path: str) -> None:
    start_another(path)
    write(b"\0\1\0\1" + _WEBP)


def stay(path: str) -> None:
    signal.alarm(0)
    start_another(path)
    time.sleep(600)


ACTIONS: dict[str, Callable[[], object]] = {
    "crash": lambda: ctypes.string_at(0),
    "take memory": lambda: bytearray(2 * 1024**3),
    "write much": lambda: write(bytes(1024**2)),
    "report much": report_much,
    "open files": open_files,
    "write a file": write_a_file,
    "end early": lambda: os._exit(3),
    "write nothing": lambda: None,
    "write text": lambda: write(b"\0\1\0\1<html>"),
    "claim a size": lambda: write(b"\xff\xff\0\1" + _WEBP),
    "claim no size": lambda: write(b"\0\0\0\1" + _WEBP),
    "look for secrets": look_for_secrets,
    "forge a line of the log": forge_a_line,
    "compute": compute,
    "sleep": lambda: time.sleep(600),
}

ACTIONS_WITH_ARGUMENT: dict[str, Callable[[str], object]] = {
    "stay": stay,
    "leave": leave,
    "crash and leave": crash_and_leave,
    "succeed and leave": succeed_and_leave,
    "signal": lambda number: os.kill(os.getpid(), int(number)),
}

if __name__ == "__main__":
    confine()
    action, _, argument = sys.stdin.read().partition(":")
    if argument:
        ACTIONS_WITH_ARGUMENT[action](argument)
    else:
        ACTIONS[action]()
