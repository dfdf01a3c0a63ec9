"""Uploads in parts of 5 MiB."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from tests.support.users import Api
from tests.transfers.uploads import PART, Upload


@pytest.fixture(autouse=True)
def _small_parts(settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"MULTIPART_THRESHOLD": PART, "PART_SIZE": PART}


@pytest.fixture
def begun(api: Api) -> Upload:
    return Upload(api)
