"""Uploads that a reload or a crash has interrupted are shown, and can be continued or removed."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.conftest import MIB, Profile, make_file, sign_out
from tests.browser.faults.helpers import (
    arrived,
    assert_stored,
    choose,
    stop_after,
    unfinished,
)
from tests.browser.test_page import row, unique, upload_row
from tests.support.accessibility import check_accessibility
from tests.support.installation import Installation
from tests.support.users import PASSWORD
from tests.support.waiting import wait_for

SIZE = 40 * MIB

#: Chooses a file of the browser's own file system, whose handle is as real as that of any file,
#: with the button of the page. Playwright cannot answer the browser's picker.
CHOOSE_OWN_FILE = """async ([name, size]) => {
    const folder = await navigator.storage.getDirectory();
    const handle = await folder.getFileHandle(name, { create: true });
    const writable = await handle.createWritable();
    for (let start = 0; start < size; start += 1024 ** 2)
        await writable.write(new Uint8Array(1024 ** 2).fill(1 + start / 1024 ** 2));
    await writable.close();
    window.showOpenFilePicker = async () => [handle];
    document.getElementById("choose-files").click();
}"""
CHANGE_OWN_FILE = """async (name) => {
    const folder = await navigator.storage.getDirectory();
    const writable = await (await folder.getFileHandle(name)).createWritable({
        keepExistingData: true,
    });
    await writable.write("changed");
    await writable.close();
}"""
REMOVE_OWN_FILE = """async (name) =>
    (await navigator.storage.getDirectory()).removeEntry(name)"""
#: As if the user had blocked the site from the file.
DENY = "FileSystemHandle.prototype.requestPermission = async () => 'denied'"

READ_JOURNALS = """async () => {
    let text = "";
    for (const { name } of await indexedDB.databases()) {
        const open = indexedDB.open(name);
        await new Promise((resolve) => { open.onsuccess = resolve; });
        const all = open.result.transaction("uploads").objectStore("uploads").getAll();
        await new Promise((resolve) => { all.onsuccess = resolve; });
        text += JSON.stringify(all.result);
        open.result.close();
    }
    return text;
}"""


def interrupted(page: Page, name: str) -> Locator:
    return page.locator(f'[data-interrupted-row][data-name="{name}"]')


def begin(page: Page, installation: Installation, tmp_path: Path, name: str = "talk.mp4") -> Path:
    """Upload a file until S3 has about half of it, and hold the rest."""
    file = make_file(tmp_path / unique(name), SIZE)
    stop_after(installation, 20 * MIB)
    choose(page, file)
    wait_for(lambda: page.wait_for_timeout(10) or arrived(installation) >= 20 * MIB)
    return file


def stop(page: Page, installation: Installation) -> None:
    """Close the page as a crash does, without its leave warning."""
    page.close(run_before_unload=False)
    installation.s3.release()
    wait_for(installation.s3.is_quiet)


def reopen(context: BrowserContext) -> Page:
    page = context.new_page()
    page.goto("/")
    return page


def percent_safe(installation: Installation) -> str:
    [had] = unfinished(installation).values()
    return f"{100 * had // SIZE}% is safe"


def test_after_a_crash_the_upload_is_shown_and_continues_with_the_missing_parts(
    profile: Profile, installation: Installation, tmp_path: Path
) -> None:
    file = begin(profile.open(), installation, tmp_path)
    profile.kill()
    installation.s3.release()
    wait_for(installation.s3.is_quiet)
    [had] = unfinished(installation).values()
    installation.reset()
    page = profile.open()
    shown = interrupted(page, file.name)
    expect(shown).to_contain_text(f"{percent_safe(installation)} · Choose it again to continue")
    expect(page.locator("#announcer")).to_contain_text("1 unfinished upload can be continued.")
    installation.s3.hold()
    shown.locator("input").set_input_files(file)
    expect(upload_row(page, file.name).locator("[data-action=pause]")).to_be_focused()
    expect(shown).to_have_count(0)
    installation.s3.release()
    assert_stored(page, installation, file)
    assert installation.s3.sent() == SIZE - had


@pytest.mark.exhaustive
@pytest.mark.usefixtures("context")
def test_a_file_with_a_handle_continues_after_a_reload_with_one_click(
    page: Page, installation: Installation
) -> None:
    name = unique("talk.mp4")
    stop_after(installation, 20 * MIB)
    page.evaluate(CHOOSE_OWN_FILE, [name, SIZE])
    wait_for(lambda: page.wait_for_timeout(10) or arrived(installation) >= 20 * MIB)
    page.on("dialog", lambda dialog: dialog.accept())  # It warns of leaving the page.
    page.reload()
    installation.s3.release()
    wait_for(installation.s3.is_quiet)
    [had] = unfinished(installation).values()
    installation.reset()
    shown = interrupted(page, name)
    expect(shown).to_contain_text("is safe · Ready to continue")
    shown.get_by_role("button", name="Continue the upload").click()
    expect(row(page, name)).to_have_count(1)
    [stored] = installation.files(name)
    body = installation.download(stored["id"])
    assert body == b"".join(bytes([1 + number]) * MIB for number in range(SIZE // MIB))
    assert installation.s3.sent() == SIZE - had


@pytest.mark.exhaustive
def test_an_upload_of_another_tab_is_shown_once_that_tab_has_ended_and_can_be_removed(
    context: BrowserContext, installation: Installation, tmp_path: Path
) -> None:
    ended = reopen(context)
    second = begin(ended, installation, tmp_path, "second.mp4")
    stop(ended, installation)
    installation.reset()
    working = reopen(context)
    file = begin(working, installation, tmp_path)
    other = reopen(context)
    # It has read the journal, since it shows the upload of the tab that has ended.
    expect(interrupted(other, second.name)).to_be_visible()
    expect(interrupted(other, file.name)).to_have_count(0)
    upload_row(working, file.name).locator("[data-action=pause]").dblclick()
    expect(upload_row(working, file.name)).to_have_attribute("data-state", "paused")
    other.bring_to_front()
    other.reload()
    expect(interrupted(other, second.name)).to_be_visible()
    expect(interrupted(other, file.name)).to_have_count(0)
    stop(working, installation)
    expect(interrupted(other, file.name)).to_be_visible()
    third = reopen(context)
    for name in (file.name, second.name):
        expect(interrupted(third, name)).to_be_visible()
        interrupted(other, name).get_by_role("button", name="Remove").click()
        expect(interrupted(other, name)).to_have_count(0)
    assert unfinished(installation) == {}
    expect(third.locator("[data-interrupted-row]")).to_have_count(0)
    # Nothing would be lost, so nothing asks before the page is left.
    third.on("dialog", lambda dialog: pytest.fail(dialog.message))
    third.reload()


@pytest.mark.exhaustive
def test_the_file_chosen_in_the_usual_way_continues_in_one_row(
    context: BrowserContext, installation: Installation, tmp_path: Path
) -> None:
    page = reopen(context)
    file = begin(page, installation, tmp_path)
    stop(page, installation)
    installation.reset()
    page = reopen(context)
    expect(interrupted(page, file.name)).to_be_visible()
    installation.s3.hold()
    choose(page, file)
    expect(upload_row(page, file.name)).to_have_count(1)
    expect(interrupted(page, file.name)).to_have_count(0)
    installation.s3.release()
    assert_stored(page, installation, file)
    assert installation.s3.sent() < SIZE


@pytest.mark.exhaustive
def test_another_file_does_not_continue_and_can_be_uploaded_as_a_new_one(
    context: BrowserContext, installation: Installation, tmp_path: Path
) -> None:
    page = reopen(context)
    file = begin(page, installation, tmp_path)
    stop(page, installation)
    installation.reset()
    other = make_file(tmp_path / unique("other.mp4"), MIB)
    page = reopen(context)
    shown = interrupted(page, file.name)
    shown.locator("input").set_input_files(other)
    expect(shown).to_contain_text(f"{other.name} is another file.")
    check_accessibility(page, "#uploads-section")
    shown.get_by_role("button", name=f"Upload as a new file: {other.name}").click()
    expect(row(page, other.name)).to_have_count(1)
    expect(shown).to_contain_text("is safe · Choose it again to continue")
    with file.open("ab") as opened:
        opened.write(b"changed")
    shown.locator("input").set_input_files(file)
    expect(shown).to_contain_text("This file has changed since its upload began")
    shown.get_by_role("button", name="Upload as a new file").click()
    expect(row(page, file.name)).to_have_count(1)
    [stored] = installation.files(file.name)
    assert stored["size"] == SIZE + len(b"changed")
    # The earlier one is still there, until the user removes it.
    shown.get_by_role("button", name="Remove").click()
    expect(shown).to_have_count(0)
    assert unfinished(installation) == {}


@pytest.mark.exhaustive
@pytest.mark.usefixtures("context")
@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        pytest.param(CHANGE_OWN_FILE, "This file has changed", id="changed"),
        pytest.param(REMOVE_OWN_FILE, "The file is no longer where it was.", id="vanished"),
        pytest.param(DENY, "Your browser was not allowed to read the file.", id="denied"),
    ],
)
def test_a_file_whose_handle_is_of_no_use_has_to_be_chosen(
    page: Page, installation: Installation, spoil: str, sentence: str
) -> None:
    name = unique("talk.mp4")
    stop_after(installation, 20 * MIB)
    page.evaluate(CHOOSE_OWN_FILE, [name, SIZE])
    wait_for(lambda: page.wait_for_timeout(10) or arrived(installation) >= 20 * MIB)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    shown = interrupted(page, name)
    expect(shown).to_contain_text("is safe · Ready to continue")
    page.evaluate(spoil, name)
    shown.get_by_role("button", name="Continue the upload").click()
    expect(shown).to_contain_text(sentence)
    expect(shown.get_by_role("button", name="Choose file")).to_be_focused()
    expect(shown.locator("[data-action=continue]")).to_be_hidden()


@pytest.mark.exhaustive
def test_a_removal_without_a_connection_keeps_the_row_and_says_so(
    context: BrowserContext, installation: Installation, tmp_path: Path
) -> None:
    page = reopen(context)
    file = begin(page, installation, tmp_path)
    stop(page, installation)
    page = reopen(context)
    shown = interrupted(page, file.name)
    expect(shown).to_contain_text(percent_safe(installation))
    context.set_offline(True)
    shown.get_by_role("button", name="Remove").click()
    expect(shown).to_contain_text("Not removed. The server cannot be reached.")
    assert len(unfinished(installation)) == 1
    context.set_offline(False)
    shown.get_by_role("button", name="Remove").click()
    expect(shown).to_have_count(0)
    expect(page.locator("#choose-files")).to_be_focused()
    assert unfinished(installation) == {}


@pytest.mark.exhaustive
def test_an_upload_that_storage_no_longer_has_is_not_shown(
    context: BrowserContext, installation: Installation, tmp_path: Path
) -> None:
    page = reopen(context)
    file = begin(page, installation, tmp_path)
    stop(page, installation)
    installation.abort_unfinished()
    page = context.new_page()
    with page.expect_response(lambda response: "/parts?token=" in response.url) as response:
        page.goto("/")
    assert response.value.status == 404
    expect(interrupted(page, file.name)).to_have_count(0)
    page.reload()
    choose(page, file)
    assert_stored(page, installation, file)


@pytest.mark.exhaustive
def test_names_are_not_left_to_the_next_user_of_the_browser(
    context: BrowserContext, installation: Installation, tmp_path: Path
) -> None:
    eve = f"eve-{uuid.uuid4().hex[:8]}"
    installation.create_user(eve)
    page = reopen(context)
    file = begin(page, installation, tmp_path)
    stop(page, installation)
    page = reopen(context)
    expect(interrupted(page, file.name)).to_be_visible()
    assert file.name in page.evaluate(READ_JOURNALS)
    sign_out(page)
    for username in (eve, "demo"):
        page.get_by_label("Username").fill(username)
        assert file.name not in page.evaluate(READ_JOURNALS)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_selector("#choose-files:enabled")
        expect(interrupted(page, file.name)).to_have_count(0)
        if username == eve:
            sign_out(page)
    # The owner still resumes it.
    installation.reset()
    choose(page, file)
    assert_stored(page, installation, file)
    assert installation.s3.sent() < SIZE


@pytest.mark.exhaustive
def test_interrupted_uploads_are_accessible_in_german_on_a_narrow_screen(
    context: BrowserContext, installation: Installation, tmp_path: Path
) -> None:
    page = reopen(context)
    file = begin(page, installation, tmp_path, "\u202e4pm.Vortrag " + "x" * 150)
    stop(page, installation)
    page = context.new_page()
    page.set_extra_http_headers({"Accept-Language": "de"})
    page.set_viewport_size({"width": 360, "height": 780})
    page.goto("/")
    shown = page.locator("[data-interrupted-row]")
    expect(shown).to_contain_text("gesichert")
    expect(shown).to_contain_text("\ufffd4pm")
    assert file.name not in shown.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    check_accessibility(page, "#uploads-section")
