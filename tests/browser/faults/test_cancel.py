"""A cancelled upload leaves nothing in the bucket."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import MIB, make_file
from tests.browser.faults.helpers import arrived, choose, keys, stop_after, unfinished
from tests.browser.test_page import unique, upload_row
from tests.support.installation import Installation
from tests.support.waiting import wait_for


@pytest.mark.exhaustive
def test_an_upload_that_is_cancelled_half_way_leaves_nothing_in_the_bucket(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    before = keys(installation)
    file = make_file(tmp_path / unique("cancel.bin"), 60 * MIB)
    installation.s3.bandwidth = 20 * MIB
    stop_after(installation, 10 * MIB)
    choose(page, file)
    wait_for(lambda: arrived(installation) >= 10 * MIB)
    upload_row(page, file.name).locator("[data-action=cancel]").click()
    expect(upload_row(page, file.name)).to_have_attribute("data-state", "cancelled")
    installation.s3.release()
    wait_for(lambda: not unfinished(installation))
    wait_for(installation.s3.is_quiet)
    assert unfinished(installation) == {}
    assert keys(installation) <= before


@pytest.mark.exhaustive
@pytest.mark.parametrize("stays", [True, False], ids=["same page", "next visit"])
def test_an_upload_that_is_cancelled_offline_is_removed_once_online(
    context: BrowserContext, installation: Installation, tmp_path: Path, stays: bool
) -> None:
    before = keys(installation)
    file = make_file(tmp_path / unique("cancel.bin"), 60 * MIB)
    installation.s3.bandwidth = 20 * MIB
    stop_after(installation, 10 * MIB)
    page = context.new_page()
    page.goto("/")
    choose(page, file)
    wait_for(lambda: arrived(installation) >= 10 * MIB)
    context.set_offline(True)
    # Before this request the page has recorded what the next visit must remove.
    with page.expect_event("requestfailed", lambda request: request.method == "DELETE"):
        upload_row(page, file.name).locator("[data-action=cancel]").click()
    expect(upload_row(page, file.name)).to_have_attribute("data-state", "cancelled")
    installation.s3.release()
    wait_for(installation.s3.is_quiet)
    assert unfinished(installation)
    if not stays:
        page.close(run_before_unload=False)
    context.set_offline(False)
    if not stays:
        context.new_page().goto("/")
    wait_for(lambda: not unfinished(installation))
    assert keys(installation) <= before
