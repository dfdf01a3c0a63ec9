"""Chromium, and the pages whose uploads it measures: filehub's, and Uppy's with and without UI.

All of them reach S3 and their server through proxies, which add the delay of a network. An upload
ends when S3 has accepted the request of each file or, in parts, when the server has completed it.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks import uppy_server
from benchmarks.site import Site
from benchmarks.uppy_server import BaselineMissing
from local import chromium
from local.aws import free_port
from tests.support.proxy import Proxy, Request
from tests.support.waiting import wait_for
from uploads.aws import clients
from uploads.core.conf import conf

FILEHUB, DASHBOARD, CORE = "filehub's page", "Uppy with Dashboard", "Uppy core"
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--no-first-run"]
#: Seconds for one upload.
PATIENCE = 300
MIB = 1024**2

_COLLECT_LONG_TASKS = """
    window.longTasks = [];
    new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) window.longTasks.push(duration);
    }).observe({ type: "longtask", buffered: true });
"""


@dataclass(frozen=True)
class Measured:
    """One upload: seconds in total, seconds of the main thread, and its longest task (ms)."""

    seconds: float
    main_thread: float
    longest_task: float


@dataclass(frozen=True)
class Pages:
    """A browser, the addresses of the pages, and the proxies before S3 and the pages' servers.

    `missing` says why Uppy's pages cannot be measured; "" if they can.
    """

    browser: Browser
    urls: dict[str, str]
    s3: Proxy
    servers: tuple[Proxy, ...]
    uppy_bucket: str
    cookies: list[Any]
    missing: str = ""

    def set_latency(self, seconds: float) -> None:
        """Delay every request by a round trip."""
        for proxy in (self.s3, *self.servers):
            proxy.latency = seconds

    def upload(self, name: str, paths: list[Path], *, in_parts: bool) -> Measured:
        """Choose files on a new page and wait until all are uploaded."""
        for proxy in (self.s3, *self.servers):
            proxy.log.clear()

        def is_uploaded() -> bool:
            if in_parts:
                return self._is_completed()
            return len(self.s3.requests(_accepted)) >= len(paths)

        with self.browser.new_context() as context:
            context.add_cookies(self.cookies)
            page = context.new_page()
            page.add_init_script(_COLLECT_LONG_TASKS)
            page.goto(self.urls[name], wait_until="networkidle")
            return _measure(page, _input(name), paths, is_uploaded)

    def _is_completed(self) -> bool:
        return any(
            request.method == "POST" and request.path.endswith("/complete") and _accepted(request)
            for proxy in self.servers
            for request in proxy.requests()
        )


def _accepted(request: Request) -> bool:
    return request.over and request.status is not None and request.status < 300


def _input(name: str) -> str:
    return ".uppy-Dashboard-input >> nth=0" if name == DASHBOARD else "#file-input"


def _measure(
    page: Page, selector: str, paths: list[Path], is_uploaded: Callable[[], bool]
) -> Measured:
    # Attached, and enabled once the page is ready. It is hidden behind a button.
    page.wait_for_function(
        "selector => document.querySelector(selector)?.disabled === false",
        arg=selector.partition(" ")[0],
    )
    tools = page.context.new_cdp_session(page)
    tools.send("Performance.enable")
    page.evaluate("window.longTasks.length = 0")
    before = _main_thread(tools)
    began = time.perf_counter()
    page.set_input_files(selector, paths)
    # The page reacts only while Playwright's loop runs, but uploads without it.
    wait_for(is_uploaded, timeout=PATIENCE, every=0.01)
    seconds = time.perf_counter() - began
    longest = page.evaluate("Math.max(0, ...window.longTasks)")
    return Measured(seconds, _main_thread(tools) - before, float(longest))


def _main_thread(tools: Any) -> float:
    """Seconds that the page's main thread has worked."""
    metrics = tools.send("Performance.getMetrics")["metrics"]
    return float(next(m["value"] for m in metrics if m["name"] == "TaskDuration"))


@contextmanager
def serve(site: Site) -> Iterator[Pages]:
    """Start filehub, Companion and a browser. Without node, only filehub's page can be measured."""
    with ExitStack() as stack:
        s3 = stack.enter_context(Proxy(site.aws.port))
        bucket = f"uppy-{secrets.token_hex(4)}"
        clients.s3().create_bucket(Bucket=bucket)
        for name in (bucket, conf().bucket):
            _allow_all_origins(name)
        web = stack.enter_context(_filehub(site, s3))
        urls, servers, missing = {FILEHUB: f"{web.url}/"}, [web], ""
        try:
            server = uppy_server.companion(site, bucket=bucket, s3_url=s3.url)
            companion = stack.enter_context(Proxy(urlsplit(stack.enter_context(server)).port or 0))
            url = stack.enter_context(uppy_server.page(companion.url))
            urls |= {CORE: url, DASHBOARD: f"{url}&dashboard"}
            servers.append(companion)
        except BaselineMissing as exc:
            missing = str(exc)
        # Before the browser: Django refuses its database beside Playwright's event loop.
        cookies = _cookies(web.url)
        browser = stack.enter_context(_chromium())
        yield Pages(browser, urls, s3, tuple(servers), bucket, cookies, missing)


@contextmanager
def _filehub(site: Site, s3: Proxy) -> Iterator[Proxy]:
    """Start all processes of filehub; yield the proxy in front of the web process."""
    with ExitStack() as stack:
        stack.enter_context(site.worker())
        stack.enter_context(site.consumer())
        port = free_port()
        web = stack.enter_context(Proxy(port))
        variables = {"AWS_ENDPOINT_URL_S3": s3.url, "FILEHUB_CORS_ORIGINS": web.url}
        stack.enter_context(site.web(port=port, **variables))
        yield web


def _allow_all_origins(bucket: str) -> None:
    clients.s3().put_bucket_cors(
        Bucket=bucket,
        CORSConfiguration={
            "CORSRules": [
                {
                    "AllowedOrigins": ["*"],
                    "AllowedMethods": ["GET", "PUT", "POST"],
                    "AllowedHeaders": ["*"],
                    "ExposeHeaders": ["ETag"],
                }
            ]
        },
    )


def _cookies(url: str) -> list[Any]:
    """The session of the demo user for this site."""
    client = Client()
    client.force_login(get_user_model()._default_manager.get(username="demo"))
    name = settings.SESSION_COOKIE_NAME
    return [{"name": name, "value": client.cookies[name].value, "url": url}]


@contextmanager
def _chromium() -> Iterator[Browser]:
    path = chromium.find()
    if path is None:
        raise RuntimeError("Chromium is missing. Run: make browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def make_files(directory: Path, count: int, size: int) -> list[Path]:
    """Files that nobody has uploaded before: the start of each MiB is random."""
    directory.mkdir()
    prefix = secrets.token_hex(4)
    paths = [directory / f"{prefix}-{number:04}.bin" for number in range(count)]
    for path in paths:
        with path.open("wb") as file:
            file.truncate(size)
            for start in range(0, size, MIB):
                file.seek(start)
                file.write(os.urandom(min(1024, size - start)))
    return paths
