"""Real Chromium against an installation that `make run` would start."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
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
from tests.support import accessibility
from tests.support.installation import Installation
from tests.support.users import PASSWORD

MIB = 1024**2

#: Milliseconds for every expectation. Only a test that is about to fail waits so long; a busy
#: machine may stall for longer than Playwright's default of five seconds.
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


@pytest.fixture(scope="session", autouse=True)
def _thorough_accessibility(full_size: bool) -> None:
    accessibility.thorough = full_size


@pytest.fixture(autouse=True)
def _no_faults_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Remove the faults that a test has injected, what it has left unfinished, and requests logged
    before it.

    Tests without a browser use the installation too, and do not clear its logs.
    """
    installation = (
        request.getfixturevalue("installation") if "installation" in request.fixturenames else None
    )
    if installation:
        installation.reset()
    yield
    if installation:
        installation.reset()
        installation.abort_unfinished()


def watch(context: BrowserContext) -> list[str]:
    """A list that collects errors on the consoles of a browser, including CSP violations."""
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


def sign_out(page: Page) -> None:
    """Sign out in the menu of the user."""
    page.locator(".user-menu summary").click()
    page.get_by_role("button", name="Sign out").click()


def sign_in(context: BrowserContext, name: str = "demo") -> None:
    """Sign in, without a page, which would take longer."""
    form = context.request.get("/accounts/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text())
    assert token, form.text()
    fields = {"username": name, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
    response = context.request.post(
        form.url, form=fields, headers={"Referer": form.url}, max_redirects=0
    )
    assert response.status == 302, response.text()


def keep_session(context: BrowserContext, installation: Installation) -> None:
    """Use the session of an earlier test, unless it has ended."""
    if installation.session:
        context.add_cookies(installation.session)
    if context.request.get("/", max_redirects=0).status != 200:
        sign_in(context)
        installation.session = context.cookies()


@contextlib.contextmanager
def visitor(chromium: Browser, installation: Installation) -> Iterator[BrowserContext]:
    """A signed-in browser whose console must stay free of errors and CSP violations."""
    with chromium.new_context(base_url=installation.url, accept_downloads=True) as context:
        problems = watch(context)
        keep_session(context, installation)
        yield context
    assert problems == []


@pytest.fixture
def context(chromium: Browser, installation: Installation) -> Iterator[BrowserContext]:
    """A browser of its own, for a test that opens several tabs or changes more than a page."""
    with visitor(chromium, installation) as context:
        yield context


class SharedTab:
    """One tab that most tests use in turn, because opening a browser takes longer than they do.

    Listeners that a test adds to the page would stay, so such a test asks for a `context` of its
    own.
    """

    def __init__(self, context: BrowserContext, installation: Installation) -> None:
        self._context, self._installation = context, installation
        self.problems = watch(context)

    def clean(self) -> Page:
        """The tab as a test finds it: blank, signed in, nothing stored, nothing changed."""
        page, *others = self._context.pages or [self._context.new_page()]
        for other in others:
            other.close()
        page.unroute_all(behavior="ignoreErrors")
        self._context.set_offline(False)
        page.goto("about:blank")
        self._installation.remove_folders()
        tools = self._context.new_cdp_session(page)
        tools.send(
            "Storage.clearDataForOrigin",
            {"origin": self._installation.url, "storageTypes": "indexeddb,local_storage"},
        )
        tools.detach()
        self._context.clear_permissions()
        self._context.clear_cookies()
        keep_session(self._context, self._installation)
        page.set_extra_http_headers({})
        page.set_viewport_size({"width": 1280, "height": 720})
        page.emulate_media(
            color_scheme="light", reduced_motion="no-preference", forced_colors="none"
        )
        self.problems.clear()
        return page


@pytest.fixture(scope="session")
def _shared_tab(chromium: Browser, installation: Installation) -> Iterator[SharedTab]:
    with chromium.new_context(base_url=installation.url, accept_downloads=True) as context:
        yield SharedTab(context, installation)


@pytest.fixture
def tab(request: pytest.FixtureRequest) -> Iterator[Page]:
    """A blank page of a signed-in browser; a new one if the test asks for its context too."""
    if "context" in request.fixturenames:
        yield request.getfixturevalue("context").new_page()
        return
    shared = request.getfixturevalue("_shared_tab")
    page = shared.clean()
    yield page
    # What this test has left running ends before the faults and logs of the next one begin.
    page.goto("about:blank")
    assert shared.problems == []


@pytest.fixture
def page(tab: Page) -> Page:
    """The upload page of the demo user."""
    tab.goto("/")
    return tab


def family(directory: Path | str) -> list[psutil.Process]:
    """The processes of the Chromium with this profile: itself first, then its children."""
    option = f"--user-data-dir={directory}"
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            line = process.cmdline()
            if option in line and not any(part.startswith("--type=") for part in line):
                return [process, *process.children(recursive=True)]
    return []


class Profile:
    """A Chromium that keeps its data on disk, and that can be killed and started again."""

    def __init__(self, playwright: Playwright, path: str, directory: Path, url: str) -> None:
        self._playwright, self._path, self._directory, self._url = playwright, path, directory, url
        self._context: BrowserContext | None = None

    def open(self) -> Page:
        """Start it, sign in, and show the page."""
        self._context = self._playwright.chromium.launch_persistent_context(
            self._directory,
            executable_path=self._path,
            args=ARGUMENTS,
            base_url=self._url,
        )
        # The cookie of a session that started just before a kill may not be on the disk.
        self._context.clear_cookies()
        sign_in(self._context)
        page = self._context.new_page()
        page.goto("/")
        return page

    def kill(self) -> None:
        """Kill all processes at once, as a crash or a power cut does."""
        processes = family(self._directory)
        assert processes
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=10)
        self.close()

    def close(self) -> None:
        if self._context is not None:
            with contextlib.suppress(Error):  # It has been killed.
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
    """Create a file that differs from every other file in each part; it is fast at any size."""
    with path.open("wb") as file:
        file.truncate(size)
        for start in range(0, size, MIB):
            file.seek(start)
            file.write(os.urandom(min(1024, size - start)))
    return path


def checksum(path: Path, part_size: int | None = None) -> str:
    """The checksum that S3 computes for a file sent at once, or in parts of that many bytes."""
    with path.open("rb") as file:
        if part_size is None:
            return base64.b64encode(hashlib.file_digest(file, "sha256").digest()).decode()
        digests = [
            hashlib.sha256(part).digest() for part in iter(lambda: file.read(part_size), b"")
        ]
    whole = base64.b64encode(hashlib.sha256(b"".join(digests)).digest()).decode()
    return f"{whole}-{len(digests)}"
