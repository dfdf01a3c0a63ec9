"""One attempt, against real servers on this machine."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.support.webhook_receiver import Receiver
from uploads.integrations.webhooks import addresses, send
from uploads.integrations.webhooks.retries import Answer
from uploads.models import WebhookEndpoint

BODY = '{"type":"file.stored","data":{"file_name":"<b>ä\\u202e</b>"}}'


def post(url: str, secret: str = "") -> Answer:
    secret = secret or WebhookEndpoint.new_secret()
    return send.post(url, secret=secret, event_id="evt_1", body=BODY)


def test_the_receiver_can_verify_the_signature(receiver: Receiver) -> None:
    assert post(receiver.url, receiver.secret) == Answer(200)
    ((event_id, body),) = receiver.received
    assert (event_id, body["data"]["file_name"]) == ("evt_1", "<b>ä\u202e</b>")


def test_another_secret_is_refused(receiver: Receiver) -> None:
    assert post(receiver.url).status == 401
    assert (receiver.received, receiver.refused) == ([], 1)


def test_redirects_are_not_followed(receiver: Receiver) -> None:
    receiver.status, receiver.headers = 307, {"Location": receiver.url}
    assert post(receiver.url, receiver.secret).status == 307
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    ("value", "least", "most"), [("120", 120, 120), ("date", 30, 60), ("soon", None, None)]
)
def test_retry_after(
    receiver: Receiver, value: str, least: float | None, most: float | None
) -> None:
    at = datetime.now(UTC) + timedelta(minutes=1)
    receiver.headers = {
        "Retry-After": format_datetime(at, usegmt=True) if value == "date" else value
    }
    found = post(receiver.url, receiver.secret).retry_after
    if least is None or most is None:
        assert found is None
    else:
        assert found is not None
        assert least <= found <= most


def test_a_private_address_is_refused_before_a_connection(
    receiver: Receiver, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FILEHUB |= {"WEBHOOK_PRIVATE_ADDRESSES": "off"}  # type: ignore[attr-defined]
    assert post(receiver.url) == Answer(problem="url")
    assert post(receiver.url.replace("http:", "https:")) == Answer(problem="address")
    assert receiver.refused == 0


def test_a_name_is_looked_up_once(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """So an address that changes after the check leads nowhere else."""
    lookups = []
    real = socket.getaddrinfo

    def lookup(host: str, *arguments: object, **more: object) -> object:
        lookups.append(host)
        return real("127.0.0.1", *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", lookup)
    url = receiver.url.replace("127.0.0.1", "hook.example.com")
    assert post(url, receiver.secret) == Answer(200)
    # That of the number, which connecting to it needs, asks no server.
    assert [host for host in lookups if host != "127.0.0.1"] == ["hook.example.com"]


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that accepts one connection and treats it like this."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            try:
                connection, _ = listening.accept()
                with connection:
                    answer(connection)
            except OSError:
                pass

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _drip(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.05)


def _endless(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def _silent(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (_drip, Answer(problem="timeout")),
        (_silent, Answer(problem="timeout")),
        (_endless, Answer(200)),
        (lambda connection: connection.recv(65536), Answer(problem="connection")),
        (lambda connection: connection.sendall(b"SSH-2.0\r\n"), Answer(problem="connection")),
    ],
    ids=["byte by byte", "silent", "endless body", "closes", "not HTTP"],
)
def test_every_attempt_ends(
    answer: Callable[[socket.socket], None],
    expected: Answer,
    private_addresses: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(send, "TOTAL", 0.5)
    with server(answer) as url:
        assert post(url) == expected


def test_a_server_without_tls_is_named(receiver: Receiver) -> None:
    assert post(receiver.url.replace("http:", "https:")) == Answer(problem="tls")


def test_a_closed_port(private_addresses: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert post(f"http://127.0.0.1:{port}/") == Answer(problem="connection")
