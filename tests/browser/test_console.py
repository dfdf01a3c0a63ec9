"""The consoles of all pages stay empty, and every request of a whole upload succeeds."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import MIB, make_file
from tests.browser.test_layout import PAGES
from tests.browser.test_page import choose, row, unique
from tests.support.installation import Installation


def collect(context: BrowserContext) -> list[str]:
    """Errors and warnings of consoles, and failed requests, of all pages opened from now on."""
    problems: list[str] = []

    def add(page: Page) -> None:
        page.on("pageerror", lambda error: problems.append(f"uncaught: {error}"))
        page.on(
            "console",
            lambda message: (
                problems.append(f"{page.url}: {message.type}: {message.text}")
                if message.type in {"error", "warning"}
                else None
            ),
        )
        page.on(
            "requestfailed",
            lambda request: problems.append(f"{page.url}: {request.url}: {request.failure}"),
        )

    context.on("page", add)
    return problems


@pytest.mark.parametrize(
    "paths",
    [
        ["/", "/admin/uploads/file/"],
        pytest.param(
            # Chromium itself logs a 404.
            [path for path in PAGES if path != "/no/such/page"] + ["/api/docs"],
            marks=pytest.mark.exhaustive,
        ),
    ],
    ids=["usual", "all"],
)
def test_pages_leave_the_console_empty(context: BrowserContext, paths: list[str]) -> None:
    problems = collect(context)
    page = context.new_page()
    for path in paths:
        page.goto(path)
        page.wait_for_load_state("networkidle")
    assert problems == []


@pytest.mark.exhaustive
def test_an_upload_leaves_the_console_empty(
    context: BrowserContext, installation: Installation
) -> None:
    problems = collect(context)
    page = context.new_page()
    page.goto("/")
    expect(page.locator("#choose-files")).to_be_enabled()
    small = unique("small.txt")
    large = make_file(installation.directory / unique("large.bin"), 11 * MIB)
    choose(page, (small, b"x"))
    page.set_input_files("#file-input", large)
    for name in (small, large.name):
        expect(row(page, name)).to_be_visible()
    # Typing quickly aborts searches, which is no error.
    page.locator("#search").press_sequentially(small[:6], delay=120)
    expect(page.locator("[data-file-row]")).to_have_count(1)
    page.locator("#search").fill("no file begins so")
    page.locator("#files-end button").click()
    expect(row(page, large.name)).to_be_visible()
    for name in (small, large.name):
        row(page, name).get_by_role("button", name="Delete").click()
        expect(row(page, name)).to_have_count(0)
    assert [problem for problem in problems if "net::ERR_ABORTED" not in problem] == []
