"""A load generator for one server: raw HTTP/1.1 requests on connections that stay open.

It is one thread of one process, and needs much less time for a request than the servers do. It
checks every response, so that a fast error does not count as speed.
"""

from __future__ import annotations

import json
import selectors
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

#: As many requests as are in flight at a time.
CONNECTIONS = 16
#: Seconds to wait for a response.
PATIENCE = 60
_END_OF_HEAD = b"\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"


@dataclass(frozen=True)
class Response:
    """A response with its body, without the framing of chunks."""

    status: int
    body: bytes


@dataclass(frozen=True)
class Load:
    """What a run has measured, and its last response."""

    requests: int
    seconds: float
    last: Response

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def request(method: str, url: str, body: Any = None, headers: Mapping[str, str] = {}) -> bytes:
    """The bytes of a request. `body` becomes JSON; None is no body."""
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    content = b"" if body is None else json.dumps(body).encode()
    lines = {"Host": parts.netloc, "Accept": "application/json", **headers}
    if body is not None:
        lines |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + content


def run(
    url: str,
    data: bytes,
    check: Callable[[Response], None],
    *,
    seconds: float,
    connections: int = CONNECTIONS,
) -> Load:
    """Send the same request again and again for some seconds, and wait for the last responses.

    `check` is called with each response, and raises an error for a wrong one.
    """
    address = (urlsplit(url).hostname or "", urlsplit(url).port or 80)
    clients = [_Client(socket.create_connection(address)) for _ in range(connections)]
    try:
        with selectors.DefaultSelector() as selector:
            for client in clients:
                selector.register(client.socket, selectors.EVENT_READ, client)
            return _exchange(selector, clients, data, check, seconds)
    finally:
        for client in clients:
            client.socket.close()


@dataclass(eq=False)
class _Client:
    socket: socket.socket
    received: bytearray = field(default_factory=bytearray)

    def receive(self) -> Response | None:
        """Read what there is; the response once it is complete."""
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        self.received += data
        response = parse(bytes(self.received))
        if response:
            self.received.clear()
        return response


def _exchange(
    selector: selectors.BaseSelector,
    clients: list[_Client],
    data: bytes,
    check: Callable[[Response], None],
    seconds: float,
) -> Load:
    began = time.perf_counter()
    for client in clients:
        client.socket.sendall(data)
    waiting, count = len(clients), 0
    last = Response(0, b"")
    while waiting:
        ready = selector.select(PATIENCE)
        if not ready:
            raise TimeoutError("the server does not respond")
        for key, _ in ready:
            received = key.data.receive()
            if received is None:
                continue
            check(received)
            last, count = received, count + 1
            if time.perf_counter() - began < seconds:
                key.data.socket.sendall(data)
            else:
                waiting -= 1
    return Load(count, time.perf_counter() - began, last)


def parse(data: bytes) -> Response | None:
    """The response in these bytes; None if it is incomplete.

    Raises ValueError if it has no length: then it would end with the connection.
    """
    head, separator, rest = data.partition(_END_OF_HEAD)
    if not separator:
        return None
    fields = head.lower()
    status = int(head.split(b" ", 2)[1])
    if b"transfer-encoding: chunked" in fields:
        return Response(status, _joined(rest)) if rest.endswith(_LAST_CHUNK) else None
    _, found, after = fields.partition(b"\r\ncontent-length:")
    if not found:
        raise ValueError(f"a response without a length: {head[:200]!r}")
    length = int(after.partition(b"\r\n")[0])
    return Response(status, rest) if len(rest) >= length else None


def _joined(chunks: bytes) -> bytes:
    body = b""
    while chunks != _LAST_CHUNK:
        size, _, chunks = chunks.partition(b"\r\n")
        length = int(size, 16)
        body += chunks[:length]
        chunks = chunks[length + 2 :]
    return body
