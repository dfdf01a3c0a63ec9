"""Many files in one drop."""

from __future__ import annotations

import contextlib
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.support.installation import Installation
from tests.support.proxy import Request, parts
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.alone, pytest.mark.exhaustive]

COUNT = 2000
#: Milliseconds for which the page may be busy without a break.
LONGEST_TASK = 200

PREPARE = """([prefix, count]) => {
    window.transfer = new DataTransfer();
    for (let number = 0; number < count; number += 1) {
        const name = `${prefix} ${String(number).padStart(4, "0")}.txt`;
        window.transfer.items.add(new File([name.padEnd(1024, "x")], name, { type: "text/plain" }));
    }
    window.longTasks = [];
}"""

OBSERVE = """() => new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries())
        window.longTasks.push([performance.timeOrigin + startTime, Math.round(duration)]);
}).observe({ type: "longtask", buffered: true })"""

DROP = """() => setTimeout(() => {
    window.dropped = performance.timeOrigin + performance.now();
    for (const type of ["dragenter", "dragover", "drop"])
        document.querySelector("#drop-zone").dispatchEvent(new DragEvent(type,
            { dataTransfer: window.transfer, bubbles: true, cancelable: true }));
})"""


def about_uploads(request: Request) -> bool:
    return request.path in {"/uploads", "/uploads/batch"}


def begins(request: Request) -> bool:
    return about_uploads(request) and request.method == "POST"


def asks_for_states(request: Request) -> bool:
    return about_uploads(request) and request.method == "GET"


def story(page: Page, installation: Installation) -> str:
    """The state of the page and the requests, for a failure message."""
    requests = installation.web.requests(begins) + installation.s3.requests(parts)
    statuses = Counter((request.method, request.status) for request in requests)
    waiting = [r for r in installation.web.log + installation.s3.log if not r.over]
    lines = installation.log.read_text().splitlines()[-40:]
    return "\n".join(
        [
            f"the page: {page.locator('#uploads').inner_text()[:2000]}",
            f"statuses: {statuses}; unanswered: {waiting[:20]}",
            *lines,
        ]
    )


@contextlib.contextmanager
def processor_time_of_pages() -> Iterator[Callable[[float, float], float]]:
    """Yield a function for the maximum processor time (ms) of pages between two moments.

    A page that gets no processor time does not react, which is not its fault.
    """
    children = psutil.Process().children(recursive=True)
    pages = [child for child in children if "--type=renderer" in child.cmdline()]
    samples: list[tuple[float, float, float]] = []
    over = threading.Event()

    def sample() -> None:
        while not over.wait(0.02):
            before, used = time.time(), 0.0
            for process in pages:
                with contextlib.suppress(psutil.Error):  # a spare renderer may have ended
                    times = process.cpu_times()
                    used += times.user + times.system
            samples.append((before * 1000, used * 1000, time.time() * 1000))

    def between(start: float, end: float) -> float:
        first = max((used for _, used, taken in samples if taken <= start), default=0.0)
        last = min((used for taken, used, _ in samples if taken >= end), default=float("inf"))
        return last - first

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield between
    finally:
        over.set()
        thread.join()


def reach(count: Callable[[], int], enough: int) -> None:
    """Wait without a total limit, as long as the count keeps growing: the machine may be slow."""
    while (now := count()) < enough:
        wait_for(lambda: count() > now, timeout=60, every=0.5)


COUNT_FRAMES = """() => {
    window.frames = [];
    const request = requestAnimationFrame;
    window.requestAnimationFrame = (draw) => request((now) => {
        window.frames.push(performance.timeOrigin + performance.now());
        draw(now);
    });
}"""


@contextlib.contextmanager
def main_thread_time(page: Page) -> Iterator[Callable[[], float]]:
    """Yield a function for the processor time (ms) that the page's main thread has spent on tasks.

    Other load makes them take longer, but hardly changes this.
    """
    tools = page.context.new_cdp_session(page)
    tools.send("Performance.enable", {"timeDomain": "threadTicks"})

    def used() -> float:
        metrics = tools.send("Performance.getMetrics")["metrics"]
        return float(next(m["value"] for m in metrics if m["name"] == "TaskDuration")) * 1000

    yield used
    tools.detach()


def drop(page: Page, installation: Installation, count: int) -> tuple[float, float]:
    """Drop so many files, and wait until all of them are sent.

    Returns the milliseconds of the main thread per file, and those that passed in all.
    """
    page.goto("/")
    prefix = uuid.uuid4().hex[:8]
    page.evaluate(PREPARE, [prefix, count])
    page.evaluate(COUNT_FRAMES)
    installation.reset()

    def sent() -> int:
        return sum(r.status == 200 for r in installation.s3.requests(parts))

    with main_thread_time(page) as processor_time:
        before = processor_time()
        page.evaluate(DROP)
        reach(sent, count)
        used = processor_time() - before
    passed = page.evaluate("performance.timeOrigin + performance.now() - window.dropped")
    reach(lambda: len(installation.files(prefix)), count)
    assert {file["size"] for file in installation.files(prefix)} == {1024}
    return used / count, passed


@pytest.mark.timeout(900)
def test_five_hundred_files_cost_few_requests_and_little_of_the_page(
    page: Page, installation: Installation, show: Callable[[str], None]
) -> None:
    few, _ = drop(page, installation, 10)
    many, passed = drop(page, installation, 500)
    signing = installation.web.requests(begins)
    states = installation.web.requests(asks_for_states)
    frames = page.evaluate("window.frames.length")
    show(
        f"500 files: {len(signing)} signing requests, {len(states)} for states, {frames} drawings"
        f" in {passed / 1000:.1f} s; main thread {many:.1f} ms per file, {few:.1f} ms with 10 files"
    )
    assert len(signing) <= 12
    assert len(installation.s3.requests(parts)) == 500
    # With 100 ids each; the pauses between them grow to three seconds.
    assert len(states) <= 100
    # At most one in 250 ms while there are many, and as many as the display has with the last ten.
    assert frames <= passed / 250 + 100
    # What is drawn, read and written for all files together does not cost more with each of them.
    assert many <= few


# A longer limit than usual, because this takes minutes on a busy machine.
@pytest.mark.timeout(1200)
def test_two_thousand_files_in_one_drop(
    page: Page, installation: Installation, show: Callable[[str], None]
) -> None:
    prefix = uuid.uuid4().hex[:8]
    page.evaluate(PREPARE, [prefix, COUNT])
    page.evaluate(OBSERVE)

    def sent() -> int:
        return sum(r.status == 200 for r in installation.s3.requests(parts))

    def confirmed() -> int:
        # Reading the page is cheap; listing all files would slow down the processes.
        text = page.locator("#uploads-summary").inner_text()
        waiting = re.search(r"([\d,]+) being confirmed", text)
        return COUNT - (int(waiting[1].replace(",", "")) if waiting else 0)

    try:
        with processor_time_of_pages() as processor_time:
            page.evaluate(DROP)
            reach(sent, COUNT)
            reach(confirmed, COUNT)
        reach(lambda: len(installation.files(prefix)), COUNT)
    except AssertionError as exc:
        exc.add_note(story(page, installation))
        raise
    files = installation.files(prefix)
    expected = [f"{prefix} {number:04}.txt" for number in range(COUNT)]
    assert sorted(file["file_name"] for file in files) == expected
    assert {file["size"] for file in files} == {1024}
    expect(page.locator("[data-upload-row][data-state=failed]")).to_have_count(0)
    # Each was sent once, and many were signed with one request.
    assert len(installation.web.requests(begins)) <= COUNT / 40
    assert len(installation.s3.requests(parts)) == COUNT
    # The page requested the states of the first files while it was still signing others.
    methods = [request.method for request in installation.web.requests(about_uploads)]
    assert methods.index("GET") < len(methods) - 1 - methods[::-1].index("POST")
    dropped: float = page.evaluate("window.dropped")
    tasks: list[Any] = page.evaluate("window.longTasks")
    during = sorted(
        (length, round(min(length, processor_time(start, start + length))))
        for start, length in tasks
        if start >= dropped - 1
    )
    show(f"{len(during)} long tasks, the longest of {during[-5:]} ms and so many on a processor")
    assert [ran for _, ran in during if ran > LONGEST_TASK] == []
