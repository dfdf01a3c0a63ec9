"""Installations for doctor to examine."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from pytest_django import Settings

from local.aws import LocalAws
from tests.operations.doctor.helpers import deploy_all, names
from uploads.core.conf import Conf


@pytest.fixture(scope="session")
def deployed(_aws: LocalAws) -> Conf:
    """One installation for the faults of all tests; each test fixes what it breaks."""
    before = django_settings.FILEHUB
    try:
        return deploy_all(names(), django_settings)
    finally:
        django_settings.FILEHUB = before


@pytest.fixture
def installed(deployed: Conf, aws: LocalAws, settings: Settings, db: None) -> Conf:
    settings.FILEHUB = deployed.model_dump(by_alias=True)
    return deployed


@pytest.fixture
def clock(settings: Settings) -> Iterator[Callable[[timedelta], None]]:
    """An S3 whose clock is off by any amount."""
    shift = timedelta(0)

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response_only(403)
            self.send_header("Date", format_datetime(datetime.now(UTC) + shift, usegmt=True))
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    def set_to(value: timedelta) -> None:
        nonlocal shift
        shift = value

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        settings.FILEHUB = settings.FILEHUB | {"ENDPOINT_URL_S3": url}
        yield set_to
        server.shutdown()
        thread.join()


@pytest.fixture
def database(db: None, tmp_path: Path) -> str:
    """The URL of a database without pending migrations: a copy of the tests' database."""
    path = tmp_path / "db.sqlite3"
    connection.ensure_connection()
    with closing(sqlite3.connect(path)) as copy:
        copy.executescript("\n".join(connection.connection.iterdump()))
    return f"sqlite:///{path}"


@pytest.fixture
def own_installation(aws: LocalAws, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Conf:
    """An installation for this test alone, including a table, and for its processes."""
    values = names()
    for name, value in values.items():
        monkeypatch.setenv(f"FILEHUB_{name}", value)
    return deploy_all(values, settings)
