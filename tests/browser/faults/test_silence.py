"""A proxy that takes much at once and forwards it slowly is waited for, but not forever."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import MIB, make_file
from tests.browser.faults.helpers import choose
from tests.browser.test_page import row, unique, upload_row
from tests.support.installation import Installation
from tests.support.proxy import Request, parts
from tests.support.waiting import wait_for


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A page whose timers can be moved forward."""
    page = context.new_page()
    page.clock.install()
    page.goto("/")
    return page


def swallowed(installation: Installation) -> list[Request]:
    """Requests that the proxy has in full and keeps."""
    return [request for request in installation.s3.requests(parts) if request.swallowed]


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("size", "requests", "patience"),
    [
        # Seconds: 60, and what the bytes in flight take at 256 kbit/s.
        pytest.param(7 * MIB, 1, 60 + 224, id="one request"),
        pytest.param(20 * MIB, 2, 60 + 320, id="parts"),
    ],
)
def test_the_limit_grows_with_the_bytes_and_a_retry_sends_less_at_once(
    page: Page, installation: Installation, tmp_path: Path, size: int, requests: int, patience: int
) -> None:
    s3 = installation.s3
    file = make_file(tmp_path / unique("silent.bin"), size)
    s3.swallow(parts)
    choose(page, file)
    wait_for(lambda: len(swallowed(installation)) == requests)
    before = len(s3.requests(parts))
    # Only timers notice; the requests stay in flight. Seconds have passed since they began.
    page.clock.fast_forward((patience - 30) * 1000)
    expect(upload_row(page, file.name)).to_have_attribute("data-state", "uploading")
    assert not any(request.over for request in s3.requests(parts))
    # From the last sign of progress, which the page may have seen only after the proxy had it all.
    page.clock.fast_forward(patience * 1000)
    wait_for(lambda: len(swallowed(installation)) > requests)
    again = s3.requests(parts)[before:]
    assert len(again) == 1
    assert again[0].size <= 5 * MIB
    # What was given up never reaches S3.
    s3.refuse()
    s3.accept()
    s3.release()
    page.clock.fast_forward(60_000)
    expect(row(page, file.name)).to_have_count(1)
    [stored] = installation.files(file.name)
    assert stored["size"] == size
