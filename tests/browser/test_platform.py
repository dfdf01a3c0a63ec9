"""Browsers that lack something, and what they report wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import MIB, make_file
from tests.browser.test_page import choose, row, unique, upload_row
from tests.support.installation import Installation
from tests.support.proxy import parts

REFUSED = "() => { throw new DOMException('refused', 'SecurityError'); }"
REJECTED = "() => Promise.reject(new DOMException('refused', 'SecurityError'))"

#: What a script removes or breaks before the page loads; uploads work nevertheless.
OPTIONAL = [
    pytest.param("delete AbortSignal.any", id="AbortSignal.any"),
    pytest.param("delete AbortSignal.timeout", id="AbortSignal.timeout"),
    pytest.param("delete globalThis.Worker", id="Worker"),
    pytest.param("delete globalThis.BroadcastChannel", id="BroadcastChannel"),
    pytest.param("delete globalThis.structuredClone", id="structuredClone"),
    pytest.param("delete globalThis.reportError", id="reportError"),
    pytest.param("delete globalThis.scheduler", id="scheduler"),
    pytest.param("delete globalThis.IntersectionObserver", id="observer"),
    pytest.param("delete globalThis.createImageBitmap", id="bitmaps"),
    pytest.param("delete Crypto.prototype.subtle", id="crypto.subtle"),
    pytest.param("delete Crypto.prototype.randomUUID", id="randomUUID"),
    pytest.param("delete Blob.prototype.stream", id="Blob.stream"),
    pytest.param("delete Element.prototype.animate", id="animations"),
    pytest.param("delete globalThis.indexedDB", id="indexedDB"),
    pytest.param("delete globalThis.IDBKeyRange", id="IDBKeyRange"),
    pytest.param("delete Navigator.prototype.locks", id="locks"),
    pytest.param("delete Navigator.prototype.onLine", id="onLine"),
    pytest.param(f"LockManager.prototype.request = {REJECTED}", id="locks are refused"),
    pytest.param(f"LockManager.prototype.request = {REFUSED}", id="locks throw"),
    pytest.param(f"IDBFactory.prototype.open = {REFUSED}", id="indexedDB throws"),
    pytest.param(
        f"Object.defineProperty(globalThis, 'indexedDB', {{ get: {REFUSED} }})",
        id="indexedDB is refused",
    ),
    pytest.param(f"globalThis.Worker = {REFUSED}", id="workers are refused"),
    pytest.param("IDBFactory.prototype.open = () => ({})", id="indexedDB does not answer"),
]


def open_with(context: BrowserContext, script: str) -> Page:
    page = context.new_page()
    page.add_init_script(script)
    page.goto("/")
    return page


@pytest.mark.exhaustive
@pytest.mark.parametrize("script", OPTIONAL)
def test_an_upload_works_without(
    context: BrowserContext, installation: Installation, tmp_path: Path, script: str
) -> None:
    page = open_with(context, script)
    small, large = unique("small.png"), make_file(tmp_path / unique("large.bin"), 12 * MIB)
    choose(page, (small, b"x"))
    page.set_input_files("#file-input", large)
    expect(row(page, small)).to_be_visible()
    expect(row(page, large.name)).to_be_visible()


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "name",
    [
        "fetch",
        "XMLHttpRequest",
        "Request",
    ],
)
def test_a_browser_without_a_necessary_function_is_told_so(
    context: BrowserContext, name: str
) -> None:
    page = open_with(context, f"delete globalThis.{name}")
    chosen = unique("a.txt")
    choose(page, (chosen, b"x"))
    expect(upload_row(page, chosen)).to_have_attribute("data-state", "failed")
    expect(upload_row(page, chosen)).to_contain_text("Your browser lacks a function")


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["en", "de"])
def test_uploads_start_although_the_browser_reports_that_it_is_offline(
    context: BrowserContext, language: str
) -> None:
    page = context.new_page()
    page.set_extra_http_headers({"Accept-Language": language})
    page.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'onLine', { get: () => false })"
    )
    page.goto("/")
    expect(page.locator("#offline-notice")).to_be_visible()
    name = unique("hint.txt")
    choose(page, (name, b"x"))
    expect(row(page, name)).to_be_visible()
    # A response has proven the browser wrong.
    expect(page.locator("#offline-notice")).to_be_hidden()


@pytest.mark.exhaustive
def test_try_now_ends_the_wait_for_a_connection(
    context: BrowserContext, installation: Installation
) -> None:
    page = context.new_page()
    page.add_init_script("Math.random = () => 1")  # the longest wait: half a minute
    page.goto("/")
    context.set_offline(True)
    name = unique("offline.txt")
    choose(page, (name, b"x"))
    expect(upload_row(page, name)).to_contain_text("No connection")
    assert not installation.s3.requests(parts)
    # The connection is back, but the browser does not notice.
    page.evaluate("addEventListener('online', (event) => event.stopImmediatePropagation(), true)")
    page.evaluate("Object.defineProperty(navigator, 'onLine', { value: false })")
    context.set_offline(False)
    page.get_by_role("button", name="Try now").click()
    expect(row(page, name)).to_be_visible(timeout=25_000)
