"""The fault proxy forwards everything unchanged."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from tests.project.proxy.server import MIB, Talk, Upstream, digest, in_background
from tests.support.proxy import Proxy, parts
from tests.support.waiting import wait_for


@pytest.mark.parametrize("size", [0, 1, 300_000, 5 * MIB + 1])
def test_a_body_arrives_as_it_was_sent_and_is_counted(proxy: Proxy, talk: Talk, size: int) -> None:
    body = os.urandom(size)
    assert talk("PUT", "/a/b?partNumber=3", body) == (200, digest(body))
    [request] = proxy.requests(parts)
    assert (request.method, request.path, request.query) == ("PUT", "/a/b", "partNumber=3")
    assert (request.status, request.sent, request.size) == (200, size, size)
    assert request.fault is None
    assert proxy.sent() == size


def test_a_chunked_body_arrives_and_the_connection_can_be_used_again(talk: Talk) -> None:
    pieces = [os.urandom(size) for size in (1, 700_000, 3)]
    assert talk("PUT", "/", iter(pieces)) == (200, digest(b"".join(pieces)))
    assert talk("PUT", "/", b"next") == (200, digest(b"next"))


@pytest.mark.parametrize("path", ["/", "/chunked", "/until-close", "/close", "/empty"])
def test_responses_of_every_framing_pass(talk: Talk, path: str) -> None:
    for body in (b"one", b"two"):
        expected = (204, b"") if path == "/empty" else (200, digest(body))
        assert talk("POST", path, body) == expected
    assert talk("HEAD", "/") == (200, b"")
    assert talk("GET", "/") == (200, digest(b""))


def test_the_host_header_stays_what_the_client_sent(upstream: Upstream, talk: Talk) -> None:
    talk.connection.putrequest("GET", "/signed", skip_host=True)
    talk.connection.putheader("Host", "bucket.example")
    talk.connection.endheaders()
    talk.connection.getresponse().read()
    assert upstream.seen == ["GET /signed bucket.example"]


def test_the_clients_connection_is_kept_and_the_servers_is_not(
    upstream: Upstream, talk: Talk
) -> None:
    """A server that closes the connection after a response must not break the next request."""
    talk("PUT", "/", b"x")
    kept = talk.connection.sock
    for _ in range(4):
        talk("PUT", "/", b"x")
    assert talk.connection.sock is kept
    assert upstream.connections == 5


def test_a_response_that_comes_before_the_body_reaches_the_client(proxy: Proxy, talk: Talk) -> None:
    assert talk("PUT", "/early", bytes(8 * MIB)) == (403, b"early")
    assert proxy.requests(parts)[0].sent < 8 * MIB


def test_a_client_that_expects_100_continue_gets_it(proxy: Proxy) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port), 20) as client:
        client.sendall(
            b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"
        )
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"x")
        assert client.recv(1000).startswith(b"HTTP/1.1 200 OK")


def test_a_server_that_is_gone_is_a_broken_connection(upstream: Upstream) -> None:
    with socket.socket() as unused:
        # The port is bound, so that no other process gets it, but nothing listens.
        unused.bind(("127.0.0.1", 0))
        with Proxy(unused.getsockname()[1]) as proxy:
            assert Talk(proxy).fails()


def test_a_hanging_server_blocks_only_its_own_clients() -> None:
    """The kernel queues one connection; the next one gets no response at all."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as busy,
        socket.create_connection(busy.getsockname()),
        Proxy(busy.getsockname()[1]) as proxy,
    ):
        proxy.fail_every(1, 503, lambda request: request.path == "/broken")
        waiting, other = Talk(proxy), Talk(proxy)
        thread = in_background(waiting.fails)
        wait_for(lambda: proxy.log)
        assert other("GET", "/broken")[0] == 503
        assert not proxy.log[0].over
        proxy.stop()
        thread.join()
        other.connection.close()


def test_the_proxy_stops_with_requests_in_flight_and_starts_again(proxy: Proxy, talk: Talk) -> None:
    proxy.hold()
    failed: list[bool] = []
    thread = threading.Thread(target=lambda: failed.append(talk.fails()))
    thread.start()
    wait_for(lambda: proxy.log)
    before = threading.active_count()
    proxy.stop()
    assert threading.active_count() < before
    thread.join()
    assert failed == [True]
    proxy.reset()
    proxy.start()
    assert talk("GET")[0] == 200
