"""Heartbeats, and the command that checks them.

test_processes.py tests that the real consumer and worker send them only for polls that succeed.
"""

from __future__ import annotations

import os
import time
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.support.processes import process
from tests.support.waiting import wait_for
from uploads.worker import heartbeat


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "health"
    settings.FILEHUB = settings.FILEHUB | {"HEALTH_DIR": str(path)}
    monkeypatch.setenv("FILEHUB_HEALTH_DIR", str(path))
    return path


def check(name: str, *arguments: str) -> str:
    output = StringIO()
    call_command("healthcheck", name, *arguments, stdout=output)
    return output.getvalue()


def set_age(path: Path, seconds: float, now: float) -> None:
    os.utime(path, (now - seconds, now - seconds))


def test_a_process_without_a_heartbeat_is_unhealthy() -> None:
    with pytest.raises(CommandError, match="no heartbeat yet"):
        check("worker")


@pytest.mark.parametrize("name", heartbeat.PROCESSES)
def test_a_heartbeat_may_be_90_seconds_old(
    name: heartbeat.Process, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heartbeat.beat(name)
    assert name in check(name)
    # The clock stands still, since this test itself could take a second.
    now = time.time()
    monkeypatch.setattr(heartbeat, "time", SimpleNamespace(time=lambda: now))
    set_age(directory / name, 80, now)
    check(name)
    set_age(directory / name, 100, now)
    with pytest.raises(CommandError, match="100 s old"):
        check(name)
    check(name, "--max-age", "120")
    heartbeat.beat(name)
    check(name)


def test_a_read_only_directory_stops_no_process(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory.write_text("a file")
    heartbeat.beat("consumer")
    assert "cannot be touched" in caplog.text


@pytest.mark.exhaustive
def test_beat_sends_heartbeats(directory: Path, tmp_path: Path) -> None:
    schedule = str(tmp_path / "schedule")
    with process("-m", "celery", "-A", "filehub", "beat", "-s", schedule, log=tmp_path / "log"):
        wait_for((directory / "beat").exists)
