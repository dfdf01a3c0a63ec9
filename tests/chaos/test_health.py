"""Signs of life, and the command that looks for them.

That the real consumer and worker give them for polls that succeed alone is in test_processes.py.
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


def silent_for(path: Path, seconds: float, now: float) -> None:
    os.utime(path, (now - seconds, now - seconds))


def test_who_never_gave_a_sign_of_life_is_not_healthy() -> None:
    with pytest.raises(CommandError, match="no sign of life yet"):
        check("worker")


@pytest.mark.parametrize("name", heartbeat.PROCESSES)
def test_silence_has_a_limit(
    name: heartbeat.Process, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heartbeat.beat(name)
    assert name in check(name)
    # Its clock stands still, or this test could take a second itself.
    now = time.time()
    monkeypatch.setattr(heartbeat, "time", SimpleNamespace(time=lambda: now))
    silent_for(directory / name, 80, now)
    check(name)
    silent_for(directory / name, 100, now)
    with pytest.raises(CommandError, match="100 s old"):
        check(name)
    check(name, "--max-age", "120")
    heartbeat.beat(name)
    check(name)


def test_a_directory_that_cannot_be_written_stops_nobody(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory.write_text("a file")
    heartbeat.beat("consumer")
    assert "cannot be touched" in caplog.text


def test_beat_gives_signs_of_life(directory: Path, tmp_path: Path) -> None:
    schedule = str(tmp_path / "schedule")
    with process("-m", "celery", "-A", "filehub", "beat", "-s", schedule, log=tmp_path / "log"):
        wait_for((directory / "beat").exists)


@pytest.mark.exhaustive
def test_a_worker_with_another_broker_gives_signs_of_life_while_it_is_connected(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.chaos.other_broker")
    worker = ("-m", "celery", "-A", "filehub", "worker", "--pool", "solo")
    with process(*worker, log=tmp_path / "log"):
        wait_for((directory / "worker").exists)
