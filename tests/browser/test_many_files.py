"""Ten thousand files in one folder: opening, scrolling and searching stay smooth."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import visitor
from tests.browser.test_many import processor_time_of_pages
from tests.support.installation import Installation
from tests.support.proxy import Request

pytestmark = [pytest.mark.alone, pytest.mark.exhaustive, pytest.mark.timeout(900)]

#: Records, of which 88 % are stored.
COUNT = 12_000
#: Milliseconds of a processor for which the page may be busy without a break.
LONGEST_TASK = 100
#: Rows in the document, whatever the number of files.
MAX_ROWS = 100
PAGE = 200

OBSERVE = """() => {
    window.longTasks = [];
    new PerformanceObserver((list) => {
        for (const { startTime, duration } of list.getEntries())
            window.longTasks.push([performance.timeOrigin + startTime, Math.round(duration)]);
    }).observe({ type: "longtask", buffered: true });
}"""
COUNT_ROWS = "document.querySelectorAll('[data-file-row]').length"


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation whose demo user has more than ten thousand files in the root."""
    directory: Path = tmp_path_factory.mktemp("full")
    running = Installation(directory)
    try:
        running.start()
        running.manage("seed", str(COUNT), "--owners", "1", "--seed", "1")
        yield running
    finally:
        running.stop()


@pytest.fixture
def page(chromium: Browser, full: Installation) -> Iterator[Page]:
    with visitor(chromium, full) as context:
        page = context.new_page()
        page.add_init_script(f"({OBSERVE})()")
        yield page


def lists(request: Request) -> bool:
    return request.path in {"/folders", "/files"}


def total(page: Page) -> int:
    text = page.locator("#files-total").inner_text()
    match = re.match(r"([\d,]+) files", text)
    assert match, text
    return int(match[1].replace(",", ""))


def is_at_the_end(page: Page) -> bool:
    return page.get_attribute("#files", "aria-rowcount") != "-1" and bool(
        page.evaluate("scrollY + innerHeight >= document.documentElement.scrollHeight - 2")
    )


def scroll(page: Page, *, times: int) -> int:
    """Scroll as a person does who holds the wheel, at most to the end.

    Returns the largest number of rows.
    """
    rows = 0
    for _ in range(times):
        if is_at_the_end(page):
            break
        page.mouse.wheel(0, 4000)
        page.evaluate("new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))")
        rows = max(rows, page.evaluate(COUNT_ROWS))
    return rows


def test_ten_thousand_files_are_opened_scrolled_through_and_searched_smoothly(
    page: Page, full: Installation, show: Callable[[str], None]
) -> None:
    page.mouse.move(640, 500)
    full.reset()
    with processor_time_of_pages() as processor_time:
        page.goto("/")
        files = total(page)
        assert files > 10_000
        rows = scroll(page, times=2_000)
        assert is_at_the_end(page)
        listing = full.web.requests(lists)
        # The keyboard works at the end, too.
        page.locator("[data-file-row]").last.focus()
        page.keyboard.press("Home")
        expect(page.locator("[data-file-row]").first).to_be_focused()
        page.keyboard.press("Control+a")
        expect(page.locator("#selection-bar")).to_contain_text(f"{files:,} selected")
        page.keyboard.press("Escape")
        page.locator("#search").press_sequentially("report 1", delay=50)
        expect(page.locator("#files-total")).to_contain_text("match")
        rows = max(rows, scroll(page, times=20))
    tasks: list[Any] = page.evaluate("window.longTasks")
    during = sorted(
        (round(min(length, processor_time(start, start + length))), length)
        for start, length in tasks
    )
    show(
        f"{files:,} files: {len(listing)} requests, at most {rows} rows; {len(during)} long tasks,"
        f" the longest (ms of a processor, and in all): {during[-5:]}"
    )
    assert rows <= MAX_ROWS
    # The first page is in the document. What is visible is read once more after it was opened.
    assert len(listing) <= -(-files // PAGE) + 2
    assert [ran for ran, _ in during if ran > LONGEST_TASK] == []


def test_a_live_change_in_a_long_list_reads_what_is_visible_and_moves_nothing(
    page: Page, full: Installation
) -> None:
    page.mouse.move(640, 500)
    page.goto("/")
    for _ in range(3):
        count = page.evaluate(COUNT_ROWS)
        page.mouse.wheel(0, 9000)
        page.wait_for_function(f"scrollY > 0 && {COUNT_ROWS} >= {min(count, 10)}")
    top = """() => {
        const head = document.querySelector("#files-head").getBoundingClientRect().bottom;
        for (const row of document.querySelectorAll("[data-file-row]")) {
            const box = row.getBoundingClientRect();
            if (box.bottom > head + 1) return [row.dataset.key, Math.round(box.top)];
        }
    }"""
    page.wait_for_function("document.querySelector('#files').ariaBusy === 'false'")
    before = page.evaluate(top)
    full.reset()
    newest = full.api("/files?limit=1")[0]
    with page.expect_response(lambda response: "/folders?" in response.url):
        full.api("/files/trash", "POST", {"ids": [newest["id"]]})
    page.wait_for_function(
        "files => document.querySelector('#files-total').textContent.startsWith(files)",
        arg=f"{full.api('/folders')['folder']['files']:,}",
    )
    assert page.evaluate(top) == before
    # The first page for the totals, and those that are visible; all of them once more where the
    # second reading has begun.
    assert len(full.web.requests(lists)) <= 6
