"""Render a thumbnail in a child process, which a hostile file may crash, stall or fill."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import uploads
from uploads.core.errors import BackendUnavailable
from uploads.thumbnails.child.confine import MAX_OUTPUT, SECONDS, SIDE

Kind = Literal["image", "pdf"]

_MODULES: dict[Kind, str] = {
    "image": "uploads.thumbnails.child.image",
    "pdf": "uploads.thumbnails.child.pdf",
}
#: Seconds that the parent waits longer than the child lives, which kills itself.
_MARGIN = 5
_POLL_SECONDS = 0.02
_ROOT = Path(uploads.__file__).parent.parent
#: Where Python and its libraries are. Nothing else of the environment is passed on, above all no
#: credentials.
_PASSED_ON = ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_SIZE = struct.Struct(">HH")
_ERROR_LENGTH = 80
#: How a child ends without a fault of the file: by its own alarm, by the kernel if memory is short
#: (or by its parent, after the alarm), and by a service manager. A file that takes too much
#: processor time or address space ends it in other ways.
_INTERRUPTIONS = frozenset({signal.SIGALRM, signal.SIGKILL, signal.SIGTERM})


class NotRendered(Exception):
    """The file has no thumbnail: damaged, encrypted, or too expensive. The message says why."""


class Crashed(NotRendered):
    """The file crashes this version of the libraries, though perhaps not an earlier one."""


class Interrupted(BackendUnavailable):
    """The machine was short of memory or time, or is shut down. Another attempt may succeed."""


@dataclass(frozen=True)
class Thumbnail:
    """A WebP image, and its width and height in pixels."""

    webp: bytes
    width: int
    height: int

    @property
    def size(self) -> str:
        """As the record has it: `320x200`."""
        return f"{self.width}x{self.height}"


def render(kind: Kind, source: IO[bytes]) -> Thumbnail:
    """Render the file, from its start. Takes SECONDS at most. Raises NotRendered and Interrupted.

    `source` is a real file, because the child reads it by itself.
    """
    source.seek(0)
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        code = _run(kind, source, output, errors)
        if code < 0:
            raise _ended_by(-code)
        if code > 0:
            raise NotRendered(_reason(code, errors))
        return _parse(_start_of(output, MAX_OUTPUT))


def _run(kind: Kind, source: IO[bytes], output: IO[bytes], errors: IO[bytes]) -> int:
    """Run the child until it ends; return its exit code, negative for a signal."""
    child = subprocess.Popen(
        [sys.executable, "-m", _MODULES[kind]],
        stdin=source,
        stdout=output,
        stderr=errors,
        cwd=_ROOT,
        env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        start_new_session=True,
    )
    ends_at = time.monotonic() + SECONDS + _MARGIN
    try:
        while not _has_ended(child) and time.monotonic() < ends_at:
            time.sleep(_POLL_SECONDS)
    finally:
        # Also if the child has ended, because what it has started may still run, and if the task's
        # own time limit interrupts the wait. No other group can have this number yet.
        with suppress(ProcessLookupError, PermissionError):  # macOS, if there is only the zombie
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    return child.returncode


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Whether it has ended; leave it as a zombie, so that its number is not used again."""
    if not hasattr(os, "waitid"):  # macOS, before Python 3.13
        return child.poll() is not None
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _ended_by(number: int) -> Crashed | Interrupted:
    what = f"ended by {_signal_name(number)}"
    if number in _INTERRUPTIONS:
        return Interrupted(f"The process that renders the thumbnail was {what}.")
    return Crashed(what)


def _reason(code: int, errors: IO[bytes]) -> str:
    # The class of an error. What a hijacked process writes must not get into the log as it is.
    lines = _start_of(errors, _ERROR_LENGTH).decode("ascii", "replace").split()
    return lines[-1] if lines and lines[-1].isidentifier() else f"exit code {code}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # Real-time signals have no names.
        return f"signal {number}"


def _start_of(file: IO[bytes], length: int) -> bytes:
    file.seek(0)
    return file.read(length)


def _parse(output: bytes) -> Thumbnail:
    """Check what the child wrote: a hostile file may have taken it over."""
    webp = output[_SIZE.size :]
    if webp[:4] != b"RIFF" or webp[8:12] != b"WEBP":
        raise NotRendered("no WebP image")
    width, height = _SIZE.unpack(output[: _SIZE.size])
    if not (1 <= width <= SIDE and 1 <= height <= SIDE):
        raise NotRendered("wrong size")
    return Thumbnail(webp, width, height)
