"""Python's zipfile reads the archives that the ZIP writer makes in Chromium."""

from __future__ import annotations

import base64
import random
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from io import BytesIO

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.browser.zip.archives import NOON, Member, check, unix_time
from tests.support.processes import ROOT

#: No such host: every file comes from this checkout.
ORIGIN = "http://zip.test"
MAKE = """members => import("/tests/browser/zip/members.js").then(({ archiveUrl }) =>
    archiveUrl(members))"""

BYTES = bytes(range(256)) * 40 + b"\0\xff"


def serve(route: Route) -> None:
    path = route.request.url.removeprefix(ORIGIN)
    if path.endswith(".js"):
        route.fulfill(path=ROOT / path.lstrip("/"), content_type="text/javascript")
    else:
        route.fulfill(body="<!doctype html><title>Archives</title>", content_type="text/html")


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    """A page in a zone without daylight saving time."""
    with chromium.new_context(timezone_id="Asia/Tokyo") as context:
        context.route("**/*", serve)
        page = context.new_page()
        page.goto(ORIGIN)
        yield page


def make(page: Page, members: Sequence[Member]) -> BytesIO:
    url = page.evaluate(MAKE, [member.described() for member in members])
    return BytesIO(base64.b64decode(url.partition(",")[2]))


ARCHIVES = {
    "no file": [],
    "an empty file": [Member("empty")],
    "text": [Member("a.txt", b"hello")],
    "every byte": [Member("a.bin", BYTES)],
    "one byte at a time": [Member("a.bin", BYTES[:600], chunk=1)],
    "seven bytes at a time": [Member("a.bin", BYTES, chunk=7)],
    "more than a chunk": [Member("a.bin", random.Random(1).randbytes(2_500_000))],
    "folders": [Member("a/b/c.txt", b"1"), Member("a/d.txt", b"2"), Member("e.txt", b"3")],
    "names of all languages": [
        Member("Übersicht.pdf", b"1"), Member("файл.txt", b"2"), Member("日本語.txt", b"3"),
        Member("ملف.txt", b"4"), Member("😀/👩‍👩‍👧.png", b"5"), Member("u\u0308.txt", b"6"),
    ],
    "equal names": [
        Member("a.txt", b"1"), Member("a.txt", b"2", "a (2).txt"),
        Member("A.txt", b"3", "A (3).txt"),
    ],
    "unsafe names": [
        Member("../../etc/passwd", b"1", "etc/passwd"), Member("/abs", b"2", "abs"),
        Member("a\\..\\b", b"3", "a_.._b"), Member("C:\\x", b"4", "C__x"),
        Member("line\nbreak\x00", b"5", "line_break_"), Member("..", b"6", "unnamed"),
    ],
    "a file that looks like an archive": [
        Member("a.zip", b"PK\x05\x06" + b"\0" * 18 + b"PK\x07\x08PK\x01\x02PK\x03\x04"),
    ],
    "names at the limit": [
        Member("n" * 255, b"1"), Member("n" * 300 + ".txt", b"2", "n" * 251 + ".txt"),
    ],
    "times": [
        Member("epoch", modified=datetime(1970, 1, 1, tzinfo=UTC)),
        Member("early", modified=datetime(1901, 12, 13, 20, 45, 52, tzinfo=UTC)),
        Member("odd second", modified=datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)),
        Member("late", modified=datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC)),
    ],
    "a thousand files": [Member(f"{n}.txt", b"%d" % n) for n in range(1_000)],
}  # fmt: skip


@pytest.mark.parametrize("members", ARCHIVES.values(), ids=ARCHIVES)
def test_the_archive_has_exactly_its_files(page: Page, members: list[Member]) -> None:
    check(make(page, members), members)


def test_random_files_survive(page: Page) -> None:
    chance = random.Random(2)
    sizes = chance.choices([0, 1, 7, 8, 9, 5_000], k=100)
    members = [
        Member(f"{n}.bin", chance.randbytes(size), chunk=chance.randint(1, 900))
        for n, size in enumerate(sizes)
    ]
    check(make(page, members), members)


@pytest.mark.parametrize(
    ("modified", "shown"),
    [
        (NOON, (2026, 7, 31, 21, 34, 56)),
        (datetime(2026, 2, 28, 15, 0, 1, tzinfo=UTC), (2026, 3, 1, 0, 0, 0)),
        (datetime(1970, 1, 1, tzinfo=UTC), (1980, 1, 1, 0, 0, 0)),
        (datetime(2107, 12, 31, 14, 59, 59, tzinfo=UTC), (2107, 12, 31, 23, 59, 58)),
        (datetime(2200, 1, 1, tzinfo=UTC), (2107, 12, 31, 23, 59, 58)),
    ],
)
def test_the_old_time_is_local_and_stays_within_its_range(
    page: Page, modified: datetime, shown: tuple[int, ...]
) -> None:
    with zipfile.ZipFile(make(page, [Member("a", modified=modified)])) as opened:
        (info,) = opened.infolist()
        assert info.date_time == shown
        fits = modified.year < 2038
        assert unix_time(info) == (int(modified.timestamp()) if fits else None)
