"""A real web process while its PostgreSQL is away, and after it is back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import psycopg
import pytest

from local.aws import LocalAws
from tests.support.postgres import Postgres
from tests.support.waiting import wait_for
from tests.web.site import Site, Timed, sign_in, site

# They share one server and one web process.
pytestmark = pytest.mark.xdist_group("postgres")

ID = "019c0000-0000-7000-8000-0123456789ab"
API = [
    ("/files", "GET", None),
    (f"/files/{ID}", "GET", None),
    (f"/uploads?ids={ID}", "GET", None),
    ("/get-url", "POST", {"file_name": "a.txt", "size": 1}),
    ("/uploads", "POST", {"file_name": "a.txt", "size": 1}),
    (f"/uploads/{ID}/complete", "POST", {}),
    (f"/files/{ID}", "DELETE", None),
    ("/s3/params?filename=a.txt", "GET", None),
]
PAGES = ["/", "/quota", "/admin/", "/admin/auth/user/", "/accounts/password/", "/metrics"]
SENTENCE = "Temporarily unavailable"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(scope="module")
def running(
    server: Postgres, _aws: LocalAws, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site"), DATABASE_URL=server.url) as running:
        yield running


@contextmanager
def stopped(server: Postgres) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start()


@contextmanager
def frozen(server: Postgres) -> Iterator[None]:
    server.freeze()
    try:
        yield
    finally:
        server.thaw()


@contextmanager
def full(server: Postgres) -> Iterator[None]:
    """All connections are taken by others."""
    server.stop()
    server.start(max_connections="6", superuser_reserved_connections="0")
    try:
        with ExitStack() as others:
            for _ in range(6):
                others.enter_context(psycopg.connect(server.url))
            yield
    finally:
        server.stop()
        server.start()


OUTAGES = pytest.mark.parametrize(
    "outage",
    [stopped, *(pytest.param(o, marks=pytest.mark.exhaustive) for o in (frozen, full))],
)
Outage = Callable[[Postgres], "contextmanager[None]"]


def request(running: Site, method: str, body: object, path: str) -> Timed:
    data = None if body is None else json.dumps(body).encode()
    return running.send(path, running.api, method, data)


def check_recovered(running: Site) -> None:
    """No request fails, in any thread."""
    paths = ["/files", f"/uploads?ids={ID}", "/s3/params?filename=a.txt"] * 8
    with ThreadPoolExecutor(10) as pool:
        results = pool.map(lambda path: running.send(path, running.api), paths)
    assert {result.response.status for result in results} == {200}
    assert running.send("/", running.page).response.status == 200


def wait_until_tokens_are_read(running: Site) -> None:
    """Requests with a token in memory go on for some seconds."""
    wait_for(lambda: running.send("/files", running.api).response.status == 503)


@pytest.mark.exhaustive
@OUTAGES
def test_requests_get_503_and_one_log_line_until_the_database_is_back(
    running: Site, server: Postgres, outage: Outage
) -> None:
    check_recovered(running)
    with outage(server):
        wait_until_tokens_are_read(running)
        before = len(running.logged())
        # Concurrently, because each may wait for seconds.
        with ThreadPoolExecutor(8) as pool:
            api = [(path, pool.submit(request, running, *rest, path)) for path, *rest in API]
            pages = [(path, pool.submit(running.send, path, running.page)) for path in PAGES]
            signed_in = pool.submit(sign_in, running.url)
        for path, future in api:
            response = future.result().response
            assert (response.status, path) == (503, path), response.body
            assert int(response.headers["Retry-After"]) > 0
            answer = json.loads(response.body)
            assert answer["code"] == "unavailable"
            assert answer["error"].startswith("Django's database is temporarily unavailable.")
        for path, page in pages:
            response = page.result().response
            assert (response.status, path) == (503, path)
            assert SENTENCE in response.body.decode()
        status, _, text = signed_in.result()
        assert (status, SENTENCE in text) == (503, True)
        logged = running.logged()[before:]
        paths = [*(path for path, *_ in API), *PAGES, "/accounts/login/"]
        lines = [
            line for line in map(json.loads, logged) if line["logger"] != "uploads.web.request_id"
        ]
        assert sorted(line["message"].split()[1].rstrip(":") for line in lines) == sorted(
            path.partition("?")[0] for path in paths
        )
        assert "secret-of-the-database" not in "".join(logged)
    check_recovered(running)


@pytest.mark.exhaustive
@pytest.mark.parametrize("outage", [stopped, frozen, full])
def test_probes_are_answered_while_requests_wait_for_the_database(
    running: Site, server: Postgres, outage: Outage
) -> None:
    check_recovered(running)
    with outage(server), ThreadPoolExecutor(40) as pool:
        wait_until_tokens_are_read(running)
        waiting = [pool.submit(running.send, "/files", running.api) for _ in range(40)]
        assert running.send("/healthz").response.status == 200
        assert {future.result().response.status for future in waiting} == {503}
        ready = wait_for(lambda: _not_ready(running))
        assert ready["checks"] == {**ready["checks"], "database": "failed", "bucket": "ok"}
    wait_for(lambda: running.send("/readyz").response.status == 200)


def _not_ready(running: Site) -> dict[str, dict[str, str]] | None:
    response = running.send("/readyz").response
    return json.loads(response.body) if response.status == 503 else None


@pytest.mark.exhaustive
def test_a_read_only_database_is_an_outage_only_for_what_writes(
    running: Site, server: Postgres
) -> None:
    server.stop()
    server.start(default_transaction_read_only="on")
    try:
        before = len(running.logged())
        assert running.send("/files", running.api).response.status == 200
        assert running.send("/", running.page).response.status == 200
        status, _, page = sign_in(running.url)
        assert (status, SENTENCE in page) == (503, True)
        assert "Traceback" not in "".join(running.logged()[before:])
    finally:
        server.stop()
        server.start()
    check_recovered(running)


@pytest.mark.exhaustive
def test_a_restart_fails_no_request(running: Site, server: Postgres) -> None:
    for _ in range(3):
        check_recovered(running)
        server.stop()
        server.start()
    check_recovered(running)
