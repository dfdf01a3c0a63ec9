"""Rates that tests set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from pytest_django import Settings

from uploads.web import rates


@pytest.fixture
def limit(settings: Settings) -> Iterator[Callable[..., None]]:
    """Set rates. The clock stands still, since a period could end during a test."""
    rates._storage.cache_clear()
    rates._unavailable_until.clear()

    def set_rates(user: int | None = None, address: int | None = None, proxies: int = 0) -> None:
        settings.FILEHUB = settings.FILEHUB | {
            "SIGN_RATE_USER": user and f"{user}/h",
            "SIGN_RATE_ADDRESS": address and f"{address}/h",
            "TRUSTED_PROXIES": proxies,
        }

    with time_machine.travel(datetime.now(UTC), tick=False):
        yield set_rates
