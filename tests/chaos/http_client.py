"""One HTTP request at a time, and requests that break off."""

from __future__ import annotations

import http.client
import json
import socket
import struct
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

#: A client waits and retries after these.
RETRYABLE = {429, 503}


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes
    link: str = ""

    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


class Unanswered(Exception):
    """The request got no response. `sent`: it may have arrived."""

    def __init__(self, cause: BaseException, *, sent: bool) -> None:
        super().__init__(repr(cause))
        self.sent = sent


def request(
    method: str, url: str, headers: dict[str, str], body: bytes = b"", *, timeout: float = 60
) -> Response:
    """One HTTP request on a connection of its own."""
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    sent = False
    try:
        connection.connect()
        sent = True
        connection.request(
            method, target, body if body or method in {"PUT", "POST"} else None, headers
        )
        response = connection.getresponse()
        return Response(response.status, response.read(), response.headers.get("Link", ""))
    except (OSError, http.client.HTTPException) as exc:
        raise Unanswered(exc, sent=sent) from exc
    finally:
        connection.close()


def send_half(url: str, headers: dict[str, str], body: bytes) -> None:
    """Send half of a PUT and hang up."""
    parts = urlsplit(url)
    lines = [f"PUT {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    try:
        with socket.create_connection((parts.hostname, parts.port), timeout=30) as sock:
            sock.sendall("\r\n".join(lines).encode() + body[: len(body) // 2])
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass  # A fault broke the connection earlier; the effect is the same.
