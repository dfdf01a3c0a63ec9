"""Uploading, finding, downloading and deleting files, as a user does it."""

from __future__ import annotations

import os
import re
import time
import uuid
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from tests.support.http import send
from tests.support.installation import Installation
from tests.support.users import PASSWORD
from tests.support.waiting import wait_for

TO_S3 = re.compile(r"/uploads/[0-9a-f]/")

DROP = """([target, files]) => {
    const data = new DataTransfer();
    for (const [name, text] of files) data.items.add(new File([text], name));
    for (const type of ["dragenter", "dragover", "drop"])
        document.querySelector(target).dispatchEvent(
            new DragEvent(type, {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


def unique(name: str) -> str:
    return f"{uuid.uuid4().hex[:8]} {name}"


def choose(page: Page, *files: tuple[str, bytes]) -> None:
    payload: list[Any] = [
        {"name": name, "mimeType": "text/plain", "buffer": body} for name, body in files
    ]
    page.set_input_files("#file-input", payload)


def row(page: Page, name: str) -> Locator:
    return page.locator("[data-file-row]").filter(has_text=name)


def upload_row(page: Page, name: str) -> Locator:
    return page.locator(f'[data-upload-row][data-name="{name}"]')


@pytest.mark.exhaustive
def test_files_can_be_chosen_only_after_the_script_has_loaded(page: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/page/home*.js", hold)
    page.goto("/", wait_until="commit")
    controls = ["#choose-files", "#choose-folder", "#file-input", "#folder-input"]
    for control in controls:
        expect(page.locator(control)).to_be_disabled()
    wait_for(lambda: page.wait_for_timeout(10) or held)
    held[0].continue_()
    for control in controls:
        expect(page.locator(control)).to_be_enabled()


def test_two_dropped_files_are_stored_listed_downloaded_and_deleted(page: Page) -> None:
    files = [(unique("one.txt"), "first file"), (unique("two.txt"), "second file")]
    page.evaluate(DROP, ["#drop-zone", files])
    for name, _ in files:
        expect(row(page, name)).to_be_visible()
    page.reload()
    for name, text in files:
        with page.expect_download() as download:
            row(page, name).get_by_role("link", name="Download").click()
        assert download.value.suggested_filename == name
        assert Path(download.value.path()).read_text() == text
    for name, _ in files:
        row(page, name).get_by_role("button", name="Delete").click()
        expect(row(page, name)).to_have_count(0)
    page.reload()
    for name, _ in files:
        expect(row(page, name)).to_have_count(0)


def test_an_upload_is_shown_as_stored_only_after_s3_has_reported_it(page: Page) -> None:
    name = unique("confirming.txt")
    page.route("**/uploads?ids=*", lambda route: route.abort())
    choose(page, (name, b"x"))
    expect(upload_row(page, name)).to_have_attribute("data-state", "confirming")
    expect(row(page, name)).to_have_count(0)
    page.unroute("**/uploads?ids=*")
    expect(row(page, name)).to_be_visible()


def test_a_tab_closed_right_after_the_put_still_lists_the_file(context: BrowserContext) -> None:
    name = unique("closed.txt")
    page = context.new_page()
    page.goto("/")
    # The page is closed as soon as S3 has responded, before the upload is confirmed.
    with page.expect_response(lambda r: r.request.method == "PUT" and r.status == 200):
        choose(page, (name, b"x" * 1000))
    page.close(run_before_unload=False)
    again = context.new_page()

    def listed() -> bool:
        again.goto("/")
        return row(again, name).count() == 1

    wait_for(listed)


@pytest.mark.exhaustive
def test_a_failed_upload_can_be_retried_and_is_not_listed(page: Page) -> None:
    name = unique("retry.txt")
    refusal = {"status": 403, "headers": {"Access-Control-Allow-Origin": "*"}, "body": "<Error/>"}
    page.route(TO_S3, lambda route: route.fulfill(**refusal))  # type: ignore[arg-type]
    choose(page, (name, b"x"))
    expect(upload_row(page, name)).to_have_attribute("data-state", "failed")
    page.unroute(TO_S3)
    other = page.context.new_page()
    other.goto("/")
    expect(row(other, name)).to_have_count(0)
    upload_row(page, name).locator("[data-action=retry]").click()
    expect(row(page, name)).to_be_visible()


@pytest.mark.exhaustive
def test_an_upload_can_be_cancelled(page: Page) -> None:
    name = unique("cancel.bin")
    page.route(TO_S3, lambda route: None)  # S3 never responds
    choose(page, (name, os.urandom(1000)))
    expect(upload_row(page, name)).to_have_attribute("data-state", "uploading")
    upload_row(page, name).locator("[data-action=cancel]").click()
    expect(upload_row(page, name)).to_have_attribute("data-state", "cancelled")
    page.unroute_all(behavior="ignoreErrors")


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("naïve file+v2 100%.txt", id="accents"),
        pytest.param("日本語.pdf", id="Japanese"),
        pytest.param('a"b;c.txt', id="quotes"),
        pytest.param("é" * 127 + "x", id="255 bytes"),
    ],
)
def test_a_file_name_is_unchanged_after_upload_and_download(page: Page, name: str) -> None:
    body = uuid.uuid4().hex.encode()
    choose(page, (name, body))
    newest = page.locator("[data-file-row]").first
    expect(newest).to_contain_text(name)
    with page.expect_download() as download:
        newest.get_by_role("link", name="Download").click()
    assert Path(download.value.path()).read_bytes() == body
    # Chromium replaces characters that file systems do not allow.
    assert download.value.suggested_filename == name.replace('"', "_")


@pytest.mark.exhaustive
def test_the_search_matches_the_beginning_of_a_name(page: Page) -> None:
    name, other = unique("Needle.txt"), unique("hay.txt")
    choose(page, (name, b"x"), (other, b"x"))
    expect(row(page, other)).to_be_visible()
    expect(row(page, name)).to_be_visible()
    page.locator("#search").fill(name[:12].upper())
    expect(row(page, other)).to_have_count(0)
    expect(row(page, name)).to_be_visible()
    page.locator("#search").fill("no file begins so")
    expect(page.locator("[data-file-row]")).to_have_count(0)


def test_everything_works_by_keyboard(page: Page) -> None:
    name = unique("keyboard.txt")
    with page.expect_file_chooser() as chooser:
        page.locator("#choose-files").press("Enter")
    chooser.value.set_files([{"name": name, "mimeType": "text/plain", "buffer": b"x"}])
    expect(row(page, name)).to_be_visible()
    row(page, name).focus()
    page.keyboard.press("Delete")
    expect(row(page, name)).to_have_count(0)
    expect(page.locator("#toast [data-undo]")).to_be_visible()
    page.locator("#toast [data-undo]").press("Enter")
    expect(row(page, name)).to_be_visible()


@pytest.mark.exhaustive
def test_deleting_moves_a_file_to_the_trash(page: Page) -> None:
    name = unique("trash.txt")
    choose(page, (name, b"x"))
    row(page, name).get_by_role("button", name="Delete").click()
    expect(page.locator("#toast")).to_contain_text("was moved to the trash.")
    expect(row(page, name)).to_have_count(0)
    trashed = page.evaluate("fetch('/files?state=trashed').then((r) => r.json())")
    (file,) = [file for file in trashed if file["file_name"] == name]
    page.locator("#views a").filter(has_text="Trash").click()
    expect(row(page, name)).to_contain_text("Deleted permanently on")
    restored = page.context.request.post(
        page.url.split("?")[0] + "files/restore",
        data={"ids": [file["id"]]},
        headers={"X-CSRFToken": csrf_token(page)},
    )
    assert restored.json()["results"] == [{"id": file["id"], "state": "stored"}]
    expect(row(page, name)).to_have_count(0)
    page.go_back()
    expect(row(page, name)).to_be_visible()


def csrf_token(page: Page) -> str:
    (cookie,) = [cookie for cookie in page.context.cookies() if cookie["name"] == "csrftoken"]
    return str(cookie["value"])


@pytest.mark.exhaustive
def test_another_tab_sees_changes_without_a_reload(page: Page) -> None:
    other = page.context.new_page()
    other.goto("/")
    name = unique("live.txt")
    choose(page, (name, b"x"))
    expect(row(other, name)).to_be_visible()
    row(other, name).get_by_role("button", name="Delete").click()
    expect(row(page, name)).to_have_count(0)
    other.close()


def test_a_change_while_the_page_loads_is_seen(page: Page) -> None:
    name = unique("loading.txt")
    choose(page, (name, b"x"))
    expect(row(page, name)).to_be_visible()
    key = row(page, name).get_attribute("data-key")

    def delete_first(route: Route) -> None:
        headers = {"X-CSRFToken": csrf_token(page), "Referer": page.url}
        assert page.request.post("/files/trash", data={"ids": [key]}, headers=headers).ok
        route.continue_()

    # The list is in the page, and the first question about its version comes after the change.
    page.route("**/files/version", delete_first, times=1)
    page.reload()
    expect(row(page, name)).to_have_count(0)


@pytest.mark.exhaustive
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_does_not_scroll_sideways(page: Page, scheme: Any) -> None:
    name = uuid.uuid4().hex + "x" * 200
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 360, "height": 780})
    choose(page, (name, b"x"))
    expect(row(page, name)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.exhaustive
@pytest.mark.parametrize("width", [360, 1280])
def test_the_overall_percentage_keeps_its_distance_from_the_bar(page: Page, width: int) -> None:
    page.set_extra_http_headers({"Accept-Language": "de"})
    page.set_viewport_size({"width": width, "height": 780})
    page.goto("/")
    page.route(TO_S3, lambda route: None)  # S3 never responds
    choose(page, (unique("1.txt"), b"x"), (unique("2.txt"), b"x"))
    expect(page.locator("#overall")).to_be_visible()
    # The widest text: German puts a space before the sign.
    text, distance = page.evaluate("""() => {
        const percent = document.querySelector("#overall-percent");
        percent.textContent = new Intl.NumberFormat(document.documentElement.lang,
            { style: "percent" }).format(1);
        const range = document.createRange();
        range.selectNodeContents(percent);
        const bar = document.querySelector("#overall-progress").getBoundingClientRect();
        return [percent.textContent, bar.left - range.getBoundingClientRect().right];
    }""")
    assert text == "100\N{NO-BREAK SPACE}%"
    assert distance >= 8
    page.unroute_all(behavior="ignoreErrors")


@pytest.mark.exhaustive
def test_the_admin_lists_the_files_newest_first(page: Page) -> None:
    first, second = unique("admin 1.txt"), unique("admin 2.txt")
    for name in (first, second):
        choose(page, (name, b"x"))
        expect(row(page, name)).to_be_visible()
    page.goto("/admin/uploads/file/")
    rows = page.locator("#result_list tbody tr")
    expect(rows.nth(0)).to_contain_text(second)
    expect(rows.nth(1)).to_contain_text(first)
    expect(rows.nth(0)).to_contain_text("demo")
    rows.nth(0).get_by_role("link").click()
    expect(page.locator("#content")).to_contain_text("text/plain")


@pytest.mark.exhaustive
def test_a_request_without_a_put_leaves_nothing_on_any_page(
    page: Page, installation: Installation
) -> None:
    token = installation.manage("create_api_token", "demo")
    name = unique("never-sent.txt")
    response = send(
        "POST",
        f"{installation.url}/get-url",
        f'{{"file_name": "{name}"}}'.encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    assert response.status == 200
    for path in (
        "/",
        f"/?q={name[:8]}",
        "/admin/uploads/file/",
        "/admin/uploads/file/?state=deleted",
    ):
        page.goto(path)
        expect(page.locator("body")).not_to_contain_text(name)


@pytest.mark.exhaustive
def test_anonymous_users_sign_in_and_come_back(chromium: Any, installation: Installation) -> None:
    page = chromium.new_page(base_url=installation.url)
    page.goto("/?q=x")
    assert "/accounts/login/" in page.url
    page.get_by_label("Username").fill("demo")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#search")).to_have_value("x")
    page.close()


@pytest.mark.exhaustive
def test_retry_after_is_obeyed_and_explained(page: Page) -> None:
    polled_at: list[float] = []
    seen = False

    def respond(route: Route) -> None:
        polled_at.append(time.monotonic())
        # Until the test has seen the message, which is shown for three seconds only.
        if seen:
            route.continue_()
            return
        body = {"error": "Too many requests.", "code": "rate_limited"}
        route.fulfill(status=429, headers={"Retry-After": "3"}, json=body)

    page.route("**/uploads", respond)
    name = unique("patient.txt")
    choose(page, (name, b"hello"))
    expect(upload_row(page, name)).to_contain_text("The server is limiting requests")
    seen = True
    expect(row(page, name)).to_be_visible()
    assert len(polled_at) > 1
    assert all(second - first >= 3 for first, second in pairwise(polled_at))
