"""The tests that are written in JavaScript, `*.test.js`: each `test("…")` is one test of pytest.

They need no installation. A small server hands out their files and those of `static/`, under the
paths that they have on disk, with the site's Content-Security-Policy. Each test loads the page
again, finds the browser's storage empty, and fails if the browser logs an error.
`client/testing.js` has `test` and the assertions.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import pytest
from csp.utils import build_policy
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright

from tests.browser.conftest import ARGUMENTS

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

#: The header's value, from Django's settings.
POLICY = build_policy()

#: How a test begins. Its name is a literal, so that it is known without running the file.
BEGINNING = re.compile(r'^(test|exhaustiveTest)\(\s*("(?:[^"\\\n]|\\.)+")', re.M)

EMPTY = b"<!doctype html><html lang=en><title>Tests</title>"

RUN = """([file, name]) =>
    import("/tests/browser/client/testing.js").then(({ run }) => run(file, name))"""


def declared_in(path: Path) -> dict[str, list[pytest.MarkDecorator]]:
    """The names of the tests in a file, in their order, and their marks."""
    found = {
        json.loads(name): [pytest.mark.exhaustive] if kind == "exhaustiveTest" else []
        for kind, name in BEGINNING.findall(path.read_text())
    }
    assert found, f"{path.relative_to(ROOT)} has no tests"
    return found


CASES = [
    pytest.param(path, name, id=f"{path.relative_to(HERE).as_posix()}: {name}", marks=marks)
    for path in sorted(HERE.rglob("*.test.js"))
    for name, marks in declared_in(path).items()
]


#: What the server did not have, since the current test began.
MISSING: list[str] = []


class Handler(SimpleHTTPRequestHandler):
    """Serves `static/` and the tests of the browser, and an empty page at `/`."""

    protocol_version = "HTTP/1.1"
    extensions_map: ClassVar[dict[str, str]] = {
        ".js": "text/javascript",
        ".json": "application/json",
        "": "text/plain",
    }

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments, directory=str(ROOT))

    def send_head(self) -> Any:
        if self.path == "/":
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(EMPTY)))
            self.end_headers()
            return BytesIO(EMPTY)
        if not self.path.startswith(("/static/", "/tests/browser/", "/tests/shared/")):
            self.send_error(404)
            return None
        return super().send_head()

    def send_error(self, code: int, *arguments: Any) -> None:
        MISSING.append(f"{code} for {self.path}")
        super().send_error(code, *arguments)

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        # Files do not change during the tests, and most of them load the same modules.
        self.send_header("Cache-Control", "max-age=3600")
        super().end_headers()

    def log_message(self, *arguments: Any) -> None:
        """Log nothing; a failed test lists what could not be loaded."""


class Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        # The page may have been closed before the response.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser(playwright: Playwright, chromium_path: str) -> Iterator[Browser]:
    """A Chromium in which tests can trigger garbage collection."""
    arguments = [*ARGUMENTS, "--js-flags=--expose-gc"]
    browser = playwright.chromium.launch(executable_path=chromium_path, args=arguments)
    yield browser
    browser.close()


class Runner:
    """Runs tests in one page, because a new browser context takes longer than most of them."""

    def __init__(self, page: Page, origin: str) -> None:
        self._page, self._origin = page, origin
        self._storage = page.context.new_cdp_session(page)
        self._problems: list[str] = []
        page.on("pageerror", lambda error: self._problems.append(f"uncaught: {error.stack}"))
        page.on("console", lambda message: collect(message, self._problems))

    def run(self, path: Path, name: str) -> tuple[list[str], list[str]]:
        """Run one test.

        Returns the names of all tests in its file, and what went wrong: why the test failed,
        uncaught errors, and errors that the browser logged.
        """
        # What the previous test left behind ends before this one begins.
        self._page.goto("/")
        self._storage.send(
            "Storage.clearDataForOrigin", {"origin": self._origin, "storageTypes": "all"}
        )
        self._problems.clear()
        # Of Playwright's own events about responses, each test would have dozens.
        MISSING.clear()
        outcome = self._page.evaluate(RUN, [f"/{path.relative_to(ROOT).as_posix()}", name])
        failure = [] if outcome["failure"] is None else [outcome["failure"], *MISSING]
        return outcome["names"], failure + self._problems


def collect(message: ConsoleMessage, problems: list[str]) -> None:
    """Add an error that was logged, such as a violation of the Content-Security-Policy."""
    # A test may load what is not there on purpose, and Chromium logs that by itself.
    if message.type == "error" and "Failed to load resource" not in message.text:
        problems.append(f"logged: {message.text}")


@pytest.fixture(scope="module")
def runner(browser: Browser, origin: str) -> Iterator[Runner]:
    with browser.new_context(base_url=origin) as context:
        yield Runner(context.new_page(), origin)


# The page reports a test that takes too long, unless the test blocks the page.
@pytest.mark.timeout(180)
@pytest.mark.parametrize(("path", "name"), CASES)
def test_the_javascript_test_passes(runner: Runner, path: Path, name: str) -> None:
    names, problems = runner.run(path, name)
    if problems:
        pytest.fail("\n\n".join(problems), pytrace=False)
    assert names == list(declared_in(path)), "not every test begins a line with a literal name"
