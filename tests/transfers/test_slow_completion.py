"""S3 may take minutes to complete an upload, and then report an error with status 200."""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_django import Settings

from local.aws import LocalAws
from tests.support.waiting import wait_for
from tests.transfers.uploads import Upload
from uploads.aws import clients, multipart, s3, time_limit
from uploads.core.errors import BackendUnavailable
from uploads.transfers import parts, tokens

PROLOG = b'<?xml version="1.0" encoding="UTF-8"?>'
#: Seconds that a request may wait otherwise: enough for other requests, also on a slow machine.
LIMIT = 2.0


def error(code: str) -> bytes:
    return b"\n<Error><Code>%s</Code><Message>m</Message></Error>" % code.encode()


class SlowS3(ThreadingHTTPServer):
    """A proxy before S3 that sends white space while S3 completes an upload."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = port
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.closed = threading.Event()
        #: Seconds of each completion, and between two spaces.
        self.seconds = 0.0
        self.pause = 0.05
        #: The next responses; after the last one, S3's own.
        self.instead: list[bytes] = []
        #: Whether S3 completes the upload although the response is another.
        self.completes = False
        self.completions = 0

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # The client has stopped waiting.


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SlowS3

    def _respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.command == "POST" and "uploadId=" in self.path:
            self._complete(body)
        else:
            status, headers, content = self._forward(body)
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    def _forward(self, body: bytes) -> tuple[int, Any, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.upstream)
        connection.request(self.command, self.path, body, dict(self.headers))
        response = connection.getresponse()
        content = response.read()
        connection.close()
        headers = [each for each in response.getheaders() if each[0].lower() != "connection"]
        return response.status, headers, content

    def _complete(self, body: bytes) -> None:
        s3 = self.server
        s3.completions += 1
        content = s3.instead.pop(0) if s3.instead else b""
        if not content or s3.completes:
            *_, forwarded = self._forward(body)
            content = content or re.sub(rb"^<\?xml.*?\?>", b"", forwarded)
        self.send_response_only(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._send(PROLOG)
        ends_at = time.monotonic() + s3.seconds
        while (left := ends_at - time.monotonic()) > 0:
            if s3.closed.wait(min(s3.pause, left)):
                break
            self._send(b" ")
        self._send(content)
        self._send(b"")

    def _send(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))


for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
    setattr(_Handler, f"do_{method}", _Handler._respond)


@pytest.fixture
def slow_s3(aws: LocalAws, settings: Settings) -> Iterator[SlowS3]:
    with SlowS3(aws.port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        settings.FILEHUB = settings.FILEHUB | {"ENDPOINT_URL": server.url}
        yield server
        server.closed.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def token(slow_s3: SlowS3, begun: Upload) -> tokens.UploadToken:
    """Of an upload all of whose parts have been sent."""
    begun.send_all()
    return tokens.read(begun.token, upload_id=begun.id, owner=begun.api.owner)


def complete(token: tokens.UploadToken) -> bool:
    with time_limit.limited(LIMIT, renewed=True):
        return parts.complete(token)


@pytest.mark.parametrize(
    ("seconds", "pause"),
    [
        (1.5 * LIMIT, 0.05),
        pytest.param(1.5 * LIMIT, 60, marks=pytest.mark.exhaustive),
        pytest.param(20, 0.05, marks=pytest.mark.exhaustive),
        pytest.param(20, 7, marks=pytest.mark.exhaustive),
    ],
    ids=["white space", "silence", "white space for 20 s", "rare white space for 20 s"],
)
def test_a_completion_may_take_longer_than_other_requests(
    slow_s3: SlowS3, token: tokens.UploadToken, seconds: float, pause: float
) -> None:
    slow_s3.seconds, slow_s3.pause = seconds, pause
    assert complete(token)
    assert slow_s3.completions == 1
    # It can be repeated.
    assert not parts.complete(token)
    assert slow_s3.completions == 1


def test_an_error_with_status_200_is_an_error(
    slow_s3: SlowS3, token: tokens.UploadToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    # botocore's pauses.
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    slow_s3.instead = [error("InternalError")] * clients.STANDARD.attempts
    with pytest.raises(BackendUnavailable):
        parts.complete(token)
    assert s3.head(token.upload_id) is None
    # It is tried again by the client, and within a request.
    slow_s3.instead = [error("InternalError")]
    assert parts.complete(token)
    assert slow_s3.completions == clients.STANDARD.attempts + 2
    assert s3.head(token.upload_id) is not None


@pytest.mark.parametrize("code", ["NoSuchUpload", "PreconditionFailed", "InternalError"])
def test_an_error_after_the_completion_does_not_lose_the_upload(
    slow_s3: SlowS3, token: tokens.UploadToken, code: str
) -> None:
    slow_s3.completes = True
    slow_s3.instead = [error(code)]
    parts.complete(token)
    assert s3.head(token.upload_id) is not None
    assert not parts.complete(token)


def test_a_completion_that_takes_too_long_ends_and_is_found_later(
    slow_s3: SlowS3, token: tokens.UploadToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart, "COMPLETION_SECONDS", 0.5)
    slow_s3.seconds = 600
    started_at = time.monotonic()
    with pytest.raises(BackendUnavailable):
        complete(token)
    assert LIMIT < time.monotonic() - started_at < 10
    assert not parts.complete(token)
    assert slow_s3.completions == 1


def test_slow_errors_do_not_renew_the_time_for_a_completion(
    slow_s3: SlowS3, token: tokens.UploadToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart, "COMPLETION_SECONDS", 0.5)
    slow_s3.seconds = 0.75 * LIMIT
    slow_s3.instead = [error("InternalError")] * clients.STANDARD.attempts
    with pytest.raises(BackendUnavailable):
        complete(token)
    # The time is over before the third attempt.
    assert slow_s3.completions <= 2


def test_only_half_of_the_slots_are_taken_by_slow_completions(
    slow_s3: SlowS3, token: tokens.UploadToken
) -> None:
    slow_s3.seconds = 600
    received = multipart.parts(token.upload_id, token.s3_upload_id)
    assert received is not None

    def wait_for_s3() -> None:
        with time_limit.limited(LIMIT), suppress(BackendUnavailable):
            multipart.complete(token.upload_id, token.s3_upload_id, received, size=token.size)

    most = time_limit.SLOTS.size // 2
    with ThreadPoolExecutor(2 * most) as pool:
        futures = [pool.submit(wait_for_s3) for _ in range(2 * most)]
        # The others end with the limit of a request.
        wait_for(lambda: sum(future.done() for future in futures) == most)
        slow_s3.closed.set()
    # They are free again.
    assert time_limit._LONG_WAITS._value == most
