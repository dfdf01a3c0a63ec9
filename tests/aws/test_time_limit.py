"""Within a time limit, no client of AWS waits longer, whatever its own time-outs and retries."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from contextvars import copy_context

import pytest
from botocore.retries import standard
from pytest_django import Settings

from tests.support.scripted import Connection, Script, Scripted
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


def responding(status: str, code: str, headers: str = "") -> Script:
    body = f'{{"__type":"x#{code}","message":""}}'
    response = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/x-amz-json-1.0\r\nConnection: close\r\n"
        f"{headers}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()

    def script(connection: Connection) -> None:
        connection.socket.recv(65536)
        connection.send(response)

    return script


def dripping(connection: Connection) -> None:
    connection.socket.recv(65536)
    connection.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n" + b" " * 50_000)


ASKING = "asking for a pause"
SCRIPTS: dict[str, Script] = {
    "silent": Connection.hang,
    "dripping": dripping,
    "overloaded": responding("503 Service Unavailable", "SlowDown"),
    ASKING: responding("503 Service Unavailable", "SlowDown", "x-amz-retry-after: 4000\r\n"),
    "throttled": responding("400 Bad Request", "ThrottlingException"),
}


@pytest.fixture(params=SCRIPTS)
def server(
    request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    # As with AWS_NEW_RETRIES_2026.
    monkeypatch.setattr(standard, "NEW_RETRIES_ENABLED", request.param == ASKING)
    with Scripted(SCRIPTS[request.param]) as server:
        settings.FILEHUB = settings.FILEHUB | {"ENDPOINT_URL": server.url}
        yield


@pytest.fixture
def silent(settings: Settings) -> Iterator[None]:
    with Scripted(Connection.hang) as server:
        settings.FILEHUB = settings.FILEHUB | {"ENDPOINT_URL": server.url}
        yield


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
def test_every_call_ends_within_the_limit(
    server: None, pauses: list[float], name: str, request: pytest.FixtureRequest
) -> None:
    started_at = time.monotonic()
    # Longer than the first pause, so that it is what AWS asks for that does not fit.
    limit = 1.5 if "asking" in request.node.name else LIMIT
    with time_limit.limited(limit), pytest.raises(BackendUnavailable):
        CALLS[name]()
    assert time.monotonic() - started_at < NEVER
    # A pause that could outlast the limit is not made.
    assert sum(pauses) <= limit


def test_a_page_of_many_calls_ends_within_the_limit(silent: None) -> None:
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


def test_optional_figures_leave_time_for_the_others(silent: None) -> None:
    with time_limit.limited(600) as limit:
        assert cloudwatch.oldest_ages(["a-queue"]) == {}
        assert limit.remaining() > 500


def test_a_limit_inside_another_does_not_extend_it(silent: None) -> None:
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


@pytest.mark.parametrize("renewed", [False, True])
@pytest.mark.parametrize("waits", [[600], [600, 0], [600, 600]])
def test_a_wait_has_a_fixed_end_and_does_not_count_afterwards(
    waits: list[float], renewed: bool
) -> None:
    limit = time_limit.TimeLimit(60, renewed=renewed)
    limit._ends_at -= 30
    with ExitStack() as stack:
        for seconds in waits:
            stack.enter_context(limit.extended(seconds))
        for _ in range(3):
            limit.answered()
        assert 20 < limit.remaining() - sum(waits) <= 30
    assert 20 < limit.remaining() <= 30 + 1
    limit.answered()
    assert (limit.remaining() > 50) is renewed


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
