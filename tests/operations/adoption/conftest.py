"""A bucket of foreign objects, and small parts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from local.aws import LocalAws
from tests.operations.adoption.helpers import SMALL_PARTS, new_bucket
from tests.plugin import AWS_PORT
from tests.support.proxy import Proxy
from uploads.operations.adoption import confirmations, copying


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "SIZES", SMALL_PARTS)
    monkeypatch.setattr(confirmations, "POLL_INTERVAL", 0.05)


@pytest.fixture
def bucket(aws: LocalAws, alice: User) -> str:
    """A bucket with nothing in it; Alice is the one who adopts what a test puts there."""
    return new_bucket()


@pytest.fixture
def proxy(settings: Settings) -> Iterator[Proxy]:
    """A proxy between the command and S3."""
    with Proxy(AWS_PORT) as proxy:
        settings.FILEHUB = settings.FILEHUB | {"ENDPOINT_URL_S3": proxy.url}
        yield proxy
