"""The fault proxy itself: what it must leave alone, and each of its faults."""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.support.proxy import Proxy, Request, parts
from tests.support.waiting import wait_for

MIB = 1024**2


class Upstream(ThreadingHTTPServer):
    """Answers with the digest of the body, and remembers what it saw."""

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

    def _answer(self) -> None:
        if self.path == "/early":
            # Refused before the body: what S3 may do with a wrong signature.
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
        answer = hashlib.sha256(body).hexdigest().encode()
        self.send_response(204 if self.path == "/empty" else 200)
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in (answer[:10], answer[10:]):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        elif self.path == "/until-close":
            self.end_headers()
            self.wfile.write(answer)
            self.close_connection = True
        elif self.path == "/empty":
            self.end_headers()
        else:
            self.send_header("Content-Length", str(len(answer)))
            if self.path == "/close":
                self.close_connection = True
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer)

    do_GET = do_PUT = do_POST = do_HEAD = do_OPTIONS = _answer  # noqa: N815


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(upstream: Upstream) -> Iterator[Proxy]:
    with Proxy(upstream.server_address[1]) as proxy:
        yield proxy


class Talk:
    """A keep-alive connection to the proxy."""

    def __init__(self, proxy: Proxy) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=20)

    def __call__(
        self, method: str = "GET", path: str = "/", body: bytes | Iterator[bytes] | None = None
    ) -> tuple[int, bytes]:
        self.connection.request(method, path, body)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def fails(self, method: str = "GET", path: str = "/", body: bytes | None = None) -> bool:
        try:
            self(method, path, body)
        except OSError:
            self.connection.close()
            return True
        return False


@pytest.fixture
def talk(proxy: Proxy) -> Iterator[Talk]:
    talk = Talk(proxy)
    yield talk
    talk.connection.close()


def digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


# What it leaves alone


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
def test_answers_of_every_framing_pass(talk: Talk, path: str) -> None:
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


def test_the_clients_connection_is_kept_and_the_servers_is_new(
    upstream: Upstream, talk: Talk
) -> None:
    """A server that hangs up after an answer must not cost the next request."""
    talk("PUT", "/", b"x")
    kept = talk.connection.sock
    for _ in range(4):
        talk("PUT", "/", b"x")
    assert talk.connection.sock is kept
    assert upstream.connections == 5


def test_an_answer_that_comes_before_the_body_reaches_the_client(proxy: Proxy, talk: Talk) -> None:
    assert talk("PUT", "/early", bytes(8 * MIB)) == (403, b"early")
    assert proxy.requests(parts)[0].sent < 8 * MIB


def test_a_client_that_asks_before_it_sends_is_answered(proxy: Proxy) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port), 20) as client:
        client.sendall(
            b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"
        )
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"x")
        assert client.recv(1000).startswith(b"HTTP/1.1 200 OK")


def test_a_server_that_is_gone_is_a_broken_connection(upstream: Upstream) -> None:
    with socket.socket() as unused:
        # Taken, so that nobody else gets it, and nobody listens.
        unused.bind(("127.0.0.1", 0))
        with Proxy(unused.getsockname()[1]) as proxy:
            assert Talk(proxy).fails()


def test_a_server_that_accepts_nothing_holds_up_only_who_asks_it() -> None:
    """The kernel lets one wait to be accepted; to the next it does not even say no."""
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


def test_it_stops_with_requests_in_flight_and_starts_again(proxy: Proxy, talk: Talk) -> None:
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


# Its faults


def statuses(talk: Talk, count: int, method: str = "PUT") -> list[int]:
    return [talk(method, "/", b"body")[0] for _ in range(count)]


def test_every_third_request_fails_and_the_server_never_sees_it(
    proxy: Proxy, upstream: Upstream, talk: Talk
) -> None:
    fault = proxy.fail_every(3)
    assert statuses(talk, 7) == [200, 200, 503, 200, 200, 503, 200]
    assert (fault.matched, fault.struck) == (7, 2)
    assert len(upstream.seen) == 5
    assert [request.fault for request in proxy.log][:3] == [None, None, "fail"]
    assert proxy.sent() == 5 * 4


def test_a_failure_looks_like_one_of_s3(proxy: Proxy, talk: Talk) -> None:
    proxy.fail_every(1, 500)
    status, body = talk("PUT", "/", bytes(MIB))
    assert status == 500
    assert b"<Code>SlowDown</Code>" in body


@pytest.mark.parametrize("cors", [True, False])
def test_a_failure_may_lack_the_headers_without_which_a_page_cannot_read_it(
    proxy: Proxy, talk: Talk, cors: bool
) -> None:
    proxy.fail_every(1, cors=cors)
    talk.connection.request("PUT", "/", b"x")
    answer = talk.connection.getresponse()
    answer.read()
    assert answer.headers["Access-Control-Allow-Origin"] == ("*" if cors else None)


def test_only_what_matches_is_counted(proxy: Proxy, talk: Talk) -> None:
    fault = proxy.fail_every(2, match=parts)
    assert statuses(talk, 3, "POST") == [200, 200, 200]
    assert statuses(talk, 2) == [200, 503]
    assert fault.matched == 2


def test_a_fault_can_end_by_itself(proxy: Proxy, talk: Talk) -> None:
    proxy.fail_every(1, times=2)
    assert statuses(talk, 3) == [503, 503, 200]


def test_preflights_are_hit_only_if_asked(proxy: Proxy, talk: Talk) -> None:
    proxy.fail_every(1)
    assert statuses(talk, 1, "OPTIONS") == [200]
    proxy.reset()
    proxy.fail_every(1, preflights=True)
    assert statuses(talk, 1, "OPTIONS") == [503]
    assert proxy.requests() == []
    assert len(proxy.log) == 1


@pytest.mark.parametrize("size", [2, 2 * MIB])
def test_a_cut_comes_in_the_middle_of_the_body(
    proxy: Proxy, upstream: Upstream, talk: Talk, size: int
) -> None:
    proxy.cut_every(2)
    assert talk("PUT", "/", bytes(size))[0] == 200
    assert talk.fails("PUT", "/", bytes(size))
    assert talk("PUT", "/", bytes(size))[0] == 200
    assert [request.sent for request in proxy.log] == [size, size // 2, size]
    assert [request.status for request in proxy.log] == [200, None, 200]
    assert len(upstream.seen) == 2


def test_a_lost_answer_belongs_to_a_request_that_was_done(
    proxy: Proxy, upstream: Upstream, talk: Talk
) -> None:
    proxy.lose_every(1, times=1)
    assert talk.fails("PUT", "/", b"x")
    assert upstream.seen
    assert (proxy.log[0].sent, proxy.log[0].status) == (1, None)


def test_a_flip_changes_one_bit(proxy: Proxy, talk: Talk) -> None:
    body = bytes(MIB)
    proxy.flip_every(1, times=1)
    assert talk("PUT", "/", body) == (200, digest(b"\x01" + body[1:]))
    assert talk("PUT", "/", body) == (200, digest(body))
    assert [request.fault for request in proxy.log] == ["flip", None]


def in_background(talk: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=talk)
    thread.start()
    return thread


def test_held_requests_wait_until_they_are_released(
    proxy: Proxy, upstream: Upstream, talk: Talk
) -> None:
    proxy.hold(parts)
    assert talk("GET")[0] == 200
    waiting = in_background(lambda: talk("PUT", "/", b"x"))
    [request] = wait_for(lambda: proxy.requests(parts))
    time.sleep(0.1)  # Nothing happens, which no condition can show.
    assert (request.status, len(upstream.seen)) == (None, 1)
    proxy.release()
    waiting.join()
    assert request.status == 200


def test_nothing_else_happens_to_a_request_that_was_held(proxy: Proxy, talk: Talk) -> None:
    broken = proxy.fail_every(1)
    proxy.hold(parts)
    waiting = in_background(lambda: talk("PUT", "/", b"x"))
    [request] = wait_for(proxy.requests)
    proxy.release()
    waiting.join()
    assert (request.status, request.fault, broken.matched) == (200, "hold", 0)


def test_a_refused_client_loses_what_it_has_and_gets_no_new(proxy: Proxy, talk: Talk) -> None:
    assert talk()[0] == 200
    proxy.refuse()
    assert talk.fails()
    assert talk.fails()
    proxy.accept()
    assert talk()[0] == 200


def test_latency_is_added_to_each_request(proxy: Proxy, talk: Talk) -> None:
    proxy.latency = 0.1
    began = time.monotonic()
    statuses(talk, 3)
    assert time.monotonic() - began >= 0.3


def test_the_bandwidth_is_shared_by_all(proxy: Proxy) -> None:
    proxy.bandwidth = 4 * MIB
    began = time.monotonic()
    talks = [Talk(proxy), Talk(proxy)]
    for thread in [in_background(partial(talk, "PUT", "/", bytes(MIB))) for talk in talks]:
        thread.join()
    assert time.monotonic() - began >= 0.5
    for talk in talks:
        talk.connection.close()


def test_a_reset_ends_every_fault_and_empties_the_log(proxy: Proxy, talk: Talk) -> None:
    for spoil in (proxy.fail_every, proxy.cut_every, proxy.lose_every, proxy.flip_every):
        spoil(1)
    proxy.latency, proxy.bandwidth = 10, 1
    proxy.hold()
    proxy.refuse()
    proxy.reset()
    assert talk("PUT", "/", b"x") == (200, digest(b"x"))
    assert [request.status for request in proxy.log] == [200]


def test_the_log_can_be_narrowed(proxy: Proxy, talk: Talk) -> None:
    def third(request: Request) -> bool:
        return request.path == "/3"

    for number in range(5):
        talk("PUT", f"/{number}", b"x" * number)
    assert [request.path for request in proxy.requests(third)] == ["/3"]
    assert proxy.sent(third) == 3
