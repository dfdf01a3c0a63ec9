"""axe-core finds nothing on any page, in any state, light and dark, wide and narrow."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.test_actions import upload
from tests.browser.test_page import TO_S3, choose, row, unique, upload_row
from tests.support.accessibility import check_accessibility, violations
from tests.support.installation import Installation

STATUSES = re.compile(r"/uploads\?ids=")


def test_axe_finds_violations(page: Page) -> None:
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x.png><button></button>')"
    )
    assert {line.partition(":")[0] for line in violations(page)} >= {"button-name", "image-alt"}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        pytest.param("/no/such/page", marks=pytest.mark.exhaustive),
        pytest.param("/?q=no file", marks=pytest.mark.exhaustive),
    ],
)
def test_pages_have_no_violations(tab: Page, path: str) -> None:
    tab.goto(path)
    check_accessibility(tab, every_variant=path == "/")


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "path",
    [
        "/admin/",
        "/admin/uploads/file/",
        "/admin/uploads/file/?state=deleted",
        "/admin/uploads/apitoken/",
        "/admin/uploads/auditentry/",
        "/admin/auth/user/",
    ],
)
def test_admin_pages(tab: Page, path: str) -> None:
    tab.goto(path)
    check_accessibility(tab)


@pytest.mark.exhaustive
def test_sign_in(chromium: Browser, installation: Installation) -> None:
    page = chromium.new_page(base_url=installation.url)
    page.goto("/")
    check_accessibility(page)
    page.get_by_label("Username").fill("demo")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check_accessibility(page)
    page.close()


def stall(route: Route) -> None:
    """S3 never responds."""


def refuse(route: Route) -> None:
    route.fulfill(
        status=403,
        headers={"Access-Control-Allow-Origin": "*"},
        body="<Error><Code>AccessDenied</Code></Error>",
    )


def reject(route: Route) -> None:
    ids = route.request.url.partition("ids=")[2].split(",")
    statuses = [{"id": id_, "state": "rejected", "reason": "It is not a picture."} for id_ in ids]
    route.fulfill(json=statuses)


def pause(page: Page, name: str) -> None:
    expect(upload_row(page, name)).to_have_attribute("data-state", "uploading")
    upload_row(page, name).locator("[data-action=pause]").click()


def cancel(page: Page, name: str) -> None:
    expect(upload_row(page, name)).to_have_attribute("data-state", "uploading")
    upload_row(page, name).locator("[data-action=cancel]").click()


def nothing(page: Page, name: str) -> None:
    """The upload reaches the state without an action."""


@pytest.mark.parametrize(
    ("state", "where", "handler", "act"),
    [
        ("failed", TO_S3, refuse, nothing),
        *(
            pytest.param(*case, marks=pytest.mark.exhaustive)
            for case in (
                ("uploading", TO_S3, stall, nothing),
                ("rejected", STATUSES, reject, nothing),
                ("paused", TO_S3, stall, pause),
                ("cancelled", TO_S3, stall, cancel),
                ("confirming", STATUSES, lambda route: route.abort(), nothing),
            )
        ),
    ],
)
def test_an_upload_in_each_state(
    page: Page, state: str, where: Any, handler: Any, act: Callable[[Page, str], None]
) -> None:
    name = unique(f"{state}.txt")
    page.route(where, handler)
    choose(page, (name, b"x"))
    act(page, name)
    expect(upload_row(page, name)).to_have_attribute("data-state", state)
    check_accessibility(page)
    page.unroute_all(behavior="ignoreErrors")


@pytest.mark.exhaustive
def test_several_uploads_and_the_controls_for_all(page: Page) -> None:
    page.route(TO_S3, stall)
    choose(page, *[(unique(f"{index}.txt"), b"x") for index in range(20)])
    expect(page.locator("[data-upload-row][data-state=uploading]").first).to_be_visible()
    check_accessibility(page)
    page.unroute_all(behavior="ignoreErrors")


@pytest.mark.exhaustive
def test_a_stored_file_and_one_that_was_stored_before(page: Page) -> None:
    name, body = unique("again.txt"), json.dumps(unique("content")).encode()
    file = {"name": name, "mimeType": "text/plain", "text": body.decode()}
    drop = """({name, mimeType, text}) => {
        const data = new DataTransfer();
        data.items.add(new File([text], name, {type: mimeType, lastModified: 1}));
        document.dispatchEvent(
            new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
    }"""
    page.evaluate(drop, file)
    expect(row(page, name)).to_be_visible()
    check_accessibility(page)
    page.reload()
    page.evaluate(drop, file)
    expect(upload_row(page, name).locator("[data-action=again]")).to_be_visible()
    check_accessibility(page)


@pytest.mark.exhaustive
def test_the_page_has_no_violations_while_offline(page: Page) -> None:
    page.context.set_offline(True)
    choose(page, (unique("later.txt"), b"x"))
    check_accessibility(page)
    page.context.set_offline(False)


def open_with(*keys: str) -> Callable[[Page, str], None]:
    """Press keys in the first file of a folder."""

    def reach(page: Page, folder: str) -> None:
        page.goto(f"/?folder={folder}")
        row(page, "a.txt").focus()
        for key in keys:
            page.keyboard.press(key)

    return reach


def click(selector: str, *keys: str) -> Callable[[Page, str], None]:
    """Press keys in the first file of a folder, then click a button."""

    def reach(page: Page, folder: str) -> None:
        open_with(*keys)(page, folder)
        page.locator(selector).click()

    return reach


def delete_permanently(page: Page, folder: str) -> None:
    page.locator("[data-file-row]").first.press("Delete")
    expect(page.locator("#delete-dialog")).to_be_visible()


def empty_the_trash(page: Page, folder: str) -> None:
    page.goto("/?view=trash")
    page.locator("#empty-trash").click()
    expect(page.locator("#empty-dialog")).to_be_visible()


#: Views of the list, how they are reached, and what shows that they are there.
STATES: dict[str, tuple[Callable[[Page, str], object], str]] = {
    "a folder": (lambda page, folder: page.goto(f"/?folder={folder}"), "#files"),
    "tiles": (click("#layout"), "#files[data-layout=tiles]"),
    "a selection in tiles": (open_with("Space"), "#selection-bar"),
    "the list again": (click("#layout"), "#files[data-layout=list]"),
    "a selection": (open_with("Space"), "#selection-bar"),
    "a menu": (open_with("Shift+F10"), "#item-menu"),
    "renaming": (open_with("F2"), ".rename"),
    "a preview": (open_with("Enter"), "#preview-dialog .preview-text"),
    "a new folder": (click("#new-folder"), "#folder-dialog"),
    "moving": (
        click("#selection-bar [data-command=move]", "Space"),
        "#move-dialog [role=treeitem]",
    ),
    "a search": (lambda page, folder: page.goto(f"/?q=a&folder={folder}"), "#files"),
    "no match": (lambda page, folder: page.goto(f"/?q=nothing&folder={folder}"), "#files-end"),
    "a missing folder": (
        lambda page, folder: page.goto(f"/?folder={folder}/nowhere"),
        "#files-end",
    ),
    "a deleted file": (open_with("Delete"), "#toast"),
    "the trash": (lambda page, folder: page.goto("/?view=trash"), "#empty-trash"),
    "deleting permanently": (delete_permanently, "#delete-dialog"),
    "emptying the trash": (empty_the_trash, "#empty-dialog"),
    "rejected uploads": (lambda page, folder: page.goto("/?view=rejected"), "#files-head"),
}


@pytest.mark.exhaustive
def test_the_list_has_no_violations_in_any_state(page: Page) -> None:
    folder = unique("states")
    upload(page, folder, "a.txt", "b.txt")
    upload(page, f"{folder}/Inner", "c.txt")
    for name, (reach, shown) in STATES.items():
        reach(page, folder)
        expect(page.locator(shown).first, name).to_be_visible()
        expect(page.locator("#files")).to_have_attribute("aria-busy", "false")
        check_accessibility(page)
