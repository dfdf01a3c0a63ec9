"""Rate limits for signatures, counted by all web processes together.

Uploads continue when the counters are unavailable.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.core.management import call_command
from django.test import Client, RequestFactory
from pytest_django import Settings

from filehub import env as environment
from filehub.counters import CounterCache, cache_settings
from tests.support.processes import ROOT
from tests.support.users import PASSWORD, Api
from tests.web.test_api import check_error
from uploads.accounts import api_tokens
from uploads.core.conf import env
from uploads.core.errors import RateLimited
from uploads.web.api.throttling import address_of

FILE = {"file_name": "a.txt", "size": 5}


@pytest.fixture(autouse=True)
def _nothing_counted() -> Iterator[None]:
    caches["counters"].clear()
    yield
    caches["counters"].clear()


@pytest.fixture
def limit(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set rates. Their clock stands still, since a period could end during a test."""
    now = time.time()
    monkeypatch.setattr("django_ratelimit.core.time", SimpleNamespace(time=lambda: now))

    def set_rates(user: int | None = None, address: int | None = None, proxies: int = 0) -> None:
        settings.ENV = env().model_copy(
            update={
                "filehub_sign_rate_user": user and f"{user}/h",
                "filehub_sign_rate_address": address and f"{address}/h",
                "filehub_trusted_proxies": proxies,
            }
        )

    return set_rates


def test_too_many_requests_get_a_retry_after(
    api: Api, other_api: Api, limit: Callable[..., None]
) -> None:
    limit(user=3)
    assert api.post("/get-url", FILE).status_code == 200
    assert api.post("/uploads", FILE).status_code == 201
    check_error(api.post("/uploads/x/parts", {"token": "x", "parts": []}), 404)
    for path in ("/get-url", "/uploads", "/uploads/x/parts"):
        answer = api.post(path, {**FILE, "token": "x", "parts": []})
        check_error(answer, 429, "rate_limited")
        assert 1 <= int(answer["Retry-After"]) <= 3600
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
    # Completing an upload needs no signature.
    assert api.delete(f"/s3/multipart/{upload_id}").json()["code"] == "missing_key"


def test_requests_without_valid_credentials_count_by_address(
    alice: User, limit: Callable[..., None]
) -> None:
    limit(address=2)
    stranger = Client()
    for _ in range(2):
        check_error(stranger.post("/get-url", FILE, "application/json"), 401)
    check_error(stranger.post("/get-url", FILE, "application/json"), 429, "rate_limited")
    signed_in = {"Authorization": f"Bearer {api_tokens.create(alice)}"}
    check_error(stranger.post("/get-url", FILE, "application/json", headers=signed_in), 429)
    elsewhere = Client(REMOTE_ADDR="203.0.113.9")
    assert (
        elsewhere.post("/get-url", FILE, "application/json", headers=signed_in).status_code == 200
    )


def test_sessions_and_tokens_of_a_user_count_together(api: Api, limit: Callable[..., None]) -> None:
    limit(user=1)
    page = Client()
    page.login(username="alice", password=PASSWORD)
    assert page.post("/get-url", FILE, "application/json").status_code == 200
    check_error(api.post("/get-url", FILE), 429, "rate_limited")


def test_without_rates_there_is_no_counting(
    api: Api, limit: Callable[..., None], settings: Settings, tmp_path: Path
) -> None:
    limit()
    settings.CACHES = settings.CACHES | {"counters": cache_settings(f"file:{tmp_path / 'c'}")}
    assert api.post("/get-url", FILE).status_code == 200
    assert list(tmp_path.iterdir()) == []


def test_two_thousand_files_can_be_dropped_twice() -> None:
    user, address = environment.load().filehub_sign_rate_user, env().filehub_sign_rate_address
    assert user is not None
    assert address is not None
    assert user.endswith("/m")
    assert int(user.removesuffix("/m")) >= 2 * 2_000
    assert int(address.removesuffix("/m")) > int(user.removesuffix("/m"))


@pytest.mark.parametrize("url", ["file:{file}/x", "db:no_such_table"], ids=["disk", "database"])
def test_uploads_continue_when_the_cache_is_down(
    api: Api,
    limit: Callable[..., None],
    settings: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    url: str,
) -> None:
    limit(user=1, address=1)
    file = tmp_path / "file"
    file.touch()  # a file instead of a directory
    settings.CACHES = settings.CACHES | {"counters": cache_settings(url.format(file=file))}
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert api.post("/get-url", FILE).status_code == 200
    assert "cannot be counted" in caplog.text


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
    assert address_of(request) == address


# Counters


def test_concurrent_processes_lose_no_count(tmp_path: Path) -> None:
    script = (
        "from filehub.counters import CounterCache\n"
        f"cache = CounterCache({str(tmp_path)!r}, {{}})\n"
        "for _ in range(300): cache.add('a', 0); cache.incr('a')\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", script], cwd=ROOT) for _ in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert CounterCache(str(tmp_path), {}).get("a") == 900


def test_the_oldest_counters_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filehub.counters.TIDY_EVERY", 1)
    cache = CounterCache(str(tmp_path), {"OPTIONS": {"MAX_ENTRIES": 3}})
    for number in range(6):
        cache.add(str(number), 1)
        for path in tmp_path.glob("*.djcache"):  # each one is a second older than the next
            os.utime(path, (path.stat().st_mtime - 1,) * 2)
    assert [number for number in range(6) if cache.get(str(number))] == [2, 3, 4, 5]


@pytest.mark.django_db
def test_expired_counters_do_not_evict_current_ones(settings: Settings) -> None:
    cache = cache_settings("db:counters")
    cache["OPTIONS"]["MAX_ENTRIES"] = 300
    settings.CACHES = settings.CACHES | {"counters": cache}
    call_command("createcachetable", "counters", stdout=StringIO())
    counters = caches["counters"]
    for number in range(20):
        counters.add(f"now-{number}", 0, timeout=3_600)
    for number in range(400):
        counters.add(f"past-{number}", 1, timeout=60 + number)
    for number in range(20):
        assert counters.incr(f"now-{number}") == 1
    assert not counters.has_key("past-0")


@pytest.mark.parametrize(
    ("url", "backend", "location"),
    [
        ("file:/a/b", "CounterCache", "/a/b"),
        ("file:a/b", "CounterCache", f"{ROOT}/a/b"),
        ("db:counters", "CounterTable", "counters"),
        ("redis://u:p@a:6379/1", "RedisCache", "redis://u:p@a:6379/1"),
        ("rediss://a:6379/1", "RedisCache", "rediss://a:6379/1"),
        ("memcached://a:11211", "PyMemcacheCache", "a:11211"),
    ],
    ids=["directory", "relative directory", "table", "redis", "redis with TLS", "memcached"],
)
def test_a_url_names_a_cache(
    url: str, backend: str, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    cache = cache_settings(url)
    assert (cache["BACKEND"].rpartition(".")[2], cache["LOCATION"]) == (backend, location)
    assert cache["TIMEOUT"] > 3600


def test_the_error_says_how_long_to_wait() -> None:
    assert (RateLimited(7).status, RateLimited(7).retry_after) == (429, 7)
