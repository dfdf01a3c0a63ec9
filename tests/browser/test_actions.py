"""Moving, renaming, deleting, restoring and downloading many files, as a user does it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import PATIENCE
from tests.browser.test_page import unique
from tests.support.users import PASSWORD

UPLOAD = """async ([folder, names]) => {
    const token = document.querySelector("meta[name=csrf-token]").content;
    const call = async (method, url, body) => {
        const headers = {"Content-Type": "application/json", "X-CSRFToken": token};
        return (await fetch(url, {method, headers, body: JSON.stringify(body)})).json();
    };
    return await Promise.all(names.map(async (name) => {
        const content_type = "text/plain";
        const {size} = new Blob([name]);
        const file = {file_name: name, folder, content_type, size};
        const {id, method, url, headers} = await call("POST", "/uploads", file);
        await fetch(url, {method, headers, body: name});
        await call("POST", `/uploads/${id}/complete`, {});
        for (;;) {
            const {state} = await (await fetch(`/uploads/${id}`)).json();
            if (state === "stored") return id;
            await new Promise((resolve) => setTimeout(resolve, 200));
        }
    }));
}"""


def upload(page: Page, folder: str, *names: str) -> list[str]:
    """Store files whose contents are their names; return their ids."""
    ids: list[str] = page.evaluate(UPLOAD, [folder, list(names)])
    return ids


def open_folder(page: Page, folder: str) -> None:
    page.goto(f"/?folder={folder}&sort=name")


def row(page: Page, name: str) -> Locator:
    return page.locator(f'[data-file-row][data-name="{name}"]')


def expect_names(page: Page, *expected: str) -> None:
    """Wait until the list has exactly these names, in any order."""
    page.wait_for_function(
        """names => JSON.stringify([...document.querySelectorAll("[data-file-row]")]
            .map((row) => row.dataset.name).sort()) === JSON.stringify(names.sort())""",
        arg=list(expected),
        timeout=PATIENCE,
    )


@pytest.fixture
def folder(page: Page) -> str:
    """A folder with six files and another folder, which has one file; it is open."""
    folder = unique("actions")
    upload(page, folder, *[f"{letter}.txt" for letter in "abcdef"])
    upload(page, f"{folder}/Inner", "deep.txt")
    open_folder(page, folder)
    expect_names(page, "Inner", *[f"{letter}.txt" for letter in "abcdef"])
    return folder


def tab_to(page: Page, selector: str) -> None:
    """Press the Tab key until an element has the focus, or contains what has it."""
    for _ in range(60):
        if page.evaluate("selector => document.activeElement.closest(selector) !== null", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key does not lead to {selector}")


def test_several_files_are_selected_deleted_and_brought_back_by_keyboard(
    page: Page, folder: str
) -> None:
    press = page.keyboard.press
    announcer = page.locator("#announcer")
    tab_to(page, ".file-rows")
    for key in ("ArrowDown", "ArrowDown", "Space", "Shift+ArrowDown", "Shift+ArrowDown"):
        press(key)
    expect(page.locator("#selection-bar")).to_contain_text("3 selected")
    press("Delete")
    expect_names(page, "Inner", "a.txt", "e.txt", "f.txt")
    expect(page.locator("#toast")).to_contain_text("3 items were moved to the trash.")
    expect(announcer).to_contain_text("3 items were moved to the trash.")
    expect(page.locator("#selection-bar")).to_be_hidden()
    press("Control+z")
    expect(page.locator("#toast")).to_contain_text("Undone.")
    expect_names(page, "Inner", *[f"{letter}.txt" for letter in "abcdef"])
    page.reload()
    expect_names(page, "Inner", *[f"{letter}.txt" for letter in "abcdef"])

    # With the button instead of the key, and back from the trash.
    tab_to(page, ".file-rows")
    for key in ("End", "Space", "Shift+ArrowUp"):
        press(key)
    tab_to(page, "#selection-bar [data-command=trash]")
    press("Enter")
    expect_names(page, "Inner", *[f"{letter}.txt" for letter in "abcd"])
    expect(row(page, "d.txt")).to_be_focused()
    page.locator("#search").focus()
    tab_to(page, "#views [data-view=trash]")
    press("Enter")
    expect(row(page, "f.txt").first).to_be_visible()
    tab_to(page, ".file-rows")
    for key in ("Home", "Space", "Shift+ArrowDown"):
        press(key)
    tab_to(page, "#selection-bar [data-command=restore]")
    press("Enter")
    expect(announcer).to_contain_text("2 items were restored.")
    open_folder(page, folder)
    expect_names(page, "Inner", *[f"{letter}.txt" for letter in "abcdef"])


@pytest.mark.exhaustive
def test_the_focus_is_on_the_heading_when_a_button_has_emptied_the_list(page: Page) -> None:
    folder = unique("emptied")
    upload(page, folder, "a", "b")
    open_folder(page, folder)
    row(page, "a").focus()
    page.keyboard.press("Control+a")
    tab_to(page, "#selection-bar [data-command=trash]")
    page.keyboard.press("Enter")
    expect(page.locator("#files-end")).to_contain_text("This folder is empty")
    expect(page.locator("#files-heading")).to_be_focused()
    tab_to(page, "#toast [data-undo]")
    page.keyboard.press("Enter")
    expect_names(page, "a", "b")


@pytest.mark.exhaustive
def test_a_file_is_renamed_in_its_row(page: Page, folder: str) -> None:
    row(page, "a.txt").focus()
    page.keyboard.press("F2")
    page.keyboard.type("Über uns")
    page.keyboard.press("Enter")
    expect(row(page, "Über uns.txt")).to_be_visible()
    expect(row(page, "Über uns.txt")).to_be_focused()
    page.keyboard.press("F2")
    page.keyboard.type("x" * 300)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="This name is too long.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(row(page, "Über uns.txt")).to_be_focused()
    with page.expect_download() as download:
        row(page, "Über uns.txt").hover()
        row(page, "Über uns.txt").get_by_title("Download", exact=True).click()
    assert download.value.suggested_filename == "Über uns.txt"
    assert Path(download.value.path()).read_text() == "a.txt"


@pytest.mark.exhaustive
def test_files_are_moved_in_the_dialog_by_keyboard(page: Page, folder: str) -> None:
    row(page, "a.txt").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    page.locator("#selection-bar [data-command=move]").press("Enter")
    dialog = page.locator("#move-dialog")
    expect(dialog.get_by_role("treeitem", selected=True)).to_have_text(folder)
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_role("treeitem", name="Inner")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_role("button", name="Move to “Inner”")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_contain_text("2 items were moved to “Inner”.")
    expect_names(page, "Inner", "c.txt", "d.txt", "e.txt", "f.txt")
    row(page, "Inner").press("Enter")
    expect_names(page, "a.txt", "b.txt", "deep.txt")


@pytest.mark.exhaustive
def test_a_row_is_dragged_onto_a_folder_and_onto_the_breadcrumb(page: Page, folder: str) -> None:
    row(page, "c.txt").locator(".file-name").drag_to(row(page, "Inner"))
    expect_names(page, "Inner", "a.txt", "b.txt", "d.txt", "e.txt", "f.txt")
    expect(page.locator("#drop-overlay")).to_be_hidden()
    row(page, "Inner").press("Enter")
    expect_names(page, "c.txt", "deep.txt")
    row(page, "deep.txt").drag_to(page.locator("#breadcrumb a").filter(has_text=folder))
    expect_names(page, "c.txt")
    expect(page.locator("#toast")).to_contain_text("“deep.txt” was moved")
    page.locator("#toast [data-undo]").click()
    expect_names(page, "c.txt", "deep.txt")


@pytest.mark.exhaustive
def test_files_and_folders_are_downloaded_as_one_archive(page: Page, folder: str) -> None:
    # Chromium's dialog for the place of the file cannot be operated by a test.
    page.evaluate("delete globalThis.showSaveFilePicker")
    row(page, "Inner").focus()
    page.keyboard.press("Control+a")
    with page.expect_download() as download:
        page.locator("#selection-bar [data-command=downloadZip]").click()
    assert download.value.suggested_filename == f"{folder}.zip"
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        contents = {name: archive.read(name).decode() for name in archive.namelist()}
    expected = {f"{letter}.txt": f"{letter}.txt" for letter in "abcdef"}
    assert contents == expected | {"Inner/deep.txt": "deep.txt"}
    expect(page.locator("#toast")).to_contain_text("was saved.")


@pytest.mark.exhaustive
def test_a_folder_is_created_renamed_deleted_and_brought_back_with_its_menu(
    page: Page, folder: str
) -> None:
    page.locator("#new-folder").click()
    page.keyboard.type("Inner")
    page.keyboard.press("Enter")
    expect(page.locator("#folder-problem")).to_contain_text("There is already a folder")
    page.keyboard.press("Control+a")
    page.keyboard.type("New")
    page.keyboard.press("Enter")
    expect(page.locator("#folder-dialog")).to_be_hidden()
    expect_names(page, "Inner", "New", *[f"{letter}.txt" for letter in "abcdef"])
    row(page, "Inner").get_by_title("More actions").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.keyboard.type("Outer")
    page.keyboard.press("Enter")
    expect(row(page, "Outer")).to_be_visible()
    row(page, "Outer").get_by_title("More actions").click()
    page.get_by_role("menuitem", name="Delete").press("Enter")
    expect(page.locator("#toast")).to_contain_text(
        "“Outer” was deleted, and its 1 file was moved to the trash."
    )
    expect(row(page, "Outer")).to_have_count(0)
    page.locator("#toast [data-undo]").click()
    expect(row(page, "Outer")).to_be_visible()
    open_folder(page, f"{folder}/Outer")
    expect_names(page, "deep.txt")


@pytest.mark.exhaustive
def test_the_trash_restores_deletes_for_ever_and_is_emptied(page: Page, folder: str) -> None:
    for name in "abc":
        row(page, f"{name}.txt").hover()
        row(page, f"{name}.txt").get_by_title("Delete").click()
        expect(row(page, f"{name}.txt")).to_have_count(0)
    page.goto("/?view=trash")
    row(page, "a.txt").first.hover()
    row(page, "a.txt").first.get_by_title("Restore").click()
    expect(page.locator("#toast")).to_contain_text("“a.txt” was restored.")
    row(page, "b.txt").first.focus()
    page.keyboard.press("Delete")
    expect(page.locator("#delete-dialog")).to_contain_text("b.txt")
    page.locator("#delete-dialog [data-confirm]").click()
    expect(page.locator("#toast")).to_contain_text("“b.txt” was deleted permanently.")
    page.locator("#empty-trash").click()
    page.locator("#empty-dialog [data-confirm]").click()
    expect(page.locator("#toast")).to_contain_text("The trash is empty.")
    expect(page.locator("[data-file-row]")).to_have_count(0)
    open_folder(page, folder)
    expect_names(page, "Inner", "a.txt", "d.txt", "e.txt", "f.txt")


@pytest.mark.exhaustive
def test_a_file_that_another_tab_has_deleted_is_not_renamed(page: Page, folder: str) -> None:
    other = page.context.new_page()
    open_folder(other, folder)
    row(page, "a.txt").focus()
    page.keyboard.press("F2")
    row(other, "a.txt").focus()
    other.keyboard.press("Delete")
    expect(row(other, "a.txt")).to_have_count(0)
    page.keyboard.type("late")
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_contain_text("This file no longer exists.")
    other.close()


@pytest.mark.exhaustive
def test_without_a_trash_a_folder_is_deleted_for_ever_with_its_files(
    page: Page, folder: str
) -> None:
    def without_trash(route: Route) -> None:
        response = route.fetch()
        body = response.text().replace('data-trash-days="30"', 'data-trash-days="0"')
        route.fulfill(response=response, body=body)

    page.route("**/?folder=*", without_trash)
    page.reload()
    row(page, "Inner").focus()
    page.keyboard.press("Delete")
    expect(page.locator("#delete-dialog")).to_contain_text("Inner")
    page.locator("#delete-dialog [data-confirm]").click()
    # The folder is empty when S3 has reported the removal of its file.
    expect(page.locator("#toast")).to_contain_text("“Inner” was deleted permanently.")
    page.unroute_all(behavior="ignoreErrors")
    page.reload()
    expect_names(page, *[f"{letter}.txt" for letter in "abcdef"])


@pytest.mark.exhaustive
def test_without_a_session_nothing_is_deleted_and_the_user_is_asked_to_sign_in(
    page: Page, folder: str
) -> None:
    page.context.clear_cookies()
    row(page, "a.txt").focus()
    page.keyboard.press("Delete")
    expect(page.locator("#session-dialog")).to_be_visible()
    expect(page.locator("#toast")).to_contain_text("“a.txt” could not be moved to the trash.")
    page.locator("#session-password").fill(PASSWORD)
    page.locator("#session-form [type=submit]").click()
    expect(page.locator("#session-dialog")).to_be_hidden()
    expect_names(page, "Inner", *[f"{letter}.txt" for letter in "abcdef"])
    row(page, "a.txt").focus()
    page.keyboard.press("Delete")
    expect(row(page, "a.txt")).to_have_count(0)
    expect(page.locator("#toast")).to_contain_text("“a.txt” was moved to the trash.")
