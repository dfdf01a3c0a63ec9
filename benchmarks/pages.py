"""Chromium, and the pages whose uploads it measures: filehub's, Uppy's with and without UI, and one
that only sends requests.

All of them reach S3 and their server through proxies, which add the delay of a network. An upload
ends when S3 has accepted the request of each file or, in parts, when the server has completed it.

S3 sends an event for every file, of Uppy's too. filehub's are confirmed only when the upload has
ended, since in production neither S3 nor consumer and worker take the browser's processors. What
confirming costs the page itself is measured by another upload, during which it goes on.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks import bare, uppy_server
from benchmarks.site import Site, paused
from benchmarks.uppy_server import BaselineMissing
from local import chromium
from local.aws import free_port
from tests.support.proxy import Proxy, Request
from tests.support.waiting import wait_for
from uploads.aws import clients
from uploads.core.conf import conf

FILEHUB, DASHBOARD, CORE = "filehub's page", "Uppy with Dashboard", "Uppy core"
#: filehub's page while consumer and worker confirm the files.
CONFIRMING = "filehub's page, confirming"
#: The same requests as filehub's page sends to S3, without anything else.
BARE = "bare requests"
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--no-first-run"]
#: Seconds for one upload.
PATIENCE = 300
MIB = 1024**2
#: The local AWS has one account.
ACCOUNT = "000000000000"

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

    The first of the servers is filehub's, for which `token` is an API token. `missing` says why
    Uppy's pages cannot be measured; "" if they can.
    """

    browser: Browser
    urls: dict[str, str]
    s3: Proxy
    servers: tuple[Proxy, ...]
    consumer: subprocess.Popen[str]
    uppy_bucket: str
    cookies: list[Any]
    token: str
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
            return len(self.s3.requests(_is_accepted_file)) >= len(paths)

        with self.browser.new_context() as context:
            context.add_cookies(self.cookies)
            page = context.new_page()
            page.add_init_script(_COLLECT_LONG_TASKS)
            page.goto(self.urls[name], wait_until="networkidle")
            if name == BARE:
                requests = bare.sign(self.servers[0].url, self.token, paths)
                page.evaluate("signed => { window.requests = signed }", requests)
            with nullcontext() if name == CONFIRMING else paused(self.consumer):
                return _measure(page, _input(name), paths, is_uploaded)

    def _is_completed(self) -> bool:
        return any(
            request.method == "POST" and request.path.endswith("/complete") and _accepted(request)
            for proxy in self.servers
            for request in proxy.requests()
        )


def _accepted(request: Request) -> bool:
    return request.over and request.status is not None and request.status < 300


def _is_accepted_file(request: Request) -> bool:
    return request.method in {"PUT", "POST"} and _accepted(request)


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
        _send_events(bucket)
        stack.enter_context(site.worker())
        consumer = stack.enter_context(site.consumer())
        web = stack.enter_context(_filehub(site, s3))
        urls = dict.fromkeys((FILEHUB, CONFIRMING), f"{web.url}/")
        urls[BARE] = stack.enter_context(bare.page())
        servers, missing = [web], ""
        try:
            server = uppy_server.companion(site, bucket=bucket, s3_url=s3.url)
            companion = stack.enter_context(Proxy(urlsplit(stack.enter_context(server)).port or 0))
            url = stack.enter_context(uppy_server.page(companion.url))
            urls |= {CORE: url, DASHBOARD: f"{url}&dashboard"}
            servers.append(companion)
        except BaselineMissing as exc:
            missing = str(exc)
        # Before the browser: Django refuses its database beside Playwright's event loop.
        cookies, token = _cookies(web.url), site.api_token()
        browser = stack.enter_context(_chromium())
        yield Pages(browser, urls, s3, tuple(servers), consumer, bucket, cookies, token, missing)


@contextmanager
def _filehub(site: Site, s3: Proxy) -> Iterator[Proxy]:
    """Start filehub's web process; yield the proxy in front of it."""
    with ExitStack() as stack:
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


def _send_events(bucket: str) -> None:
    """Have S3 send an event for each new object, as it does for filehub's bucket."""
    arn = f"arn:aws:sqs:{clients.sqs().meta.region_name}:{ACCOUNT}:{bucket}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    clients.sqs().create_queue(QueueName=bucket, Attributes={"Policy": policy})
    clients.s3().put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
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
