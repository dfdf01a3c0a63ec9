"""An upload is resumed after a crash, a pause, in another tab, and when the file changed."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import MIB, Profile, make_file, sign_out
from tests.browser.faults.helpers import (
    arrived,
    assert_stored,
    choose,
    rewrite_middle,
    stop_after,
    unfinished,
)
from tests.browser.test_page import row, unique, upload_row
from tests.support.installation import SMALL_PART, Installation
from tests.support.proxy import parts
from tests.support.users import PASSWORD
from tests.support.waiting import wait_for


# `make test` has test_interrupted.py, in which the page offers to continue after a crash.
@pytest.mark.exhaustive
def test_after_a_crash_only_the_missing_parts_are_sent(
    profile: Profile, installation: Installation, tmp_path: Path
) -> None:
    size = 60 * MIB
    file = make_file(tmp_path / unique("crash.bin"), size)
    page = profile.open()
    installation.s3.bandwidth = 40 * MIB
    stop_after(installation, 20 * MIB)
    choose(page, file)
    wait_for(lambda: arrived(installation) >= 20 * MIB)
    profile.kill()
    installation.s3.release()
    wait_for(installation.s3.is_quiet)
    [had] = unfinished(installation).values()
    assert 20 * MIB <= had < size
    installation.reset()
    page = profile.open()
    choose(page, file)
    assert_stored(page, installation, file)
    assert installation.s3.sent() == size - had


@pytest.mark.exhaustive
def test_two_tabs_send_the_same_file_only_once(
    context: BrowserContext, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("tabs.bin"), 40 * MIB)
    installation.s3.bandwidth = 40 * MIB
    # Hold the parts, since a row disappears soon after its file is stored.
    installation.s3.hold(parts)
    tabs = [context.new_page(), context.new_page()]
    for tab in tabs:
        tab.goto("/")
    for tab in tabs:
        choose(tab, file)
    for tab in tabs:
        expect(upload_row(tab, file.name)).to_have_count(1)
    installation.s3.release()
    for tab in tabs:
        unstored = tab.locator(
            f'[data-upload-row][data-name="{file.name}"]:not([data-state=stored])'
        )
        expect(unstored).to_have_count(0)
    files = installation.files(file.name)
    assert len(files) in {1, 2}
    body = file.read_bytes()
    for stored in files:
        assert installation.download(stored["id"]) == body
    assert unfinished(installation) == {}
    # Only one of them sent it.
    assert installation.s3.sent() == len(body)


@pytest.mark.exhaustive
def test_when_a_tab_is_closed_the_other_tab_finishes_its_upload(
    context: BrowserContext, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("closed.bin"), 60 * MIB)
    installation.s3.bandwidth = 20 * MIB
    stop_after(installation, 20 * MIB)
    first, second = context.new_page(), context.new_page()
    for tab in (first, second):
        tab.goto("/")
        choose(tab, file)
        expect(upload_row(tab, file.name)).to_have_count(1)
    wait_for(lambda: arrived(installation) >= 20 * MIB)
    first.close(run_before_unload=False)
    installation.s3.release()
    assert_stored(second, installation, file)
    # The second tab did not send again what S3 had confirmed to the first one.
    # Only requests in flight when the tab was closed may arrive twice.
    assert 60 * MIB <= arrived(installation) <= 60 * MIB + 6 * SMALL_PART


@pytest.mark.exhaustive
def test_after_a_pause_only_the_missing_parts_are_sent(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    size = 100 * MIB
    file = make_file(tmp_path / unique("pause.bin"), size)
    installation.s3.bandwidth = 40 * MIB
    stop_after(installation, 40 * MIB)
    choose(page, file)
    wait_for(lambda: arrived(installation) >= 40 * MIB)
    upload_row(page, file.name).locator("[data-action=pause]").click()
    expect(upload_row(page, file.name)).to_have_attribute("data-state", "paused")
    installation.s3.release()
    wait_for(installation.s3.is_quiet)
    [had] = unfinished(installation).values()
    assert 40 * MIB <= had < size
    installation.reset()
    upload_row(page, file.name).locator("[data-action=resume]").click()
    assert_stored(page, installation, file)
    assert installation.s3.sent() == size - had


@pytest.mark.exhaustive
def test_a_file_that_changed_in_the_middle_is_uploaded_in_its_new_version(
    context: BrowserContext, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("changed.bin"), 40 * MIB)
    installation.s3.bandwidth = 20 * MIB
    stop_after(installation, 20 * MIB)
    page = context.new_page()
    page.goto("/")
    choose(page, file)
    wait_for(lambda: arrived(installation) >= 20 * MIB)
    page.close(run_before_unload=False)
    installation.s3.release()
    wait_for(installation.s3.is_quiet)
    rewrite_middle(file, 7 * MIB)
    installation.reset()
    page = context.new_page()
    page.goto("/")
    choose(page, file)
    assert_stored(page, installation, file)


@pytest.mark.exhaustive
@pytest.mark.parametrize("size", [4 * MIB, 20 * MIB], ids=["one request", "parts"])
def test_a_stored_file_is_not_sent_again_unless_it_changed(
    context: BrowserContext, installation: Installation, tmp_path: Path, size: int
) -> None:
    file = make_file(tmp_path / unique("again.bin"), size)

    def choose_it() -> Page:
        page = context.new_page()
        page.goto("/")
        choose(page, file)
        return page

    assert_stored(choose_it(), installation, file)
    installation.reset()
    expect(upload_row(choose_it(), file.name).locator("[data-action=again]")).to_be_visible()
    assert installation.s3.sent() == 0
    rewrite_middle(file, 2 * MIB)
    page = choose_it()
    expect(row(page, file.name)).to_have_count(2)
    newest = installation.files(file.name)[0]
    body = hashlib.sha256(file.read_bytes()).digest()
    assert hashlib.sha256(installation.download(newest["id"])).digest() == body


@pytest.mark.exhaustive
def test_a_deleted_file_is_sent_again(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("deleted.bin"), MIB)
    choose(page, file)
    expect(row(page, file.name)).to_have_count(1)
    # The record is deleted by the worker later; the user does not wait for that.
    with page.expect_response("**/files/trash") as response:
        row(page, file.name).locator("[data-action=trash]").click()
    response.value.finished()
    installation.reset()
    choose(page, file)
    # Wait until S3 has confirmed it, since the next test compares the keys.
    wait_for(lambda: arrived(installation) == MIB)
    assert installation.s3.sent() == MIB


@pytest.mark.exhaustive
def test_another_user_cannot_finish_an_upload(
    context: BrowserContext, installation: Installation, tmp_path: Path
) -> None:
    eve = f"eve-{uuid.uuid4().hex[:8]}"
    installation.create_user(eve)
    file = make_file(tmp_path / unique("mine.bin"), 40 * MIB)
    installation.s3.bandwidth = 10 * MIB
    stop_after(installation, 10 * MIB)
    page, other = context.new_page(), context.new_page()
    for tab in (page, other):
        tab.goto("/")
    choose(page, file)
    wait_for(lambda: arrived(installation) >= 10 * MIB)
    sign_out(other)
    other.get_by_label("Username").fill(eve)
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    other.wait_for_selector("#choose-files")
    installation.s3.release()
    expect(upload_row(page, file.name)).to_contain_text("Waiting until you sign in again.")
    expect(page.locator("#session-dialog")).to_contain_text("Another user is signed in")
    expect(page.locator("#session-notice")).to_be_visible()
    other.reload()
    expect(row(other, file.name)).to_have_count(0)
    assert len(unfinished(installation)) == 1
