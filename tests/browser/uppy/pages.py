"""Pages with Uppy, made of the examples in the documentation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from tests.browser.conftest import PATIENCE, keep_session, watch
from tests.browser.uppy.packages import ROOT, bundle
from tests.support.installation import THRESHOLD, Installation

#: Adds what tests need to an example.
AFTER = """
window.uppy = uppy;
window.ended = [];
for (const event of ["upload-success", "upload-error", "complete"]) {
  uppy.on(event, (...details) => ended.push({ event, ...note(event, details) }));
}
function note(event, [first, second]) {
  const { name } = first ?? {};
  if (event === "upload-success") return { name, body: second.body, url: second.uploadURL };
  if (event === "upload-error") return { name, message: second.message };
  return { successful: first.successful.length, failed: first.failed.length };
}
"""

OF_FILE = "(() => { const [file] = uppy.getFiles(); return %s; })()"


def example(document: str, heading: str) -> str:
    """The first JavaScript example under a heading of a document."""
    text = (ROOT / "docs" / document).read_text()
    found = re.search(rf"^#+ {re.escape(heading)}\n.*?^```js\n(.*?)^```", text, re.M | re.S)
    assert found, f"{document} has no example under “{heading}”"
    # Files of the tests are smaller.
    return found[1].replace("100 * 2 ** 20", str(THRESHOLD))


@dataclass(frozen=True)
class Dashboard:
    """Uppy's Dashboard in a page, as a user sees it."""

    page: Page

    def choose(self, *paths: Path) -> None:
        self._input(":not([webkitdirectory])").set_input_files(list(paths))

    def choose_folder(self, path: Path) -> None:
        self._input("[webkitdirectory]").set_input_files(path)

    def _input(self, kind: str) -> Locator:
        found = self.page.locator(f"input.uppy-Dashboard-input{kind}").first
        more = self.page.locator(".uppy-DashboardContent-addMore")
        expect(found.or_(more).first).to_be_attached()
        if more.count():
            more.click()
        return found

    def start(self) -> None:
        self.page.locator(".uppy-StatusBar-actionBtn--upload").click()

    def press(self, name: str) -> None:
        """Press a button in the status bar or of a file."""
        self.page.get_by_role("button", name=name).first.click()

    def item(self, name: str) -> Locator:
        return self.page.locator(".uppy-Dashboard-Item").filter(has_text=name)

    def ended(self, event: str = "") -> list[dict[str, Any]]:
        """The events that ended uploads so far."""
        events: list[dict[str, Any]] = self.page.evaluate("window.ended")
        return [entry for entry in events if event in {"", entry["event"]}]

    def wait(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        self.page.wait_for_function(
            "([event, count]) => ended.filter((entry) => entry.event === event).length >= count",
            arg=[event, count],
        )
        return self.ended(event)

    def state(self, expression: str) -> Any:
        """A value of Uppy's; `file` is its first file."""
        return self.page.evaluate(
            f"(() => {{ const [file] = uppy.getFiles(); return {expression}; }})()"
        )

    def wait_until(self, expression: str) -> None:
        self.page.wait_for_function(OF_FILE % expression)


@contextmanager
def signed_in(chromium: Browser, installation: Installation) -> Iterator[BrowserContext]:
    """A signed-in browser, on whose console only Uppy reports errors."""
    with chromium.new_context(base_url=installation.url) as context:
        problems = watch(context)
        keep_session(context, installation)
        yield context
    assert [problem for problem in problems if not problem.startswith("[Uppy]")] == []


def open_page(
    context: BrowserContext,
    origin: str,
    version: str,
    script: str,
    *,
    filehub: str,
    credentials: dict[str, str] | None = None,
    meta: dict[str, str] | None = None,
) -> Dashboard:
    """Open a page of this origin with a script of the documentation.

    `filehub` and `credentials` are what the script calls so. `meta` are its `<meta>` elements.
    """
    before = f"const filehub = {json.dumps(filehub)}, credentials = {json.dumps(credentials)};\n"
    imports, rest = split_imports(script)
    files = bundle(version, imports + before + rest + AFTER)
    elements = "".join(
        f'<meta name="{key}" content="{value}">' for key, value in (meta or {}).items()
    )
    html = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Uppy</title>{elements}'
        f'<link rel="stylesheet" href="style.css"><div id="uppy"></div>'
        f'<script type="module" src="script.js"></script>'
    )
    policy = context.request.get(f"{filehub}/").headers["content-security-policy"]
    headers = {"Content-Security-Policy": policy} if origin == filehub else {}

    def serve(route: Route) -> None:
        name = urlsplit(route.request.url).path.rpartition("/")[2]
        if name == "script.js":
            route.fulfill(body=files.script, content_type="text/javascript")
        elif name == "style.css":
            route.fulfill(body=files.style, content_type="text/css")
        else:
            route.fulfill(body=html, content_type="text/html; charset=utf-8", headers=headers)

    # Chromium takes a page that a test serves for one of the public network.
    context.grant_permissions(["local-network-access"], origin=origin)
    context.unroute_all()
    context.route(f"{origin}/uppy-page/**", serve)
    page = context.pages[0] if context.pages else context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{origin}/uppy-page/")
    page.wait_for_function("window.uppy")
    expect(page.locator(".uppy-Dashboard-inner")).to_be_visible()
    return Dashboard(page)


def session(context: BrowserContext) -> dict[str, str]:
    """The user and the CSRF token of a signed-in browser: `user` and `csrf_token`."""
    headers = {"Accept": "application/json"}
    answer: dict[str, str] = context.request.get("/accounts/session", headers=headers).json()
    return answer


def split_imports(script: str) -> tuple[str, str]:
    lines = script.splitlines(keepends=True)
    imports = [line for line in lines if line.startswith("import ")]
    return "".join(imports), "".join(line for line in lines if line not in imports)
