"""Rate limits for signing requests. They hold while the shared counters are unavailable."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from fakeredis import TcpFakeServer
from pytest_django import Settings

from tests.support.users import PASSWORD, Api
from tests.web.test_api import check_error
from uploads.accounts import api_tokens
from uploads.accounts.addresses import network_of
from uploads.core import rate_storage
from uploads.core.conf import InvalidSettings, conf
from uploads.core.errors import RateLimited
from uploads.web import rates
from uploads.web.api.throttling import SIGN_RATES

FILE = {"file_name": "a.txt", "size": 5}
#: An address at which no server listens.
UNREACHABLE = "redis://127.0.0.1:9"


def test_too_many_requests_get_a_retry_after(
    api: Api, other_api: Api, limit: Callable[..., None]
) -> None:
    limit(user=3)
    assert api.post("/get-url", FILE).status_code == 200
    assert api.post("/uploads", FILE).status_code == 201
    check_error(api.post("/uploads/x/parts", {"token": "x", "parts": []}), 404)
    for path in ("/get-url", "/uploads", "/uploads/x/parts"):
        response = api.post(path, {**FILE, "token": "x", "parts": []})
        check_error(response, 429, "rate_limited")
        assert 1 <= int(response["Retry-After"]) <= 3600
    assert api.get("/files").status_code == 200
    assert other_api.post("/uploads", FILE).status_code == 201


def test_signatures_for_uppy_are_counted_with_the_others(
    api: Api, limit: Callable[..., None]
) -> None:
    limit(user=4)
    begun = {"filename": "a.txt", "type": "text/plain"}
    upload_id = api.post("/s3/multipart", begun).json()["uploadId"]
    assert api.get("/s3/params?filename=a.txt").status_code == 200
    assert api.get(f"/s3/multipart/{upload_id}/1").json()["code"] == "missing_key"
    assert api.post("/get-url", FILE).status_code == 200
    for refused in (
        api.get("/s3/params?filename=a.txt"),
        api.post("/s3/multipart", begun),
        api.get(f"/s3/multipart/{upload_id}/1"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert int(refused["Retry-After"]) >= 1
    # Aborting an upload needs no signature.
    assert api.delete(f"/s3/multipart/{upload_id}").json()["code"] == "missing_key"


def test_requests_without_valid_credentials_count_by_address(
    alice: User, limit: Callable[..., None]
) -> None:
    limit(address=2)
    visitor, elsewhere = Client(), Client(REMOTE_ADDR="203.0.113.9")
    wrong = {"Authorization": "Bearer wrong"}
    for path in ("/get-url", "/uploads"):
        check_error(visitor.post(path, FILE, "application/json", headers=wrong), 401)
    check_error(visitor.get("/files", headers=wrong), 429, "rate_limited")
    check_error(visitor.get("/files"), 429, "rate_limited")
    check_error(elsewhere.get("/files", headers=wrong), 401)


def test_anonymous_requests_do_not_use_up_the_rate_of_users_at_the_same_address(
    alice: User, limit: Callable[..., None]
) -> None:
    limit(address=2)
    client = Client()
    for _ in range(5):
        client.post("/get-url", FILE, "application/json")
    signed_in = {"Authorization": f"Bearer {api_tokens.create(alice)}"}
    for status in (200, 200, 429):
        response = client.post("/get-url", FILE, "application/json", headers=signed_in)
        assert response.status_code == status


def test_the_longest_wait_counts(api: Api, settings: Settings, limit: Callable[..., None]) -> None:
    limit(address=1)
    settings.FILEHUB = settings.FILEHUB | {"SIGN_RATE_USER": "1/s"}
    assert api.post("/get-url", FILE).status_code == 200
    assert int(api.post("/get-url", FILE)["Retry-After"]) > 1


def test_sessions_and_tokens_of_a_user_count_together(api: Api, limit: Callable[..., None]) -> None:
    limit(user=1)
    page = Client()
    page.login(username="alice", password=PASSWORD)
    assert page.post("/get-url", FILE, "application/json").status_code == 200
    check_error(api.post("/get-url", FILE), 429, "rate_limited")


def test_without_rates_there_is_no_counting(
    api: Api, limit: Callable[..., None], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    limit()
    settings.FILEHUB = settings.FILEHUB | {"SIGN_RATE_STORAGE": UNREACHABLE}
    assert api.post("/get-url", FILE).status_code == 200
    assert "by itself" not in caplog.text


def test_two_thousand_files_can_be_dropped_twice() -> None:
    user, address = conf().sign_rate_user, conf().sign_rate_address
    assert user is not None
    assert address is not None
    assert user.endswith("/m")
    assert int(user.removesuffix("/m")) >= 2 * 2_000
    assert int(address.removesuffix("/m")) > int(user.removesuffix("/m"))


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:9",
        "redis://127.0.0.1:9/0?foo=bar",
        "redis://a..b:1/0",
        "memcached://127.0.0.1:9",
        "memcached://a..b:1",
    ],
)
def test_each_process_counts_by_itself_while_the_counters_are_unavailable(
    api: Api,
    limit: Callable[..., None],
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    url: str,
) -> None:
    limit(user=2)
    settings.FILEHUB = settings.FILEHUB | {"SIGN_RATE_STORAGE": url}
    with caplog.at_level(logging.WARNING):
        for status in (200, 200, 429):
            assert api.post("/get-url", FILE).status_code == status
    assert "Each process counts requests for rate limits by itself" in caplog.text


def test_a_hanging_counter_server_delays_a_request_only_briefly(
    api: Api, limit: Callable[..., None], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_storage, "TIMEOUT", 0.05)
    limit(user=1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        settings.FILEHUB = settings.FILEHUB | {"SIGN_RATE_STORAGE": url}
        assert api.post("/get-url", FILE).status_code == 200


# Client addresses


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "address"),
    [
        (0, "192.0.2.1", "198.51.100.7", "192.0.2.1"),
        (1, "192.0.2.1", "198.51.100.7", "198.51.100.7"),
        (1, "192.0.2.1", "10.0.0.1, 198.51.100.7", "198.51.100.7"),
        (2, "192.0.2.1", "10.0.0.1, 198.51.100.7,192.0.2.2", "198.51.100.7"),
        (2, "192.0.2.1", "198.51.100.7", "198.51.100.7"),
        (1, "192.0.2.1", "", "192.0.2.1"),
        (1, "192.0.2.1", " , ", "192.0.2.1"),
        (1, "192.0.2.1", "unknown", "unknown"),
        (1, "192.0.2.1", "198.51.100.7:4711", "198.51.100.7"),
        (1, "192.0.2.1", "[2001:db8:1:2:3::4]:4711", "2001:db8:1:2::/64"),
        (1, "192.0.2.1", "[2001:db8:1:2:3::4]", "2001:db8:1:2::/64"),
        (0, "2001:db8:1:2:3::4", "", "2001:db8:1:2::/64"),
        (0, "::ffff:192.0.2.1", "", "192.0.2.1"),
        (0, "", "", ""),
    ],
)
def test_forwarded_addresses_count_only_behind_trusted_proxies(
    limit: Callable[..., None], proxies: int, peer: str, forwarded: str, address: str
) -> None:
    limit(proxies=proxies)
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = RequestFactory().post("/get-url", REMOTE_ADDR=peer, headers=headers)
    assert network_of(request) == address


# Counters


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    server = TcpFakeServer(("127.0.0.1", 0))
    with pytest.MonkeyPatch.context() as patched, server:
        # A busy machine is no outage.
        patched.setattr(rate_storage, "TIMEOUT", 60)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"redis://127.0.0.1:{server.server_address[1]}/0"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("url", "package"),
    [("redis://h:6379/0", "redis"), ("rediss://h:6379/0", "redis"),
     ("memcached://h:11211", "pymemcache")],
)  # fmt: skip
def test_a_storage_whose_package_is_missing_is_an_error_at_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, url: str, package: str
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"SIGN_RATE_STORAGE": url}
    assert conf().sign_rate_storage == url
    monkeypatch.setitem(sys.modules, package, None)
    settings.FILEHUB = dict(settings.FILEHUB)
    with pytest.raises(InvalidSettings, match=rf"needs {package}, .* requirements-rates"):
        conf()


@pytest.mark.parametrize("storage", ["memory", "redis"])
def test_concurrent_threads_lose_no_count(
    redis_url: str, settings: Settings, limit: Callable[..., None], storage: str
) -> None:
    limit(address=10)
    url = redis_url if storage == "redis" else "memory://"
    settings.FILEHUB = settings.FILEHUB | {"SIGN_RATE_STORAGE": url}
    request = RequestFactory().post("/get-url")
    # The library creates a counter's lock with the first request.
    assert SIGN_RATES[0].allow_request(request)
    with ThreadPoolExecutor(8) as pool:
        allowed = list(pool.map(lambda _: SIGN_RATES[0].allow_request(request), range(40)))
    assert allowed.count(True) == 9


def test_web_processes_with_a_common_redis_count_together(
    redis_url: str, settings: Settings, limit: Callable[..., None]
) -> None:
    limit(address=2)
    settings.FILEHUB = settings.FILEHUB | {"SIGN_RATE_STORAGE": redis_url}
    request = RequestFactory().post("/get-url", REMOTE_ADDR="203.0.113.77")
    allowed = []
    for _process in range(3):
        rates._storage.cache_clear()
        allowed.append(SIGN_RATES[0].allow_request(request))
    assert allowed == [True, True, False]


def test_the_error_says_how_long_to_wait() -> None:
    assert (RateLimited(7).status, RateLimited(7).retry_after) == (429, 7)
