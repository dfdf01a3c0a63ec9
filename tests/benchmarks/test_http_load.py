"""The load generator reads responses as servers send them, and accepts no wrong one."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks import http_load
from benchmarks.http_load import Response

LENGTH = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (LENGTH, Response(200, b"hello")),
        (CHUNKED, Response(200, b"hello")),
        (LENGTH.replace(b"Content-Length", b"content-length"), Response(200, b"hello")),
        (LENGTH.replace(b"200 OK", b"503 Service Unavailable"), Response(503, b"hello")),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", Response(204, b"")),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Response(200, b"")),
    ],
)
def test_a_response_is_complete_only_with_its_last_byte(data: bytes, expected: Response) -> None:
    assert http_load.parse(data) == expected
    for end in range(len(data)):
        assert http_load.parse(data[:end]) is None


def test_a_response_without_a_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="without a length"):
        http_load.parse(b"HTTP/1.1 200 OK\r\n\r\n")


def test_a_request_has_its_target_headers_and_body() -> None:
    data = http_load.request("POST", "http://h:1/a?b=c", {"d": 1}, {"X-Y": "z"})
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /a?b=c HTTP/1.1"
    assert {b"Host: h:1", b"X-Y: z", b"Content-Length: 8"} <= set(lines[1:])
    assert body == b'{"d": 1}'


@contextmanager
def server(response: bytes | None) -> Iterator[str]:
    """A server that sends the same response for everything it receives; None closes instead."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        # The load generator may close the connection before it has read everything.
        with client, contextlib.suppress(OSError):
            while client.recv(65536) and response is not None:
                client.sendall(response)

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_every_response_is_counted_and_checked() -> None:
    checked: list[Response] = []
    with server(LENGTH) as url:
        data = http_load.request("GET", url)
        load = http_load.run(url, data, checked.append, seconds=0.05, connections=3)
    assert load.requests == len(checked) >= 3
    assert set(checked) == {load.last} == {Response(200, b"hello")}
    assert load.per_second == load.requests / load.seconds


def test_a_wrong_response_ends_the_run() -> None:
    def refuse(response: Response) -> None:
        raise ValueError(response.status)

    with server(LENGTH.replace(b"200", b"500")) as url, pytest.raises(ValueError, match="500"):
        http_load.run(url, http_load.request("GET", url), refuse, seconds=5)


def test_a_connection_that_the_server_closes_ends_the_run() -> None:
    with server(None) as url, pytest.raises(ConnectionError):
        http_load.run(url, http_load.request("GET", url), lambda _: None, seconds=5)
