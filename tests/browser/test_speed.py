"""Large files use the available bandwidth and little memory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import MIB, make_file, visitor
from tests.browser.test_page import row, unique
from tests.support.installation import Installation
from tests.support.proxy import Request, parts
from tests.support.waiting import wait_for

# A longer limit than usual, because this takes minutes on a slow machine.
pytestmark = [pytest.mark.alone, pytest.mark.exhaustive, pytest.mark.timeout(900)]

#: Seconds for what takes ten or twenty on a current machine.
PATIENCE = 300

Show = Callable[[str], None]


def is_completion(request: Request) -> bool:
    return request.method == "POST" and request.path.endswith("/complete")


def finish(page: Page, installation: Installation, path: Path) -> None:
    """Wait until the file is listed, then delete it from the bucket and the disk."""
    expect(row(page, path.name)).to_have_count(1)
    [file] = installation.files(path.name)
    assert file["size"] == path.stat().st_size
    installation.api(f"/files/{file['id']}", "DELETE")
    path.unlink()


# Memory


def web_memory(installation: Installation) -> int:
    """Resident memory of the web processes, in bytes."""
    children = psutil.Process(installation.pid).children(recursive=True)
    web = [child for child in children if any("granian" in part for part in child.cmdline())]
    assert web
    return sum(process.memory_info().rss for process in web)


def renderer_memory() -> int:
    """Resident memory of the largest Chromium renderer, in bytes, with the hashing worker."""
    sizes = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # Chromium sometimes ends one
            if "--type=renderer" in child.cmdline():
                sizes.append(child.memory_info().rss)
    return max(sizes)


def test_a_large_file_needs_little_memory(
    page: Page, context: BrowserContext, installation: Installation, tmp_path: Path, show: Show
) -> None:
    # Modules that the web process loads for its first multipart upload do not count as growth.
    begun = installation.api("/uploads", "POST", {"file_name": "x", "size": 100 * MIB})
    installation.api(f"/uploads/{begun['id']}", "DELETE", {"token": begun["token"]})
    file = make_file(tmp_path / unique("large.bin"), 1024 * MIB)
    tools = context.new_cdp_session(page)
    tools.send("Performance.enable")

    def heap() -> int:
        metrics = tools.send("Performance.getMetrics")["metrics"]
        return int(next(m["value"] for m in metrics if m["name"] == "JSHeapUsedSize"))

    def measure() -> tuple[int, int, int]:
        return heap(), renderer_memory(), web_memory(installation)

    before = measure()
    samples = [before]
    began = time.monotonic()
    page.set_input_files("#file-input", file)

    def is_complete() -> bool:
        samples.append(measure())
        return any(request.status for request in installation.web.requests(is_completion))

    wait_for(is_complete, timeout=PATIENCE, every=0.2)
    seconds = time.monotonic() - began
    names = ("JS heap", "renderer", "web")
    growth = [max(values) - values[0] for values in zip(*samples, strict=True)]
    figures = ", ".join(
        f"{name} {grown / 1e6:+.1f} MB (from {first / 1e6:.1f})"
        for name, first, grown in zip(names, before, growth, strict=True)
    )
    show(f"1 GiB in {seconds:.1f} s, {len(samples)} samples: {figures}")
    assert growth[0] < 150e6
    # A few parts at most, not the whole file.
    assert growth[1] < 300e6
    assert growth[2] < 20e6
    finish(page, installation, file)


# Speed

#: The maximum number of attempts with each page.
ROUNDS = 5
#: Makes the page send one part at a time.
ONE_REQUEST_AT_A_TIME = """
    const parse = JSON.parse;
    JSON.parse = (text) => {
        const value = parse(text);
        if (value?.concurrency) value.concurrency = 1;
        return value;
    };
"""


@pytest.fixture
def rivals(chromium: Browser, installation: Installation) -> Iterator[dict[str, Page]]:
    """Two pages: an unmodified one, and one that sends a single part at a time."""
    with visitor(chromium, installation) as one, visitor(chromium, installation) as other:
        several, single = one.new_page(), other.new_page()
        single.add_init_script(ONE_REQUEST_AT_A_TIME)
        for page in (several, single):
            page.goto("/")
        yield {"several": several, "single": single}


def seconds_for(page: Page, installation: Installation, path: Path) -> float:
    """The seconds from choosing the file until storage has every byte.

    They do not include the completion: AWS does not touch the parts, but the local AWS copies them,
    which takes a second or two in both cases.
    """
    installation.s3.log.clear()
    size = path.stat().st_size

    def is_sent() -> bool:
        answered = (r for r in installation.s3.requests(parts) if r.status == 200)
        return sum(request.size for request in answered) >= size

    began = time.monotonic()
    page.set_input_files("#file-input", path)
    wait_for(is_sent, timeout=PATIENCE, every=0.02)
    seconds = time.monotonic() - began
    finish(page, installation, path)
    return seconds


# The latency is long, because the faster page may also wait for the local AWS on a slow machine.
@pytest.mark.parametrize(("latency", "least"), [(0.15, 3.0), (0, 0.9)])
def test_several_parts_at_a_time_are_faster_than_one(
    rivals: dict[str, Page],
    installation: Installation,
    tmp_path: Path,
    latency: float,
    least: float,
    show: Show,
) -> None:
    installation.web.latency = installation.s3.latency = latency
    best = dict.fromkeys(rivals, float("inf"))
    ratio = 0.0
    # Other load makes a run slower, never faster, so the best one counts.
    for _ in range(ROUNDS):
        for name, page in rivals.items():
            # A new file each time, because a stored file is not sent again.
            file = make_file(tmp_path / unique(f"{name}.bin"), 256 * MIB)
            best[name] = min(best[name], seconds_for(page, installation, file))
        ratio = best["single"] / best["several"]
        times = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in best.items())
        show(f"{latency * 1000:.0f} ms latency: {times}, {ratio:.2f} times as fast")
        if ratio >= least:
            break
    assert ratio >= least
