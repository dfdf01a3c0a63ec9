"""Real Chromium against an installation as `make run` starts it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

from local.chromium import find
from tests.support.installation import Installation
from tests.support.users import PASSWORD

MIB = 1024**2

#: Milliseconds that a test waits for a condition. No test waits that long unless it is about to
#: fail; Playwright's default of five seconds is too short for a busy machine.
PATIENCE = 90_000
expect.set_options(timeout=PATIENCE)

ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = find()
    assert path, "Chromium is missing; `make test` installs it"
    return path


@pytest.fixture(scope="session")
def chromium(playwright: Playwright, chromium_path: str) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(autouse=True)
def _no_faults_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Remove all faults after each test."""
    yield
    if "installation" in request.fixturenames:
        request.getfixturevalue("installation").reset()


def watch(context: BrowserContext) -> list[str]:
    """Collects the errors on a browser's consoles, including CSP violations."""
    problems: list[str] = []

    def add(page: Page) -> None:
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda message: (
                problems.append(message.text)
                # Chromium logs every 4xx response.
                if message.type == "error" and "Failed to load resource" not in message.text
                else None
            ),
        )

    context.on("page", add)
    return problems


def sign_in(context: BrowserContext) -> None:
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Username").fill("demo")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("#choose-files:enabled")
    page.close()


@contextlib.contextmanager
def visitor(chromium: Browser, installation: Installation) -> Iterator[BrowserContext]:
    """A signed-in browser whose console must stay free of errors and CSP violations.

    Signing in takes longer than most tests, so an earlier session is reused while it lasts.
    """
    with chromium.new_context(
        base_url=installation.url, accept_downloads=True, storage_state=installation.session
    ) as context:
        problems = watch(context)
        if context.request.get("/", max_redirects=0).status != 200:
            sign_in(context)
            state = context.storage_state()
            installation.session = {"cookies": state["cookies"], "origins": []}
        yield context
    assert problems == []


@pytest.fixture
def context(chromium: Browser, installation: Installation) -> Iterator[BrowserContext]:
    with visitor(chromium, installation) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Page:
    page = context.new_page()
    page.goto("/")
    return page


def process_tree(directory: Path | str) -> list[psutil.Process]:
    """The processes of the Chromium with this profile: the main process, then its children."""
    option = f"--user-data-dir={directory}"
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            line = process.cmdline()
            if option in line and not any(part.startswith("--type=") for part in line):
                return [process, *process.children(recursive=True)]
    return []


class Profile:
    """A Chromium with a profile on disk, which can be killed and restarted."""

    def __init__(self, playwright: Playwright, path: str, directory: Path, url: str) -> None:
        self._playwright, self._path, self._directory, self._url = playwright, path, directory, url
        self._context: BrowserContext | None = None

    def open(self) -> Page:
        """Start it, sign in, and open the page."""
        self._context = self._playwright.chromium.launch_persistent_context(
            self._directory,
            executable_path=self._path,
            args=ARGUMENTS,
            base_url=self._url,
        )
        # The cookie of a session that began just before a kill may not be on disk yet.
        self._context.clear_cookies()
        sign_in(self._context)
        page = self._context.new_page()
        page.goto("/")
        return page

    def kill(self) -> None:
        """Kill all its processes at once, as a crash or a power cut does."""
        processes = process_tree(self._directory)
        assert processes
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=10)
        self.close()

    def close(self) -> None:
        if self._context is not None:
            with contextlib.suppress(Error):  # It was killed.
                self._context.close()
            self._context = None


@pytest.fixture
def profile(
    playwright: Playwright, chromium_path: str, installation: Installation, tmp_path: Path
) -> Iterator[Profile]:
    profile = Profile(playwright, chromium_path, tmp_path / "profile", installation.url)
    yield profile
    profile.close()


# Files


def make_file(path: Path, size: int) -> Path:
    """Create a file that differs from all others in each of its parts, fast at any size."""
    with path.open("wb") as file:
        file.truncate(size)
        for start in range(0, size, MIB):
            file.seek(start)
            file.write(os.urandom(min(1024, size - start)))
    return path


def checksum(path: Path, part_size: int | None = None) -> str:
    """The checksum of S3 for a file that was sent at once or in parts of this size."""
    with path.open("rb") as file:
        if part_size is None:
            return base64.b64encode(hashlib.file_digest(file, "sha256").digest()).decode()
        digests = [
            hashlib.sha256(part).digest() for part in iter(lambda: file.read(part_size), b"")
        ]
    whole = base64.b64encode(hashlib.sha256(b"".join(digests)).digest()).decode()
    return f"{whole}-{len(digests)}"
