"""The session ends while the page is open, and files are downloaded from it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Locator, Page, expect

from tests.browser.conftest import MIB, make_file
from tests.browser.faults.helpers import arrived, assert_stored, choose, stop_after
from tests.browser.test_page import choose as choose_text
from tests.browser.test_page import row, unique, upload_row
from tests.support.installation import Installation
from tests.support.proxy import Request, parts
from tests.support.users import PASSWORD
from tests.support.waiting import wait_for


@pytest.fixture(autouse=True)
def _own_session(installation: Installation) -> None:
    """Sign in again in every test, because they end the session that tests share."""
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


@pytest.mark.exhaustive
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


REOPEN = """async () => {
  const dialog = document.getElementById("session-dialog");
  const password = document.getElementById("session-password");
  const closed = new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  password.value = "left behind";
  dialog.close();
  document.getElementById("sign-in-again").click();
  const atFirst = password.value;
  password.value = "half typed";
  await closed;
  return [atFirst, password.value];
}"""


@pytest.mark.exhaustive
def test_reopening_the_dialog_at_once_keeps_what_is_typed_then(
    page: Page, context: BrowserContext
) -> None:
    """On a busy page, the event of closing comes after the dialog is open again."""
    end_session(context)
    choose_text(page, (unique("queued.txt"), b"x"))
    expect(dialog(page)).to_be_visible()
    assert page.evaluate(REOPEN) == ["", "half typed"]


@pytest.mark.exhaustive
def test_the_page_notices_a_sign_in_in_another_tab_and_refuses_another_user(
    page: Page, context: BrowserContext, installation: Installation
) -> None:
    eve = unique("eve").replace(" ", "-")
    installation.create_user(eve)
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


@pytest.mark.exhaustive
def test_search_and_deletion_say_that_the_session_has_ended_and_work_afterwards(
    page: Page, context: BrowserContext
) -> None:
    names = [unique("one.txt"), unique("two.txt")]
    choose_text(page, *((name, b"x") for name in names))
    for name in names:
        expect(row(page, name)).to_be_visible()
    end_session(context)
    row(page, names[0]).get_by_role("button", name="Delete").click()
    expect(dialog(page)).to_be_visible()
    expect(page.locator("#toast")).to_contain_text("Your session has expired.")
    page.keyboard.press("Escape")
    expect(row(page, names[0])).to_be_visible()
    page.locator("#search").fill(names[1])
    expect(page.locator("#files-end")).to_contain_text("Your session has expired.")
    page.locator("#sign-in-again").click()
    sign_in(page)
    # The search is repeated by itself.
    expect(page.locator("#files-end")).to_be_hidden()
    expect(row(page, names[0])).to_have_count(0)
    expect(row(page, names[1])).to_be_visible()
    page.locator("#search").fill(names[0])
    row(page, names[0]).get_by_role("button", name="Delete").click()
    expect(row(page, names[0])).to_have_count(0)


@pytest.mark.exhaustive
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


@pytest.mark.exhaustive
def test_a_download_of_a_file_that_was_deleted_elsewhere_says_so(
    page: Page, context: BrowserContext
) -> None:
    name = unique("gone.txt")
    choose_text(page, (name, b"x"))
    expect(row(page, name)).to_be_visible()
    # The list would notice it by itself.
    page.route("**/files/version", lambda route: route.abort())
    link = row(page, name).get_by_role("link", name="Download")
    href = str(link.get_attribute("href"))
    other = context.new_page()
    other.goto("/")
    row(other, name).get_by_role("button", name="Delete").click()
    expect(row(other, name)).to_have_count(0)
    link.click()
    expect(page.locator("#toast")).to_contain_text("This file no longer exists.")
    # Without scripts, or in a new tab, the link leads to the list.
    other.goto(href)
    expect(other.locator("#linked-file")).to_contain_text(f"“{name}” is in the trash.")
    assert re.search(r"/\?file=", other.url)


def check_download(page: Page, link: Locator) -> None:
    with page.expect_download() as download:
        link.click()
    assert Path(download.value.path()).read_bytes() == b"later"


@pytest.mark.exhaustive
def test_a_download_works_without_scripts_and_after_an_expired_session(
    page: Page, chromium: Browser, installation: Installation
) -> None:
    name = unique("later.txt")
    choose_text(page, (name, b"later"))
    href = row(page, name).get_by_role("link", name="Download").get_attribute("href")
    with chromium.new_context(
        base_url=installation.url, java_script_enabled=False, accept_downloads=True
    ) as context:
        plain = context.new_page()
        plain.goto(str(href))
        plain.get_by_label("Username").fill("demo")
        plain.get_by_label("Password").fill(PASSWORD)
        plain.get_by_role("button", name="Sign in").click()
        notice = plain.locator("#linked-file")
        expect(notice).to_contain_text(f"“{name}” is ready to download.")
        check_download(plain, notice.get_by_role("link"))
        # Folders come first, and may fill the first page.
        plain.goto(f"/?q={quote(name)}")
        listed = plain.get_by_role("listitem").filter(has_text=name)
        check_download(plain, listed.get_by_role("link"))


@pytest.mark.exhaustive
def test_a_session_that_ends_before_the_completion_claims_nothing(
    page: Page, context: BrowserContext, installation: Installation, tmp_path: Path
) -> None:
    files = [make_file(tmp_path / unique(f"{n}.bin"), 20 * MIB) for n in range(2)]
    held = installation.web.hold(lambda request: request.path.endswith("/complete"))
    page.set_input_files("#file-input", files)
    wait_for(lambda: held.struck == len(files))
    end_session(context)
    # The requests that are held still have the cookie.
    installation.manage(
        "shell",
        "--no-imports",
        "-c",
        "from django.contrib.sessions.models import Session; Session.objects.all().delete()",
    )
    expect(page.locator("#overall-percent")).to_have_text("99%")
    installation.web.release()
    expect(dialog(page)).to_be_visible()
    for file in files:
        expect(upload_row(page, file.name)).to_contain_text("Waiting until you sign in again.")
    expect(page.locator("#overall")).to_contain_text("Waiting until you sign in again")
    expect(page.locator("#overall")).not_to_contain_text("complete")
    assert "100%" not in page.title()
    sign_in(page)
    for file in files:
        assert_stored(page, installation, file)
    assert installation.s3.sent() == 40 * MIB


@pytest.mark.exhaustive
def test_a_paused_upload_stays_paused_while_others_go_on(
    page: Page, context: BrowserContext, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("paused.bin"), 40 * MIB)
    begin_upload(page, installation, file)
    upload_row(page, file.name).locator("[data-action=pause]").click()
    installation.s3.release()
    expect(upload_row(page, file.name)).to_have_attribute("data-state", "paused")
    end_session(context)
    choose_text(page, (name := unique("other.txt"), b"x"))
    expect(dialog(page)).to_be_visible()
    sign_in(page)
    expect(row(page, name)).to_be_visible()
    expect(upload_row(page, file.name)).to_have_attribute("data-state", "paused")
    upload_row(page, file.name).locator("[data-action=resume]").click()
    assert_stored(page, installation, file)
    assert installation.s3.sent() == 40 * MIB + 1


@pytest.mark.exhaustive
def test_too_many_attempts_and_a_lost_connection_are_explained_in_the_dialog(
    page: Page, context: BrowserContext, installation: Installation
) -> None:
    def signs_in(request: Request) -> bool:
        return request.path == "/accounts/login/"

    end_session(context)
    choose_text(page, (name := unique("patient.txt"), b"x"))
    alert = dialog(page).get_by_role("alert")
    installation.web.fail_every(1, 429, signs_in, times=1)
    sign_in(page)
    expect(alert).to_have_text("The server cannot be reached. Check your connection and try again.")
    body = {"error": "Too many.", "code": "too_many_sign_ins"}
    page.route(
        "**/accounts/login/",
        lambda route: route.fulfill(status=429, headers={"Retry-After": "150"}, json=body),
    )
    sign_in(page)
    expect(alert).to_contain_text("Try again in 3 minutes.")
    page.unroute("**/accounts/login/")
    context.set_offline(True)
    sign_in(page)
    expect(alert).to_contain_text("The server cannot be reached.")
    context.set_offline(False)
    sign_in(page)
    expect(dialog(page)).to_be_hidden()
    expect(row(page, name)).to_be_visible()


@pytest.mark.exhaustive
def test_a_new_csrf_token_is_taken_without_asking(page: Page, context: BrowserContext) -> None:
    # As with CSRF_COOKIE_HTTPONLY, and after a sign-in in another tab.
    context.clear_cookies(name="csrftoken")
    choose_text(page, (name := unique("token.txt"), b"x"))
    expect(row(page, name)).to_be_visible()
    expect(dialog(page)).to_be_hidden()
    expect(page.locator("#session-notice")).to_be_hidden()


@pytest.mark.exhaustive
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_dialog_fits_a_narrow_screen(
    page: Page, context: BrowserContext, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 360, "height": 640})
    end_session(context)
    choose_text(page, (unique("narrow.txt"), b"x"))
    expect(dialog(page)).to_be_visible()
    box = dialog(page).bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
    for field, purpose in (("Username", "username"), ("Password", "current-password")):
        expect(dialog(page).get_by_label(field)).to_have_attribute("autocomplete", purpose)
    page.keyboard.press("Escape")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
