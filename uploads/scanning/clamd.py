"""Talk to clamd, the daemon of ClamAV (https://docs.clamav.net/manual/Usage/Scanning.html#clamd).

The protocol is a few lines, and both libraries for it (`clamd`, `pyclamd`) were last released years
ago. Neither ends a wait as a whole, nor reads the answer of a daemon that stops listening early.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from uploads.core.conf import conf
from uploads.core.reasons import NO_REASON, Reason
from uploads.scanning import verdict
from uploads.scanning.errors import ScannerUnavailable

#: Seconds to connect, and for the answer to a command without a file.
SECONDS = 5.0
#: Bytes of one chunk; clamd takes up to 4 GiB.
CHUNK = 256 * 1024
#: The longest answer: the name of a signature and a few words.
_MAX_ANSWER = 4096

#: The test file that every scanner must find: https://www.eicar.org. In two parts, so that no
#: scanner finds it here.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR" + b"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"

#: What clamd "finds" in files that it did not read, if AlertExceedsMax and AlertEncrypted are on.
_LIMITS = "Heuristics.Limits.Exceeded"
_ENCRYPTED = "Heuristics.Encrypted"
_SIZE_EXCEEDED = "INSTREAM size limit exceeded"


@dataclass(frozen=True)
class Answer:
    """What clamd says about a stream of bytes."""

    kind: verdict.Kind
    reason: Reason = NO_REASON


def version() -> str:
    """The version of clamd and of its signatures. Raises ScannerUnavailable."""
    deadline = time.monotonic() + SECONDS
    with _connect(deadline) as connection:
        try:
            connection.sendall(b"zVERSION\0")
            return _answer(connection, deadline)
        except OSError as exc:
            raise ScannerUnavailable from exc


def scan(chunks: Iterable[bytes], *, deadline: float) -> Answer:
    """Send bytes to clamd, and return its answer; `deadline` is a value of `time.monotonic`.

    Raises ScannerUnavailable, and what `chunks` raises. Holds one chunk in memory.
    """
    with _connect(deadline) as connection:
        try:
            _send(connection, b"zINSTREAM\0", deadline)
            for chunk in _pieces(chunks):
                if _has_answered(connection):
                    break
                if not _send(connection, struct.pack("!I", len(chunk)) + chunk, deadline):
                    break
            else:
                _send(connection, struct.pack("!I", 0), deadline)
            return parse(_answer(connection, deadline))
        except OSError as exc:
            raise ScannerUnavailable from exc


def parse(answer: str) -> Answer:
    """The meaning of an answer to INSTREAM (pure). Raises ScannerUnavailable for an error."""
    text = answer.removeprefix("stream: ")
    if text == "OK":
        return Answer("clean")
    if text.startswith(_SIZE_EXCEEDED):
        return Answer("unknown", verdict.TOO_LARGE)
    if not text.endswith(" FOUND"):
        raise ScannerUnavailable(f"clamd answers: {answer[:200]!r}")
    signature = text.removesuffix(" FOUND")
    if signature.startswith(_LIMITS):
        return Answer("unknown", verdict.TOO_LARGE)
    if signature.startswith(_ENCRYPTED):
        return Answer("unknown", verdict.ENCRYPTED)
    return Answer("infected", verdict.infected(signature))


def _pieces(chunks: Iterable[bytes]) -> Iterable[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), CHUNK):
            yield chunk[start : start + CHUNK]


def _connect(deadline: float) -> socket.socket:
    url = urlsplit(conf().clamd)
    seconds = min(SECONDS, _left(deadline))
    try:
        if url.scheme == "tcp":
            return socket.create_connection((url.hostname, url.port), timeout=seconds)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(seconds)
            connection.connect(unquote(url.path))
        except OSError:
            connection.close()
            raise
    except OSError as exc:
        raise ScannerUnavailable from exc
    return connection


def _left(deadline: float) -> float:
    """Seconds until the deadline. Raises ScannerUnavailable if it is over."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise ScannerUnavailable("The scanner for malware took too long.")
    return left


def _has_answered(connection: socket.socket) -> bool:
    """Whether clamd answers, or has closed the connection, before it was sent everything."""
    return bool(select.select([connection], [], [], 0)[0])


def _send(connection: socket.socket, data: bytes, deadline: float) -> bool:
    """Send all of it; return False if clamd no longer listens. It may have said why."""
    connection.settimeout(_left(deadline))
    try:
        connection.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def _answer(connection: socket.socket, deadline: float) -> str:
    """Read up to the NUL that ends an answer."""
    received = b""
    while b"\0" not in received:
        connection.settimeout(_left(deadline))
        data = connection.recv(_MAX_ANSWER)
        if not data or len(received) > _MAX_ANSWER:
            # An answer that is cut off may lack the end of "… FOUND".
            raise ScannerUnavailable("The scanner for malware has ended the connection.")
        received += data
    return received.split(b"\0", 1)[0].decode("utf-8", "replace").strip()
