"""Within a time limit, no client of AWS waits longer, whatever its own time-outs and retries."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context

import pytest
from pytest_django import Settings

from uploads.aws import cloudwatch, dead_letters, multipart, s3, sqs, time_limit
from uploads.aws.dynamodb import batch_get
from uploads.core.errors import BackendUnavailable
from uploads.core.fan_out import FanOut
from uploads.core.slots import Slots
from uploads.files import listing, store, usage
from uploads.files.listing import FileFilter
from uploads.files.record import StoredFile
from uploads.ingest import tasks

ID = "019c0000-0000-7000-8000-0123456789ab"
#: Seconds, much shorter than any time-out of a client.
LIMIT = 0.5
#: Seconds that no call takes, even on a slow machine, unless it waits for a client's time-out.
NEVER = 7.5

CALLS: dict[str, Callable[[], object]] = {
    "HeadObject": lambda: s3.head(ID),
    "HeadBucket": s3.ping,
    "DeleteObject": lambda: s3.delete(ID),
    "CreateMultipartUpload": lambda: multipart.create(
        ID, owner="7", file_name="a", content_type="a/b", checksums=False
    ),
    "ListParts, all pages": lambda: multipart.parts(ID, "x"),
    "ListMultipartUploads": lambda: multipart.list_unfinished(20),
    "GetQueueUrl": lambda: sqs.url("a-queue"),
    "dead letters": lambda: dead_letters.peek("a-queue"),
    "BatchGetItem": lambda: batch_get(StoredFile, [ID]),
    "GetItem": lambda: store.get(ID),
    "Query, 16 shards": lambda: listing.find(FileFilter(), limit=10),
    "counters": usage.by_kind,
}


#: One of each service. The others run with `make test-all` only.
USUAL = {"HeadObject", "GetQueueUrl", "BatchGetItem"}


class Server:
    """An endpoint that accepts connections and answers each request with `answer`, or never."""

    def __init__(self, answer: bytes = b"") -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.requests = 0
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                if self._answer:
                    connection.recv(65536)
                    self.requests += 1
                    connection.sendall(self._answer)
                    connection.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in self._open:
            connection.close()


def _error(status: str, code: str) -> bytes:
    body = f'{{"__type":"x#{code}","message":""}}'
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: application/x-amz-json-1.0\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


SILENT = b""
OVERLOADED = _error("503 Service Unavailable", "SlowDown")
THROTTLED = _error("400 Bad Request", "ThrottlingException")


@pytest.fixture(params=[SILENT, OVERLOADED, THROTTLED], ids=["silent", "overloaded", "throttled"])
def server(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Server]:
    server = Server(request.param)
    settings.FILEHUB = settings.FILEHUB | {"ENDPOINT_URL": server.url}
    yield server
    server.close()


@pytest.fixture
def silent(settings: Settings) -> Iterator[Server]:
    server = Server()
    settings.FILEHUB = settings.FILEHUB | {"ENDPOINT_URL": server.url}
    yield server
    server.close()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between attempts, which take their time."""
    pauses: list[float] = []
    sleep = time.sleep

    def recorded(seconds: float) -> None:
        pauses.append(seconds)
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", recorded)
    return pauses


@pytest.mark.parametrize(
    "name",
    [name if name in USUAL else pytest.param(name, marks=pytest.mark.exhaustive) for name in CALLS],
)
def test_every_call_ends_within_the_limit(server: Server, pauses: list[float], name: str) -> None:
    started_at = time.monotonic()
    with time_limit.limited(LIMIT), pytest.raises(BackendUnavailable):
        CALLS[name]()
    assert time.monotonic() - started_at < NEVER
    # A pause that could outlast the limit is not made.
    assert sum(pauses) <= LIMIT


def test_a_page_of_many_calls_ends_within_the_limit(silent: Server) -> None:
    """One after the other, and at the same time."""
    started_at = time.monotonic()
    with time_limit.limited(LIMIT):
        for call in CALLS.values():
            with pytest.raises(BackendUnavailable):
                call()
        with FanOut() as fan_out:
            futures = [fan_out.submit(call) for call in CALLS.values()]
        assert [future.result() for future in futures] == [None] * len(CALLS)
        assert cloudwatch.oldest_ages(["a-queue"]) == {}
    assert time.monotonic() - started_at < NEVER


def test_optional_figures_leave_time_for_the_others(silent: Server) -> None:
    with time_limit.limited(600) as limit:
        assert cloudwatch.oldest_ages(["a-queue"]) == {}
        assert limit.remaining() > 500


def test_a_limit_inside_another_does_not_extend_it(silent: Server) -> None:
    started_at = time.monotonic()
    with (
        time_limit.limited(LIMIT),
        time_limit.limited(600),
        pytest.raises(BackendUnavailable),
    ):
        s3.ping()
    assert time.monotonic() - started_at < NEVER


def test_each_answer_renews_a_limit_that_is_renewed() -> None:
    for renewed in (True, False):
        limit = time_limit.TimeLimit(LIMIT, renewed=renewed)
        limit._ends_at = time.monotonic() - 1
        limit.answered()
        assert (limit.remaining() > 0) is renewed


def test_a_wait_that_the_request_asks_for_does_not_count() -> None:
    with time_limit.limited(1) as limit:
        with time_limit.extended(600):
            assert limit.remaining() > 599
        assert limit.remaining() < 1.1
    with time_limit.extended(600):
        pass  # without a limit


def test_a_pause_that_outlasts_the_limit_is_not_made() -> None:
    with time_limit.limited(1), pytest.raises(time_limit.TimeLimitExceeded):
        time_limit.pause(600)


@pytest.mark.usefixtures("aws")
def test_a_request_holds_one_slot_until_it_ends() -> None:
    slots = Slots(1, patience=0)
    with time_limit.limited(60, slots=slots):
        assert slots._used == 0  # until it calls AWS
        with FanOut() as fan_out:
            futures = [fan_out.submit(s3.ping) for _ in range(4)]
        assert all(future.exception() is None for future in futures)
        s3.ping()
        assert slots._used == 1
        with (
            ThreadPoolExecutor(1) as pool,
            pytest.raises(BackendUnavailable) as refused,
        ):
            pool.submit(_other_request, slots).result()
        assert isinstance(refused.value.__cause__, time_limit.TooManyWaiting)
    assert slots._used == 0
    _other_request(slots)


def _other_request(slots: Slots) -> None:
    with time_limit.limited(60, slots=slots):
        s3.ping()


@pytest.mark.usefixtures("aws")
def test_tasks_are_queued_within_the_limit() -> None:
    """kombu has clients of its own."""
    tasks.enqueue_hint(ID)
    with time_limit.limited(0), pytest.raises(BackendUnavailable) as caught:
        tasks.enqueue_hint(ID)
    # kombu wraps the error.
    assert time_limit.TimeLimitExceeded.fmt in str(caught.value.__cause__)


@pytest.mark.usefixtures("aws")
def test_threads_without_the_context_have_no_limit() -> None:
    with time_limit.limited(0), ThreadPoolExecutor(1) as pool:
        pool.submit(s3.ping).result()
        with pytest.raises(BackendUnavailable):
            pool.submit(copy_context().run, s3.ping).result()
