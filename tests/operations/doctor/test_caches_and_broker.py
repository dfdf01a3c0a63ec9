"""Django's cache, the storage of rate limits, and Celery's way to the tasks queue."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from fakeredis import TcpFakeServer
from pytest_django import Settings

from uploads.core.conf import Conf
from uploads.operations.doctor import broker, caches
from uploads.operations.doctor.finding import Finding
from uploads.worker.app import app


def rate_limits() -> Finding:
    return next(finding for finding in caches.inspect() if finding.subject == "rate limits")


@pytest.fixture
def redis_url() -> Iterator[str]:
    server = TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"redis://127.0.0.1:{server.server_address[1]}/0"
    server.shutdown()
    server.server_close()


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_reachable_server_is_ok(settings: Settings, redis_url: str) -> None:
    settings.FILEHUB = settings.FILEHUB | {"SIGN_RATE_STORAGE": redis_url}
    assert (rate_limits().level, "together" in rate_limits().text) == ("ok", True)


@pytest.mark.parametrize("scheme", ["redis://:hunter2@", "memcached://"])
def test_an_unreachable_server_is_a_failure_without_its_password(
    settings: Settings, scheme: str
) -> None:
    url = f"{scheme}127.0.0.1:{unused_port()}"
    settings.FILEHUB = settings.FILEHUB | {"SIGN_RATE_STORAGE": url}
    finding = rate_limits()
    assert finding.level == "FAIL"
    assert finding.fix
    assert "hunter2" not in str(finding)


def test_a_server_that_never_answers_is_a_failure_in_time(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        settings.FILEHUB = settings.FILEHUB | {"SIGN_RATE_STORAGE": url}
        assert rate_limits().level == "FAIL"


def test_limits_in_memory_or_none_need_no_server(settings: Settings) -> None:
    assert rate_limits().level == "ok"
    off = {"SIGN_RATE_USER": None, "SIGN_RATE_ADDRESS": None}
    unreachable = {"SIGN_RATE_STORAGE": f"redis://127.0.0.1:{unused_port()}"}
    settings.FILEHUB = settings.FILEHUB | off | unreachable
    # Failed sign-ins are counted there, too.
    assert rate_limits().level == "FAIL"
    off |= {"SIGN_IN_RATE_USER": None, "SIGN_IN_RATE_ADDRESS": None}
    settings.FILEHUB = settings.FILEHUB | off
    assert rate_limits().text == "off."


CACHES = {
    "working": ("locmem.LocMemCache", "", "ok"),
    "keeps nothing": ("dummy.DummyCache", "", "warn"),
    "unreachable": ("redis.RedisCache", "redis://127.0.0.1:9", "FAIL"),
    "not writable": ("filebased.FileBasedCache", "/proc/filehub-cache", "FAIL"),
}


@pytest.mark.parametrize(("backend", "location", "level"), CACHES.values(), ids=CACHES.keys())
def test_djangos_cache_is_tried(
    settings: Settings, backend: str, location: str, level: str
) -> None:
    settings.CACHES = {
        "default": {"BACKEND": f"django.core.cache.backends.{backend}", "LOCATION": location}
    }
    finding = next(iter(caches.inspect()))
    assert (finding.subject, finding.level) == ("cache", level)


def test_celery_reaches_the_tasks_queue(installed: Conf) -> None:
    (finding,) = broker.inspect()
    assert (finding.level, installed.tasks_queue in finding.text) == ("ok", True)


@pytest.mark.exhaustive
def test_a_missing_queue_is_left_to_the_check_of_the_queues(
    installed: Conf, settings: Settings
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"TASKS_QUEUE": "gone"}
    (finding,) = broker.inspect()
    assert (finding.level, "gone" in finding.text) == ("skip", True)


def test_another_broker_is_left_to_the_check_of_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app.conf, "broker_transport", "redis")
    (finding,) = broker.inspect()
    assert finding.level == "skip"
