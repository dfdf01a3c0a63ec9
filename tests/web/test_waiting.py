"""A real web process while AWS, or the source of its credentials, does not respond."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import psutil
import pytest

from local.aws import LocalAws, free_port
from tests.support.processes import ROOT
from tests.support.scripted import Connection, Scripted, relay
from tests.support.waiting import wait_for
from tests.web.security.routes import PAGES, UNKNOWN, fill, operations
from tests.web.site import Site, Timed, site
from uploads.aws import time_limit
from uploads.web.api import api

pytestmark = pytest.mark.xdist_group("stopped-aws")

#: Seconds within which every request is answered.
LIMIT = 6.0
#: How many requests this test sends at a time: fewer than may wait for AWS, so that all of them do.
CONCURRENT = time_limit.SLOTS.size - 2
#: What each route of the API that changes something is sent; {} unless it is named here.
BODIES = {
    "/get-url": {"file_name": "a.txt", "size": 1},
    "/uploads": {"file_name": "a.bin", "size": 2**40},
    "/s3/multipart": {"filename": "a.txt", "type": "text/plain"},
}
#: Forms of the admin site that call AWS.
FORMS = {
    "/admin/uploads/file/": {
        "action": "check_again", "_selected_action": UNKNOWN, "confirmed": "1", "index": "0",
    },
    f"/admin/uploads/file/{UNKNOWN}/change/": {"x": "y"},
    "/admin/uploads/queue/events/": {"action": "replay_all", "confirmed": "1"},
    "/admin/uploads/queue/tasks/": {"action": "discard_all"},
    "/admin/uploads/storagereport/abort/": {"only": f"x uploads/0/{UNKNOWN}"},
}  # fmt: skip
#: Pages that answer 200 although a part of them is missing, and the sentence in its place.
PARTIAL = {
    "/": "Your files cannot be listed at the moment",
    "/admin/": "Unknown",
    "/admin/uploads/storagereport/": "not available",
    "/admin/auth/user/": "Storage usage is not available at the moment.",
}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS of these tests alone: others would notice that it stops."""
    with LocalAws(tmp_path_factory.mktemp("aws"), free_port()) as aws:
        yield aws


@dataclass
class Way:
    """What is between the web and AWS."""

    #: Whether responses arrive byte by byte.
    drips: bool = False


@pytest.fixture(scope="module")
def way() -> Way:
    return Way()


@pytest.fixture(scope="module")
def running(
    aws: LocalAws, way: Way, _static_files: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with (
        Scripted(relay(aws.port, lambda _: way.drips)) as between,
        site(tmp_path_factory.mktemp("site"), AWS_ENDPOINT_URL=between.url) as running,
    ):
        yield running


@contextmanager
def stopped(aws: LocalAws) -> Iterator[None]:
    """As with `kill -STOP`: connections are accepted, and nothing is answered."""
    assert aws.pid is not None
    parent = psutil.Process(aws.pid)
    processes = [parent, *parent.children(recursive=True)]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


Request = tuple[str, str, Mapping[str, str], bytes | None]


def reading(running: Site) -> list[Request]:
    """Every GET of the API and of the pages."""
    pages = {path for path, _ in PAGES if not path.startswith("/s3/")} - {"/healthz", "/readyz"}
    return [
        ("GET", fill(path), running.api, None)
        for method, path in operations(api)
        if method == "get"
    ] + [("GET", path, running.page, None) for path in sorted(pages)]


def writing(running: Site) -> list[Request]:
    """Every other route of the API, and forms."""
    return [
        (method.upper(), fill(path), running.api, json.dumps(BODIES.get(path, {})).encode())
        for method, path in operations(api)
        if method != "get"
    ] + [("POST", path, running.page, urlencode(form).encode()) for path, form in FORMS.items()]


def send_all(running: Site, requests: list[Request]) -> dict[tuple[str, str], Timed]:
    """Send the requests, some at a time; return (method, path) -> response."""
    with ThreadPoolExecutor(CONCURRENT) as pool:
        futures = {
            (method, path): pool.submit(running.send, path, headers, method, body)
            for method, path, headers, body in requests
        }
        return {key: future.result() for key, future in futures.items()}


@pytest.mark.parametrize("requests", [reading, pytest.param(writing, marks=pytest.mark.exhaustive)])
def test_every_request_is_answered_with_a_sentence_in_time(
    running: Site, aws: LocalAws, requests: Callable[[Site], list[Request]]
) -> None:
    answers_in_time(running, requests, stopped(aws))
    assert "Traceback" not in running.log.read_text()


@pytest.mark.exhaustive
def test_so_is_every_request_while_responses_arrive_byte_by_byte(running: Site, way: Way) -> None:
    answers_in_time(running, reading, dripping(way))
    assert "Traceback" not in running.log.read_text()


@contextmanager
def dripping(way: Way) -> Iterator[None]:
    way.drips = True
    yield
    way.drips = False


@pytest.mark.exhaustive
def test_so_is_every_request_while_credentials_cannot_be_fetched(
    aws: LocalAws, _static_files: None, tmp_path: Path
) -> None:
    responds = threading.Event()
    responds.set()
    with (
        Scripted(partial(_send_credentials, responds)) as container,
        site(
            tmp_path,
            AWS_ENDPOINT_URL=aws.url,
            AWS_ACCESS_KEY_ID="",
            AWS_SECRET_ACCESS_KEY="",
            AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{container.url}/",
        ) as running,
    ):
        answers_in_time(running, reading, cleared(responds))


def _send_credentials(responds: threading.Event, connection: Connection) -> None:
    """As the endpoint of a container: credentials that must be replaced at once."""
    connection.socket.recv(65536)
    while not responds.is_set():
        if connection.pause():
            return
    body = json.dumps({
        "AccessKeyId": "test", "SecretAccessKey": "test", "Token": "",
        "Expiration": (datetime.now(UTC) + timedelta(minutes=1)).isoformat(),
    }).encode()  # fmt: skip
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


@contextmanager
def cleared(event: threading.Event) -> Iterator[None]:
    event.clear()
    yield
    event.set()


def statuses(requests: Mapping[tuple[str, str], Timed]) -> dict[tuple[str, str], int]:
    return {request: timed.response.status for request, timed in requests.items()}


def failures(requests: Mapping[tuple[str, str], Timed]) -> dict[tuple[str, str], int]:
    return {key: status for key, status in statuses(requests).items() if status >= 500}


def answers_in_time(
    running: Site,
    requests: Callable[[Site], list[Request]],
    outage: AbstractContextManager[None],
) -> None:
    # The first requests also load boto3. On a slow machine, some take as long as they may.
    wait_for(lambda: failures(send_all(running, requests(running))) == {})
    before = send_all(running, requests(running))
    usual = statuses(before)
    assert failures(before) == {}
    with outage:
        during = send_all(running, requests(running))
    # Requests that still wait for what was away hold up a few others on a slow machine.
    wait_for(lambda: statuses(send_all(running, requests(running))) == usual)
    # A slow machine is no wait for AWS.
    slow = {k: t.seconds for k, t in during.items() if t.seconds > LIMIT + 2 * before[k].seconds}
    assert not slow
    failed = {key: t.response for key, t in during.items() if t.response.status >= 500}
    assert len(failed) >= 5
    if requests is reading:
        assert ("GET", "/files/version") in failed
    for (method, path), response in failed.items():
        assert (response.status, method, path) == (503, method, path)
        if response.headers["Content-Type"].startswith("application/json"):
            assert int(response.headers["Retry-After"]) > 0
            answer = json.loads(response.body)
            assert answer["code"] == "unavailable"
            assert answer["error"].endswith(".")
        else:
            text = response.body.decode()
            assert "unavailable" in text.lower() or "cannot be reached" in text, text
    for path, sentence in PARTIAL.items() if requests is reading else ():
        assert sentence in during["GET", path].response.body.decode(), path


@pytest.mark.exhaustive
def test_other_requests_are_not_held_up(running: Site, aws: LocalAws) -> None:
    """Far more requests than there are threads wait for AWS, or would."""
    style = _static_file(running)
    with stopped(aws), ThreadPoolExecutor(100) as pool:
        hanging = [pool.submit(running.send, "/files", running.api) for _ in range(100)]
        # All but those that hold a slot are refused at once.
        wait_for(lambda: sum(not future.done() for future in hanging) <= time_limit.SLOTS.size)
        for path in ("/healthz", "/accounts/login/", "/accounts/password/", "/api/docs", style):
            assert running.send(path, running.page).response.status in {200, 302}
            # It did not wait for one of them to end.
            assert sum(not future.done() for future in hanging) == time_limit.SLOTS.size
        wait(hanging)
        responses = [future.result().response for future in hanging]
        assert {response.status for response in responses} == {503}
        assert all(int(response.headers["Retry-After"]) > 0 for response in responses)
        ready = running.send("/readyz")
        assert ready.response.status == 503
        assert ready.seconds < LIMIT
    wait_for(lambda: running.send("/readyz").response.status == 200)
    assert running.send("/files", running.api).response.status == 200


def _static_file(running: Site) -> str:
    page = running.send("/accounts/login/").response.body.decode()
    return "/static/" + page.split('href="/static/')[1].partition('"')[0]


def test_some_threads_are_always_free() -> None:
    """Threads that wait for AWS, and for the database, are fewer than there are."""
    (command,) = [
        line for line in (ROOT / "Procfile").read_text().splitlines() if line.startswith("web:")
    ]
    threads = int(command.split("--blocking-threads ")[1].split()[0])
    database = (ROOT / "filehub" / "wsgi.py").read_text().split("Slots(")[1].partition(",")[0]
    assert time_limit.SLOTS.size + int(database) + 2 <= threads
