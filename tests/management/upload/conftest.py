"""Small parts and short pauses, confirmed uploads, and a proxy in front of S3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from tests.management.upload.helpers import PART
from tests.plugin import AWS_PORT
from tests.support.proxy import Proxy
from uploads.files import queries
from uploads.ingest import confirm
from uploads.management import uploader


@pytest.fixture(autouse=True)
def _quick(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.FILEHUB = settings.FILEHUB | {"MULTIPART_THRESHOLD": PART, "PART_SIZE": PART}
    monkeypatch.setattr(uploader, "LONGEST_PAUSE", 0)
    monkeypatch.setattr(uploader, "POLL_INTERVAL", 0.01)


@pytest.fixture
def _events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Confirm each upload when its state is requested, as the worker would."""
    original = queries.upload_statuses

    def confirmed(ids: list[str], owner: str) -> Any:
        statuses = original(ids, owner)
        for upload_id in ids:
            confirm.confirm(upload_id)
        return statuses

    monkeypatch.setattr(queries, "upload_statuses", confirmed)


@pytest.fixture
def proxy(settings: Settings) -> Iterator[Proxy]:
    """A proxy between the command and S3 for presigned requests."""
    with Proxy(AWS_PORT) as proxy:
        settings.FILEHUB = settings.FILEHUB | {"ENDPOINT_URL_S3": proxy.url}
        yield proxy
