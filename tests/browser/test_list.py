"""The list of files: where the focus is after each action, and what a failed request says."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.test_accessibility import check_accessibility
from tests.browser.test_page import TO_S3, choose, row, unique, upload_row

HTMX = re.compile(r"/\?q=")

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


@pytest.fixture
def many(page: Page) -> list[str]:
    """A search that matches two more files than the first page shows, newest first."""
    prefix = unique("many")
    names = [f"{prefix} {number:02}.txt" for number in range(52)]
    choose(page, *[(name, name.encode()) for name in names])
    expect(page.locator("[data-upload-row]")).to_have_count(0)
    page.goto(f"/?q={prefix}")
    expect(page.locator("[data-file-row]")).to_have_count(50)
    expect(page.locator("[data-more] a")).to_be_visible()
    shown: list[str] = page.locator("[data-file-row]").evaluate_all(
        "rows => rows.map((row) => row.dataset.name)"
    )
    return [*shown, *sorted(set(names) - set(shown))]


@pytest.mark.exhaustive
def test_show_more_moves_the_focus_to_the_first_new_row(page: Page, many: list[str]) -> None:
    more = page.locator("[data-more] a")
    page.route(HTMX, lambda route: route.abort())
    more.press("Enter")
    expect(page.locator("[data-more] [role=alert]")).to_contain_text("cannot be reached")
    expect(more).to_be_focused()
    expect(page.locator("[data-file-row]")).to_have_count(50)
    page.unroute(HTMX)
    more.press("Enter")
    expect(page.locator("[data-file-row]")).to_have_count(52)
    first_new = page.locator("[data-file-row]").nth(50)
    expect(first_new).to_be_focused()
    # The next stop is the first button of this row.
    page.keyboard.press("Tab")
    expect(first_new.get_by_role("link", name="Download")).to_be_focused()
    expect(page.locator("[role=alert]:visible")).to_have_count(0)


def test_deleting_moves_the_focus_to_the_next_row_and_finally_to_the_heading(page: Page) -> None:
    prefix = unique("focus")
    names = [f"{prefix} {letter}" for letter in "ab"]
    choose(page, *[(name, name.encode()) for name in names])
    for name in names:
        expect(row(page, name)).to_be_visible()
    page.goto(f"/?q={prefix}")
    first, second = page.locator("[data-file-row]").evaluate_all(
        "rows => rows.map((row) => row.dataset.name)"
    )
    for name in (first, second):
        row(page, name).locator("[data-delete]").press("Enter")
        page.locator("#confirm-dialog [data-confirm]").press("Enter")
        expect(row(page, name)).to_have_count(0)
        if name == first:
            assert focused_row(page) == second
    expect(page.locator("#files-heading")).to_be_focused()


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
        page.route(HTMX, lambda route: route.fulfill(status=status, **answer))

    return act


def cut(page: Page) -> None:
    page.route(HTMX, lambda route: route.abort())


def stall(page: Page) -> None:
    page.evaluate("htmx.config.timeout = 200")
    page.route(HTMX, lambda route: None)


FAILURES: dict[str, tuple[Callable[[Page], None], str]] = {
    "no connection": (cut, "The server cannot be reached."),
    "storage away": (
        fulfil(503, {"code": "unavailable", "error": "Unavailable."}),
        "Storage is not responding.",
    ),
    "no time": (stall, "The server did not respond in time."),
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
def test_a_failed_search_says_so_beside_the_search_box(page: Page, failure: str) -> None:
    name = unique("stays.txt")
    choose(page, (name, name.encode()))
    expect(row(page, name)).to_be_visible()
    break_it, sentence = FAILURES[failure]
    break_it(page)
    page.locator("#search").fill(name[:8])
    problem = page.locator("#list-problem")
    expect(problem).to_contain_text(sentence)
    expect(problem).to_contain_text("The list shows the previous result.")
    expect(page.locator("#search")).to_be_focused()
    expect(row(page, name)).to_be_visible()
    above, box = problem.bounding_box(), page.locator("#search").bounding_box()
    assert above
    assert box
    assert 0 <= above["y"] - (box["y"] + box["height"]) < 40
    # Once the cause is gone, the button loads the list, and the focus stays where the person is.
    page.unroute_all(behavior="ignoreErrors")
    page.evaluate("htmx.config.timeout = 20000")
    problem.get_by_role("button", name="Try again").press("Enter")
    expect(problem).to_be_hidden()
    expect(page.locator("#search")).to_be_focused()
    expect(page.locator("[data-file-row]")).to_have_count(1)
    expect(row(page, name)).to_be_visible()


@pytest.mark.exhaustive
def test_a_search_that_failed_offline_is_repeated_when_the_connection_is_back(page: Page) -> None:
    name = unique("later.txt")
    choose(page, (name, name.encode()))
    expect(row(page, name)).to_be_visible()
    page.context.set_offline(True)
    page.locator("#search").fill(name[:8])
    expect(page.locator("#list-problem")).to_be_visible()
    check_accessibility(page)
    page.context.set_offline(False)
    expect(page.locator("#list-problem")).to_be_hidden()
    expect(page.locator("[data-file-row]")).to_have_count(1)
