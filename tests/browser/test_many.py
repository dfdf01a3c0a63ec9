"""Two thousand files in one drop."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import Installation, wait_for
from tests.proxy import Request, parts

pytestmark = pytest.mark.alone

COUNT = 2000
#: Milliseconds for which the page may not react.
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
        window.longTasks.push([Math.round(startTime), Math.round(duration)]);
}).observe({ type: "longtask", buffered: true })"""

DROP = """() => setTimeout(() => {
    window.dropped = performance.now();
    for (const type of ["dragenter", "dragover", "drop"])
        document.querySelector("#drop-zone").dispatchEvent(new DragEvent(type,
            { dataTransfer: window.transfer, bubbles: true, cancelable: true }));
})"""


def about_uploads(request: Request) -> bool:
    return request.path == "/uploads"


def begins(request: Request) -> bool:
    return about_uploads(request) and request.method == "POST"


def story(page: Page, installation: Installation) -> str:
    """What there is to know when not everything arrives."""
    requests = installation.web.requests(begins) + installation.s3.requests(parts)
    answers = Counter((request.method, request.status) for request in requests)
    waiting = [each for each in installation.web.log + installation.s3.log if not each.over]
    lines = installation.log.read_text().splitlines()[-40:]
    return "\n".join(
        [
            f"the page: {page.locator('#uploads').inner_text()[:2000]}",
            f"answers: {answers}; unanswered: {waiting[:20]}",
            *lines,
        ]
    )


# Longer than others get: on a busy machine this takes minutes.
@pytest.mark.timeout(600)
def test_two_thousand_files_in_one_drop(
    page: Page, installation: Installation, show: Callable[[str], None]
) -> None:
    prefix = uuid.uuid4().hex[:8]
    page.evaluate(PREPARE, [prefix, COUNT])
    page.evaluate(OBSERVE)
    page.evaluate(DROP)

    def sent() -> bool:
        return sum(r.status == 200 for r in installation.s3.requests(parts)) >= COUNT

    def confirmed() -> bool:
        # Asking the page is cheap; a listing of everything takes the processes' time.
        return "confirming" not in page.locator("#uploads-summary").inner_text()

    try:
        wait_for(sent, timeout=240, every=0.5)
        wait_for(confirmed, timeout=120, every=0.5)
        wait_for(lambda: len(installation.files(prefix)) >= COUNT, timeout=30, every=1)
    except AssertionError as exc:
        exc.add_note(story(page, installation))
        raise
    found = installation.files(prefix)
    expected = [f"{prefix} {number:04}.txt" for number in range(COUNT)]
    assert sorted(file["file_name"] for file in found) == expected
    assert {file["size"] for file in found} == {1024}
    expect(page.locator("[data-upload-row][data-state=failed]")).to_have_count(0)
    # Each was signed once, and sent once.
    assert len(installation.web.requests(begins)) == COUNT
    assert len(installation.s3.requests(parts)) == COUNT
    # The page heard of the first ones while it still sent others.
    asked = [request.method for request in installation.web.requests(about_uploads)]
    assert "GET" in asked[: COUNT // 2]
    dropped: float = page.evaluate("window.dropped")
    tasks: list[Any] = page.evaluate("window.longTasks")
    during = sorted(length for start, length in tasks if start >= dropped - 1)
    show(f"{len(during)} long tasks, the longest of {during[-5:]} ms")
    assert [length for length in during if length > LONGEST_TASK] == []
