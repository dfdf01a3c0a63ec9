"""Uploads in parts of 5 MiB."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from tests.support.users import Api
from tests.transfers.uploads import PART, Upload
from uploads.core.conf import env


@pytest.fixture(autouse=True)
def _small_parts(settings: Settings) -> None:
    settings.ENV = env().model_copy(
        update={"filehub_multipart_threshold": PART, "filehub_part_size": PART}
    )


@pytest.fixture
def begun(api: Api) -> Upload:
    return Upload(api)
