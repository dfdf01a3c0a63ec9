"""Within a time limit, a connection to AWS ends in time, whatever the other side does."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session

from tests.support.certificates import create_certificate, server_context
from tests.support.scripted import Connection, Script, Scripted, relay, silent_addresses
from tests.support.waiting import wait_for
from uploads.aws import time_limit

#: Seconds, much shorter than any time-out of a client.
LIMIT = 0.4
#: Seconds that no request takes, even on a slow machine, unless the limit is not kept.
NEVER = 5.0
MANY = 50_000
#: Bytes that fit into no buffer.
LARGE = 32_000_000
OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = OK + b"Content-Length: 0\r\n\r\n"
NAME = "many.addresses.test"
#: The beginning of a TLS record of 16 KiB, a part of the server's first message.
HANDSHAKE = b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb\x03\x03" + bytes(16_000)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return create_certificate(tmp_path_factory.mktemp("tls") / "certificate.pem")


def http(at_once: bytes, dripping: bytes) -> Script:
    """Respond with the first part at once, and drip the second."""

    def script(connection: Connection) -> None:
        connection.socket.recv(65536)
        connection.send(at_once)
        connection.drip(dripping)
        connection.hang()

    return script


def in_tls(context: ssl.SSLContext, script: Script) -> Script:
    def wrapped(connection: Connection) -> None:
        with context.wrap_socket(connection.socket, server_side=True) as connection.socket:
            script(connection)

    return wrapped


def slow_reader(connection: Connection) -> None:
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    while not connection.pause():
        connection.socket.recv(64)


#: What a server without TLS does.
PLAIN: dict[str, Script] = {
    "no response": http(b"", b""),
    "a dripping status line": http(b"", OK + b"X: " + b"a" * MANY),
    "dripping headers": http(OK, b"X: y\r\n" * MANY),
    "one dripping header": http(OK, b"X: " + b"a" * MANY),
    "100 Continue, again and again": http(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * MANY),
    "a dripping body": http(OK + b"Content-Length: 50000\r\n\r\n", b" " * MANY),
    "a dripping body without a length": http(OK + b"\r\n", b" " * MANY),
    "dripping chunks": http(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n" * MANY),
    "a dripping length of a chunk": http(
        OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1;" + b"a" * MANY
    ),
    "dripping trailers": http(
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: b\r\n" * MANY
    ),
    "a dripping error": http(
        b"HTTP/1.1 503 Slow Down\r\nContent-Length: 50000\r\n\r\n", b" " * MANY
    ),
    "a body that stops": http(OK + b"Content-Length: 9\r\n\r\n1234", b""),
    "reading slowly": slow_reader,
}
#: What a server with TLS does.
TLS: dict[str, Callable[[ssl.SSLContext], Script]] = {
    "no handshake": lambda _: http(b"", b""),
    "a dripping handshake": lambda _: http(b"", HANDSHAKE),
    "a dripping body in TLS": lambda context: in_tls(context, PLAIN["a dripping body"]),
    "dripping headers in TLS": lambda context: in_tls(context, PLAIN["dripping headers"]),
    "reading slowly in TLS": lambda context: in_tls(context, slow_reader),
}
#: What the proxy on the way to a server with TLS does.
PROXIES: dict[str, Script] = {
    "no response of the proxy": http(b"", b""),
    "a dripping response of the proxy": http(b"", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * MANY),
    "no handshake after the proxy": http(b"HTTP/1.1 200 OK\r\n\r\n", b""),
    "a dripping handshake after the proxy": http(b"HTTP/1.1 200 OK\r\n\r\n", HANDSHAKE),
}
#: The others run with `make test-all` only.
USUAL = {"dripping headers", "a dripping body", "reading slowly", "a dripping handshake"}


def cases(names: Any) -> list[Any]:
    return [
        name if name in USUAL else pytest.param(name, marks=pytest.mark.exhaustive)
        for name in names
    ]


@contextmanager
def ends_in_time(limit: float = LIMIT) -> Iterator[None]:
    """The code inside fails because of its limit, and in time."""
    started_at = time.monotonic()
    with time_limit.limited(limit), pytest.raises(BotoCoreError):
        yield
    seconds = time.monotonic() - started_at
    # It has waited, rather than fail for another reason.
    assert 0.9 * limit < seconds < NEVER


def request(
    url: str, *, ca: Path | bool = True, proxy: str | None = None, size: int = 0
) -> tuple[int, bytes]:
    """Send what botocore's clients and its sources of credentials send."""
    session = URLLib3Session(verify=str(ca), proxies={"https": proxy} if proxy else None)
    try:
        response = session.send(AWSRequest("POST", url, data=bytes(size)).prepare())
        return response.status_code, response.content
    finally:
        session.close()


@pytest.mark.parametrize("name", cases(PLAIN))
def test_a_request_ends(name: str) -> None:
    with Scripted(PLAIN[name]) as server, ends_in_time():
        request(server.url, size=LARGE if "reading" in name else 0)


@pytest.mark.parametrize("name", cases(TLS))
def test_a_request_in_tls_ends(name: str, certificate: Path) -> None:
    with Scripted(TLS[name](server_context(certificate))) as server, ends_in_time():
        url = f"https://127.0.0.1:{server.port}"
        request(url, ca=certificate, size=LARGE if "reading" in name else 0)


def test_a_request_ends_on_a_connection_that_was_used_before() -> None:
    def script(connection: Connection) -> None:
        connection.socket.recv(65536)
        connection.send(EMPTY)
        slow_reader(connection)

    with Scripted(script) as server:
        session = URLLib3Session()
        session.send(AWSRequest("GET", server.url).prepare())
        with ends_in_time():
            session.send(AWSRequest("POST", server.url, data=bytes(LARGE)).prepare())
        session.close()


@pytest.mark.exhaustive
@pytest.mark.parametrize("pieces", [1, 2], ids=["handshake", "response"])
def test_a_request_ends_although_tls_records_drip(certificate: Path, pieces: int) -> None:
    body = EMPTY.replace(b" 0", b" 9000") + bytes(9000)
    script = in_tls(server_context(certificate), http(body, b""))
    with (
        Scripted(script) as server,
        Scripted(relay(server.port, lambda sent: sent >= pieces)) as slow,
        ends_in_time(),
    ):
        request(f"https://127.0.0.1:{slow.port}", ca=certificate)


@pytest.mark.exhaustive
@pytest.mark.parametrize("proxy_in_tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("name", PROXIES)
def test_a_request_through_a_proxy_ends(name: str, proxy_in_tls: bool, certificate: Path) -> None:
    script = PROXIES[name]
    if proxy_in_tls:
        script = in_tls(server_context(certificate), script)
    with Scripted(script) as server, ends_in_time():
        proxy = f"http{'s' * proxy_in_tls}://127.0.0.1:{server.port}"
        request("https://aws.test", ca=certificate, proxy=proxy)


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of the host NAME."""
    addresses: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: str, *args: Any, **options: Any) -> Any:
        if host != NAME:
            return real(host, *args, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 0)) for each in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return addresses


def test_many_silent_addresses_take_no_longer_than_one(addresses: list[str]) -> None:
    with silent_addresses(8) as (silent, port), ends_in_time(1):
        addresses += silent
        request(f"http://{NAME}:{port}")


def test_an_address_that_answers_is_found_behind_silent_ones(addresses: list[str]) -> None:
    with silent_addresses(1) as (silent, port), socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()
        addresses += [*silent, "127.0.0.1"]
        with time_limit.limited(3), ThreadPoolExecutor(1) as pool:
            responding = pool.submit(_respond, listener)
            assert request(f"http://{NAME}:{port}") == (200, b"")
            responding.result()


def _respond(listener: socket.socket) -> None:
    with listener.accept()[0] as accepted:
        accepted.recv(65536)
        accepted.sendall(EMPTY)


def test_a_look_up_of_a_name_ends_and_leaves_one_thread_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered, lookups = threading.Event(), []
    real = socket.getaddrinfo

    def resolve(host: str, *args: Any, **options: Any) -> Any:
        if host != NAME:
            return real(host, *args, **options)
        lookups.append(host)
        answered.wait()
        return real("127.0.0.1", *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with Scripted(http(EMPTY, b"")) as server:
        url = f"http://{NAME}:{server.port}"
        for _ in range(3):
            with ends_in_time(0.2):
                request(url)
        assert lookups == [NAME]
        answered.set()
        with time_limit.limited(60):
            assert request(url) == (200, b"")


def test_names_that_do_not_exist_are_refused_at_once() -> None:
    for host in ("does-not-exist.invalid", f"{'a' * 64}.test"):
        with time_limit.limited(600), pytest.raises(BotoCoreError):
            request(f"http://{host}")


def test_without_a_limit_nothing_changes(certificate: Path) -> None:
    """Whether a request with a limit uses the connection of one without, or the other way round."""

    def respond(connection: Connection) -> None:
        while connection.socket.recv(65536):
            connection.send(OK + b"Content-Length: 100\r\n\r\n" + b" " * 75)
            # Longer than the limit.
            connection.drip(b" " * 25)

    with Scripted(in_tls(server_context(certificate), respond)) as server:
        session = URLLib3Session(verify=str(certificate))
        get = AWSRequest("GET", f"https://127.0.0.1:{server.port}").prepare()
        with time_limit.limited(60):
            assert len(session.send(get).content) == 100
        assert len(session.send(get).content) == 100
        with ends_in_time():
            session.send(get)
        session.close()


def test_a_connection_is_closed_when_its_request_has_ended() -> None:
    closed = threading.Event()

    def script(connection: Connection) -> None:
        connection.socket.recv(65536)
        connection.send(OK + b"Content-Length: 9\r\n\r\n1")
        if not connection.socket.recv(1):
            closed.set()

    with Scripted(script) as server:
        session = URLLib3Session()
        with ends_in_time():
            session.send(AWSRequest("GET", server.url).prepare())
        # Another request would read the rest of that response.
        wait_for(closed.is_set)
        session.close()
