from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from tests.support.clamd import FakeClamd, fake_clamd


@pytest.fixture
def clamd() -> Iterator[FakeClamd]:
    """A scanner that misbehaves on request."""
    with fake_clamd() as server:
        yield server


@pytest.fixture
def scanning(settings: Settings, clamd: FakeClamd) -> Any:
    """Turn on the check for malware, by this scanner; return the settings."""
    settings.FILEHUB = {**settings.FILEHUB, "SCAN": "clamd", "CLAMD": clamd.url}
    return settings
