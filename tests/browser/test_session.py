"""The session ends while the page is open, and files are downloaded from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Dialog, Locator, Page, expect

from tests.browser.conftest import MIB, make_file
from tests.browser.faults.helpers import arrived, assert_stored, choose, stop_after
from tests.browser.test_page import choose as choose_text
from tests.browser.test_page import row, unique, upload_row
from tests.support.installation import Installation
from tests.support.proxy import parts
from tests.support.users import PASSWORD
from tests.support.waiting import wait_for


@pytest.fixture(autouse=True)
def _own_session(installation: Installation) -> None:
    """Sign in anew in every test, because they end the session that tests share."""
    installation.session = None


def end_session(context: BrowserContext) -> None:
    context.clear_cookies(name="sessionid")


def dialog(page: Page) -> Locator:
    return page.locator("#session-dialog")


def sign_in(page: Page, password: str = PASSWORD) -> None:
    dialog(page).get_by_label("Password").fill(password)
    dialog(page).get_by_role("button", name="Sign in").click()


def begin_upload(page: Page, installation: Installation, path: Path) -> None:
    """Start an upload in parts, and hold it once some have arrived."""
    stop_after(installation, 10 * MIB)
    choose(page, path)
    wait_for(lambda: arrived(installation) >= 10 * MIB)


def test_after_signing_in_again_in_the_dialog_the_queue_goes_on_by_itself(
    page: Page, context: BrowserContext, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("session.bin"), 80 * MIB)
    begin_upload(page, installation, file)
    choose_text(page, (name := unique("queued.txt"), b"x"))
    end_session(context)
    installation.s3.release()
    expect(dialog(page)).to_be_visible()
    expect(dialog(page).get_by_label("Username")).to_have_value("demo")
    expect(dialog(page).get_by_label("Password")).to_be_focused()
    expect(upload_row(page, file.name)).to_contain_text("Waiting until you sign in again.")
    expect(upload_row(page, file.name)).not_to_contain_text("100%")
    sign_in(page, "wrong")
    expect(dialog(page).get_by_role("alert")).to_contain_text("correct username and password")
    expect(dialog(page).get_by_label("Password")).to_be_focused()
    # Escape closes the dialog; the notice offers it again.
    page.keyboard.press("Escape")
    expect(dialog(page)).to_be_hidden()
    expect(page.locator("#session-notice")).to_be_visible()
    page.locator("#sign-in-again").click()
    expect(dialog(page).get_by_role("alert")).to_be_empty()
    sign_in(page)
    expect(dialog(page)).to_be_hidden()
    expect(page.locator("#session-notice")).to_be_hidden()
    assert_stored(page, installation, file)
    expect(row(page, name)).to_have_count(1)
    # Not a byte was sent twice.
    assert installation.s3.sent(lambda r: parts(r) and r.size > 1) == 80 * MIB


def test_the_page_notices_a_sign_in_in_another_tab_and_refuses_another_user(
    page: Page, context: BrowserContext, installation: Installation
) -> None:
    eve = unique("eve").replace(" ", "-")
    installation.manage(
        "shell",
        "--no-imports",
        "-c",
        "from django.contrib.auth.models import User; "
        f"User.objects.create_user({eve!r}, password={PASSWORD!r})",
    )
    other = context.new_page()

    def sign_in_elsewhere(name: str) -> None:
        other.goto("/accounts/login/")
        other.get_by_label("Username").fill(name)
        other.get_by_label("Password").fill(PASSWORD)
        other.get_by_role("button", name="Sign in").click()
        other.wait_for_selector("#choose-files:enabled")

    end_session(context)
    page.bring_to_front()
    choose_text(page, (name := unique("mine.txt"), b"x"))
    expect(dialog(page)).to_be_visible()
    sign_in_elsewhere(eve)
    page.bring_to_front()
    expect(dialog(page)).to_contain_text("Another user is signed in")
    expect(upload_row(page, name)).to_contain_text("Waiting until you sign in again.")
    sign_in_elsewhere("demo")
    page.bring_to_front()
    expect(dialog(page)).to_be_hidden()
    expect(page.locator("#session-notice")).to_be_hidden()
    expect(row(page, name)).to_have_count(1)
    # All of it belongs to the user who chose it.
    assert len(installation.files(name)) == 1


def test_search_and_deletion_say_that_the_session_has_ended_and_work_afterwards(
    page: Page, context: BrowserContext
) -> None:
    names = [unique("one.txt"), unique("two.txt")]
    choose_text(page, *((name, b"x") for name in names))
    for name in names:
        expect(row(page, name)).to_be_visible()
    end_session(context)
    row(page, names[0]).get_by_role("button", name="Delete").click()
    page.locator("#confirm-dialog [data-confirm]").click()
    expect(dialog(page)).to_be_visible()
    expect(row(page, names[0])).to_contain_text("Your session has expired.")
    page.keyboard.press("Escape")
    page.locator("#search").fill(names[1])
    page.locator("#sign-in-again").click()
    sign_in(page)
    # The search is repeated by itself.
    expect(row(page, names[0])).to_have_count(0)
    expect(row(page, names[1])).to_be_visible()
    page.locator("#search").fill(names[0])
    row(page, names[0]).get_by_role("button", name="Delete").click()
    page.locator("#confirm-dialog [data-confirm]").click()
    expect(row(page, names[0])).to_have_count(0)


@pytest.mark.parametrize(
    "type_",
    [
        "application/pdf",
        *(pytest.param(t, marks=pytest.mark.exhaustive) for t in ("text/plain", "image/png")),
    ],
)
def test_a_download_during_an_upload_neither_warns_nor_stops_it(
    page: Page, context: BrowserContext, installation: Installation, tmp_path: Path, type_: str
) -> None:
    body = {"application/pdf": b"%PDF-1.4\n", "image/png": b"\x89PNG\r\n\x1a\n" + b"\0" * 32}
    name = unique("wanted.dat")
    content = body.get(type_, b"<p>hello</p>")
    page.set_input_files("#file-input", {"name": name, "mimeType": type_, "buffer": content})
    expect(row(page, name)).to_be_visible()
    warnings: list[Dialog] = []
    page.on("dialog", lambda shown: (warnings.append(shown), shown.accept()))
    file = make_file(tmp_path / unique("running.bin"), 40 * MIB)
    begin_upload(page, installation, file)
    link = row(page, name).get_by_role("link", name="Download")
    for _ in range(2):
        with page.expect_download() as download:
            link.click()
        assert Path(download.value.path()).read_bytes() == content
        assert download.value.suggested_filename == name
    # In a new tab the browser follows the link itself.
    with context.expect_event("page") as tab:
        link.click(modifiers=["ControlOrMeta"])
    assert tab.value.opener() is None
    assert warnings == []
    assert page.url.rstrip("/") == installation.url
    installation.s3.release()
    assert_stored(page, installation, file)


def test_a_download_of_a_file_that_was_deleted_elsewhere_says_so_in_the_list(
    page: Page, context: BrowserContext
) -> None:
    name = unique("gone.txt")
    choose_text(page, (name, b"x"))
    expect(row(page, name)).to_be_visible()
    other = context.new_page()
    other.goto("/")
    row(other, name).get_by_role("button", name="Delete").click()
    other.locator("#confirm-dialog [data-confirm]").click()
    expect(row(other, name)).to_have_count(0)
    row(page, name).get_by_role("link", name="Download").click()
    expect(row(page, name)).to_contain_text("This file was deleted.")
    # Without scripts, or in a new tab, the link leads to the list.
    other.goto(str(row(page, name).get_by_role("link", name="Download").get_attribute("href")))
    expect(other.locator("#linked-file")).to_contain_text(f"“{name}” was deleted.")
    assert re.search(r"/\?file=", other.url)
