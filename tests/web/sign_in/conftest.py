from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from pytest_django import Settings

from uploads.web import rates


@pytest.fixture(autouse=True)
def clock(settings: Settings) -> Iterator[Any]:
    """Three failures per user and six per address in an hour. The clock stands still."""
    rates._storage.cache_clear()
    rates._unavailable_until.clear()
    settings.FILEHUB = settings.FILEHUB | {
        "SIGN_IN_RATE_USER": "3/h",
        "SIGN_IN_RATE_ADDRESS": "6/h",
    }
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        yield clock
