"""A clamd that misbehaves: it dies, stalls, refuses large files, or answers late.

It speaks the protocol over real sockets, and finds nothing but EICAR. What ClamAV itself does is
tested with Debian's clamd (tests/scanning/test_real_clamd.py).
"""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from pytest_django import Settings

from uploads.scanning.clamd import EICAR


class FakeClamd(socketserver.ThreadingTCPServer):
    """Listens on a free port of the loopback interface."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        #: What it answers about a file; None: it closes the connection without a word.
        self.answer: Callable[[bytes], bytes | None] = find_eicar
        #: Answers with this before it has read the file, and stops reading.
        self.refuses_with: bytes | None = None
        #: It answers only once this is set.
        self.may_answer = threading.Event()
        self.may_answer.set()
        #: Set when a file has arrived completely.
        self.has_read = threading.Event()
        self.files: list[int] = []

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self.server_address[1]}"


def find_eicar(data: bytes) -> bytes | None:
    return b"stream: Eicar-Test-Signature FOUND" if EICAR in data else b"stream: OK"


def die(data: bytes) -> bytes | None:
    return None


class _Handler(socketserver.StreamRequestHandler):
    server: FakeClamd

    def handle(self) -> None:
        command = self._command()
        if command == b"zVERSION":
            self.wfile.write(b"ClamAV 1.4.3/27800/today\0")
        elif command == b"zINSTREAM":
            self._scan()

    def _command(self) -> bytes:
        received = b""
        while (byte := self.rfile.read(1)) not in {b"", b"\0"}:
            received += byte
        return received

    def _scan(self) -> None:
        if self.server.refuses_with is not None:
            self.wfile.write(self.server.refuses_with + b"\0")
            return
        data = b""
        while size := struct.unpack("!I", self.rfile.read(4))[0]:
            data += self.rfile.read(size)
        self.server.files.append(len(data))
        self.server.has_read.set()
        self.server.may_answer.wait(30)
        answer = self.server.answer(data)
        if answer is not None:
            self.wfile.write(answer + b"\0")


@contextmanager
def fake_clamd() -> Iterator[FakeClamd]:
    """Run one, and stop it afterwards."""
    with FakeClamd() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.may_answer.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def clamd() -> Iterator[FakeClamd]:
    """A scanner that misbehaves on request."""
    with fake_clamd() as server:
        yield server


@pytest.fixture
def scanning(settings: Settings, clamd: FakeClamd) -> Settings:
    """Turn on the check for malware, by this scanner; return the settings."""
    settings.FILEHUB = {**settings.FILEHUB, "SCAN": "clamd", "CLAMD": clamd.url}
    return settings
