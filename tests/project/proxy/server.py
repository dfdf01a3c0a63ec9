"""A server behind the fault proxy, and clients in front of it."""

from __future__ import annotations

import hashlib
import http.client
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.proxy import Proxy

MIB = 1024**2


class Upstream(ThreadingHTTPServer):
    """Responds with the digest of the body and records each request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[str] = []
        self.connections = 0

    def process_request(self, request: object, client_address: object) -> None:
        self.connections += 1
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # Broken connections are what these tests are about.


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def log_request(self, *args: object) -> None:
        pass

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _respond(self) -> None:
        if self.path == "/early":
            # Refused before the body was read, as S3 may do with a wrong signature.
            self.server.seen.append("early")
            self.send_response(403)
            self.send_header("Content-Length", "5")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"early")
            self.close_connection = True
            return
        body = self._body()
        self.server.seen.append(f"{self.command} {self.path} {self.headers['Host']}")
        response = hashlib.sha256(body).hexdigest().encode()
        self.send_response(204 if self.path == "/empty" else 200)
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in (response[:10], response[10:]):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        elif self.path == "/until-close":
            self.end_headers()
            self.wfile.write(response)
            self.close_connection = True
        elif self.path == "/empty":
            self.end_headers()
        else:
            self.send_header("Content-Length", str(len(response)))
            if self.path == "/close":
                self.close_connection = True
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(response)

    do_GET = do_PUT = do_POST = do_HEAD = do_OPTIONS = _respond  # noqa: N815


class Talk:
    """A keep-alive connection to the proxy."""

    def __init__(self, proxy: Proxy) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=20)

    def __call__(
        self, method: str = "GET", path: str = "/", body: bytes | Iterator[bytes] | None = None
    ) -> tuple[int, bytes]:
        self.connection.request(method, path, body)
        response = self.connection.getresponse()
        return response.status, response.read()

    def fails(self, method: str = "GET", path: str = "/", body: bytes | None = None) -> bool:
        try:
            self(method, path, body)
        except OSError:
            self.connection.close()
            return True
        return False


def digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


def in_background(talk: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=talk)
    thread.start()
    return thread
