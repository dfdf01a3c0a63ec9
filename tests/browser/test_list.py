"""The list of files: where the focus is after each action, what a failed request says, places."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import keep_session
from tests.browser.test_accessibility import check_accessibility
from tests.browser.test_actions import expect_names, open_folder, upload
from tests.browser.test_page import TO_S3, choose, row, unique, upload_row
from tests.support.installation import Installation

SEARCH = re.compile(r"/files\?.*q=")

# Focus


def focused_row(page: Page) -> str | None:
    """The name of the file whose row has the focus, or contains what has it."""
    name: str | None = page.evaluate(
        "document.activeElement.closest('[data-file-row], [data-upload-row]')?.dataset.name"
    )
    return name


def expect_focus_in_row(page: Page, name: str) -> None:
    page.wait_for_function(
        "name => document.activeElement.closest('[data-name]')?.dataset.name === name", arg=name
    )


@pytest.mark.exhaustive
def test_deleting_moves_the_focus_to_the_next_row_and_finally_to_the_heading(page: Page) -> None:
    folder = unique("focus")
    upload(page, folder, "a", "b")
    open_folder(page, folder)
    row(page, "a").focus()
    page.keyboard.press("Delete")
    expect_names(page, "b")
    expect_focus_in_row(page, "b")
    page.keyboard.press("Delete")
    expect(page.locator("#files-end")).to_contain_text("This folder is empty")
    expect(page.locator("#files-heading")).to_be_focused()


@pytest.mark.exhaustive
def test_folders_are_opened_by_keyboard_and_back_leads_to_where_one_was(page: Page) -> None:
    top = unique("top")
    upload(page, f"{top}/Inner/Deep", "c.txt")
    upload(page, top, "a.txt")
    open_folder(page, top)
    expect_names(page, "Inner", "a.txt")
    page.locator("#layout").focus()
    # The list is one stop of the Tab key.
    page.keyboard.press("Tab")
    expect_focus_in_row(page, "Inner")
    page.keyboard.press("Enter")
    expect_names(page, "Deep")
    expect_focus_in_row(page, "Deep")
    page.keyboard.press("Enter")
    expect_names(page, "c.txt")
    expect(page).to_have_url(re.compile(r"\?folder=[^&]*/Inner/Deep$"))
    expect(page).to_have_title("Deep · filehub")
    page.keyboard.press("Alt+ArrowUp")
    expect_names(page, "Deep")
    expect_focus_in_row(page, "Deep")
    page.go_back()
    expect_names(page, "c.txt")
    page.locator("#breadcrumb a").filter(has_text=top).click()
    expect_names(page, "Inner", "a.txt")
    page.go_back()
    expect_names(page, "c.txt")


@pytest.mark.exhaustive
def test_files_are_uploaded_into_the_open_folder(page: Page) -> None:
    folder = unique("into")
    upload(page, folder, "first.txt")
    open_folder(page, folder)
    expect_names(page, "first.txt")
    choose(page, ("second.txt", b"x"))
    expect_names(page, "first.txt", "second.txt")
    # Screen readers get the name in one piece.
    expect(page.get_by_role("rowheader", name="second.txt", exact=True)).to_be_visible()
    expect(page.locator("#files-total")).to_have_text(re.compile(r"^2 files here, "))
    page.goto(f"/?folder={folder}/New")
    expect(page.locator("#files-end")).to_contain_text("This folder does not exist")
    choose(page, ("third.txt", b"x"))
    expect_names(page, "third.txt")
    expect(page.locator("#files-end")).to_be_hidden()


@pytest.mark.exhaustive
def test_order_and_type_apply_at_once_and_are_in_the_address(page: Page) -> None:
    folder = unique("order")
    upload(page, folder, "b.txt", "C.txt", "ä.txt")
    page.goto(f"/?folder={folder}")
    page.locator("#sort").select_option("name")
    # Before the order is applied, the first ones may be the same: all were uploaded together.
    rows = page.locator("[data-file-row]")
    for index, name in enumerate(("ä.txt", "b.txt", "C.txt")):
        expect(rows.nth(index)).to_have_attribute("data-name", name)
    page.locator("#sort").select_option("-name")
    expect(rows.first).to_have_attribute("data-name", "C.txt")
    page.locator("#type-filter").select_option("image")
    expect(page.locator("#files-end")).to_contain_text("No files of this type here")
    expect(page).to_have_url(re.compile(r"sort=-name&type=image$"))
    page.locator("#files-end button").click()
    expect(page.locator("[data-file-row]")).to_have_count(3)
    # These are no places of their own: back leads out of the folder.
    page.go_back()
    expect(page).not_to_have_url(re.compile(folder))


@pytest.mark.exhaustive
def test_titles_of_columns_sort_a_folder_and_select_all(page: Page) -> None:
    folder = unique("titles")
    # One by one, because those that are uploaded together have no certain order.
    for name in ("b.txt", "a.txt", "c.txt"):
        upload(page, folder, name)
    page.goto(f"/?folder={folder}")
    first = page.locator("[data-file-row]").first
    by_name, by_date = (page.get_by_role("columnheader", name=title) for title in ("Name", "Added"))
    for title, expected, order in (
        (by_name, "a.txt", "ascending"),
        (by_name, "c.txt", "descending"),
        (by_date, "c.txt", "descending"),
        (by_date, "b.txt", "ascending"),
    ):
        title.get_by_role("button").click()
        expect(first).to_have_attribute("data-name", expected)
        expect(title).to_have_attribute("aria-sort", order)
    expect(page.locator("#sort")).to_have_value("date")
    everything = page.get_by_role("checkbox", name="Select all")
    everything.check()
    expect(page.locator("[data-field=count]")).to_contain_text("3 selected")
    row(page, "b.txt").locator("[data-select]").click()
    expect(everything).to_be_checked(indeterminate=True)
    page.locator("#selection-bar").get_by_role("button", name="Select all").press("Enter")
    expect(everything).to_be_checked()
    # The button is gone, and the focus stays in the bar.
    expect(page.get_by_role("button", name="Clear the selection")).to_be_focused()
    everything.uncheck()
    expect(page.locator("#selection-bar")).to_be_hidden()
    page.locator("#search").fill("a")
    expect(page.locator("#sort")).to_be_hidden()
    expect(by_name.get_by_role("button")).to_be_disabled()
    expect(by_name).to_have_attribute("aria-sort", "none")


@pytest.mark.exhaustive
def test_tiles_are_remembered_and_moved_through_in_both_directions(page: Page) -> None:
    folder = unique("tiles")
    upload(page, folder, *[f"{letter}.txt" for letter in "abcdefgh"])
    open_folder(page, folder)
    page.locator("#layout").click()
    page.reload()
    expect(page.locator("#files")).to_have_attribute("data-layout", "tiles")
    row(page, "a.txt").focus()
    for key, name in (("ArrowRight", "b"), ("ArrowDown", "g"), ("ArrowLeft", "f"), ("Home", "a")):
        page.keyboard.press(key)
        expect_focus_in_row(page, f"{name}.txt")
    page.locator("#layout").click()
    expect(page.locator("#files")).to_have_attribute("data-layout", "list")


#: For each row, whether it has an outline, and whether a bar at its beginning is painted.
SAME_MARKS = """(expected) => [...document.querySelectorAll("[data-file-row]")].every((row) => {
    const bar = getComputedStyle(row, "::before");
    const [hasFocus, isSelected] = expected[row.dataset.name];
    return (getComputedStyle(row).outlineStyle !== "none") === hasFocus
        && (bar.content !== "none" && bar.width === "6px"
            && !bar.backgroundColor.endsWith(", 0)")) === isSelected;
})"""


@pytest.mark.exhaustive
def test_with_forced_colours_the_focus_and_the_selection_are_marked_differently(page: Page) -> None:
    folder = unique("forced")
    upload(page, folder, *[f"{name}.txt" for name in ("both", "focus", "none", "selection")])
    page.emulate_media(forced_colors="active")
    open_folder(page, folder)
    for layout in ("list", "tiles"):
        expect(page.locator("#files")).to_have_attribute("data-layout", layout)
        row(page, "both.txt").press("Space")
        row(page, "selection.txt").press("Space")
        for focused in ("both", "focus"):
            row(page, f"{focused}.txt").focus()
            expected = {
                "both.txt": [focused == "both", True],
                "focus.txt": [focused == "focus", False],
                "none.txt": [False, False],
                "selection.txt": [False, True],
            }
            # Chromium styles a row that has just got the focus in its next frame.
            page.wait_for_function(SAME_MARKS, arg=expected)
        page.keyboard.press("Escape")
        page.locator("#layout").click()


@pytest.mark.exhaustive
def test_arrow_keys_lead_to_the_controls_of_a_row(page: Page) -> None:
    folder = unique("controls")
    upload(page, folder, "a.txt", "b.txt")
    open_folder(page, folder)
    row(page, "a.txt").focus()
    label = "document.activeElement.getAttribute('aria-label')"
    for expected in ("Select", "Download", "Delete", "More actions for"):
        page.keyboard.press("ArrowRight")
        assert page.evaluate(label) == f"{expected} a.txt"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(label) == "More actions for a.txt"
    page.keyboard.press("ArrowDown")
    expect(row(page, "b.txt")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(row(page, "b.txt")).to_have_attribute("aria-selected", "true")


@pytest.mark.exhaustive
def test_without_scripts_the_list_has_links_to_folders_files_and_the_search(
    page: Page, chromium: Browser, installation: Installation
) -> None:
    folder = unique("plain")
    upload(page, f"{folder}/Inner", "deep.txt")
    with chromium.new_context(
        base_url=installation.url, java_script_enabled=False, accept_downloads=True
    ) as context:
        keep_session(context, installation)
        plain = context.new_page()
        plain.goto(f"/?folder={folder}")
        plain.get_by_role("link", name="Inner").click()
        with plain.expect_download() as download:
            plain.get_by_role("link", name="Download").click()
        assert download.value.suggested_filename == "deep.txt"
        plain.locator("#search").fill("EEP.t")
        plain.locator("#search").press("Enter")
        expect(plain.locator(".file")).to_have_count(1)
        plain.get_by_role("link", name="Trash").click()
        expect(plain.locator("#views [aria-current]")).to_have_text("Trash")


def refuse(route: Route) -> None:
    headers = {"Access-Control-Allow-Origin": "*"}
    route.fulfill(status=403, headers=headers, body="<Error><Code>AccessDenied</Code></Error>")


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("action", "then"),
    [
        ("retry", "the row"),
        ("dismiss", "the next row"),
        ("clear", "the heading"),
    ],
)
def test_actions_on_uploads_keep_the_focus(page: Page, action: str, then: str) -> None:
    page.route(TO_S3, refuse)
    first, second = unique("1.txt"), unique("2.txt")
    choose(page, (first, b"1"), (second, b"2"))
    for name in (first, second):
        expect(upload_row(page, name)).to_have_attribute("data-state", "failed")
    if action == "clear":
        page.locator("#clear-finished").press("Enter")
        # Nothing is left, so the section is hidden.
        expect(page.locator("#choose-files")).to_be_focused()
        return
    if action == "retry":
        page.unroute(TO_S3)
        page.route(TO_S3, lambda route: None)  # S3 never responds
    upload_row(page, first).locator(f"[data-action={action}]").press("Enter")
    expect_focus_in_row(page, first if then == "the row" else second)
    page.unroute_all(behavior="ignoreErrors")


@pytest.mark.exhaustive
def test_show_more_uploads_moves_the_focus_to_the_first_new_row(page: Page) -> None:
    page.route(TO_S3, lambda route: None)  # S3 never responds
    prefix = unique("more")
    choose(page, *[(f"{prefix} {number:03}.txt", b"x") for number in range(190)])
    rows = page.locator("[data-upload-row]")
    expect(rows).to_have_count(60)
    before = rows.evaluate_all("rows => rows.map((row) => row.dataset.name)")
    for _ in range(2):
        page.locator("#show-more-uploads").press("Enter")
        page.wait_for_function(
            "before => !before.includes(document.activeElement"
            ".closest('[data-upload-row]')?.dataset.name ?? before[0])",
            arg=before,
        )
        names = rows.evaluate_all("rows => rows.map((row) => row.dataset.name)")
        assert focused_row(page) == next(name for name in names if name not in before)
        expect(rows).to_have_count(len(before) + 60)
        before = rows.evaluate_all("rows => rows.map((row) => row.dataset.name)")
    page.unroute_all(behavior="ignoreErrors")


# Failed searches


def fulfil(status: int, body: Any) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        if isinstance(body, str):
            answer: dict[str, Any] = {"body": body, "content_type": "text/html"}
        else:
            answer = {"json": body}
        page.route(SEARCH, lambda route: route.fulfill(status=status, **answer))

    return act


def cut(page: Page) -> None:
    page.route(SEARCH, lambda route: route.abort())


FAILURES: dict[str, tuple[Callable[[Page], None], str]] = {
    "no connection": (cut, "The server cannot be reached."),
    "storage away": (
        fulfil(503, {"code": "unavailable", "error": "Unavailable."}),
        "Storage is not responding.",
    ),
    "too many requests": (fulfil(429, {"code": "rate_limited", "error": "x"}), "Too many requests"),
    "too many for a proxy": (fulfil(429, "<h1>Slow down</h1>"), "Too many requests"),
    "no server behind the proxy": (fulfil(502, "<h1>Bad gateway</h1>"), "Storage is not"),
    "a bug": (fulfil(500, "<h1>Server error</h1>"), "Something went wrong on the server."),
    "an unknown code": (fulfil(400, {"code": "new", "error": "No such thing."}), "No such thing."),
    "hostile markup": (fulfil(400, {"code": "x", "error": "<img src=x>"}), "<img src=x>"),
    "an error page": (fulfil(403, "<h1>Forbidden</h1>"), "Something went wrong."),
    "JSON that is no object": (fulfil(500, [1]), "Something went wrong on the server."),
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_search_says_so_in_place_of_its_matches(page: Page, failure: str) -> None:
    name = unique("stays.txt")
    choose(page, (name, name.encode()))
    expect(row(page, name)).to_be_visible()
    break_it, sentence = FAILURES[failure]
    break_it(page)
    page.locator("#search").fill(name[:8])
    problem = page.locator("#files-end")
    expect(problem).to_contain_text(sentence)
    expect(problem).to_contain_text("Your files are safe")
    expect(page.locator("#search")).to_be_focused()
    # Of the previous list, nothing could be taken for a match.
    expect(page.locator("[data-file-row]")).to_have_count(0)
    # Once the cause is gone, the button loads the list.
    page.unroute_all(behavior="ignoreErrors")
    problem.get_by_role("button", name="Try again").press("Enter")
    expect(problem).to_be_hidden()
    expect(page.locator("[data-file-row]")).to_have_count(1)
    expect(row(page, name)).to_be_visible()


@pytest.mark.exhaustive
def test_a_search_that_failed_offline_is_repeated_when_the_connection_is_back(page: Page) -> None:
    name = unique("later.txt")
    choose(page, (name, name.encode()))
    expect(row(page, name)).to_be_visible()
    page.context.set_offline(True)
    page.locator("#search").fill(name[:8])
    expect(page.locator("#files-end")).to_contain_text("The server cannot be reached.")
    check_accessibility(page)
    page.context.set_offline(False)
    expect(page.locator("#files-end")).to_be_hidden()
    expect(page.locator("[data-file-row]")).to_have_count(1)
