"""An installation for tests of expired signatures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.faults.helpers import EXPIRY
from tests.support.installation import Installation, with_small_parts


@pytest.fixture
def short_lived(tmp_path: Path) -> Iterator[Installation]:
    """An installation whose signatures expire after seconds."""
    with with_small_parts(tmp_path / "installation", FILEHUB_URL_EXPIRY=str(EXPIRY)) as running:
        yield running
