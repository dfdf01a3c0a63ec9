"""File names in Chromium: how they are saved, compared and displayed."""

from __future__ import annotations

import base64
import re
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_page import choose, row, unique, upload_row
from tests.support.processes import ROOT
from uploads.core import names

MODULE = ROOT / "static/uploads/page/text/names.js"

#: A name -> the name that Chromium saves. It replaces what some file system does not allow.
SAVED = {
    "report.pdf": "report.pdf",
    "report%202024.txt": "report%202024.txt",
    "100%.txt": "100%.txt",
    "a%2Fb%00c.txt": "a%2Fb%00c.txt",
    "%E6%97%A5.txt": "%E6%97%A5.txt",
    "naïve file+v2 100%.txt": "naïve file+v2 100%.txt",
    "Übersicht Straße.txt": "Übersicht Straße.txt",
    "日本語.pdf": "日本語.pdf",
    "תמונה.jpg": "תמונה.jpg",
    "🎉 party.png": "🎉 party.png",
    "a;b=c, d.txt": "a;b=c, d.txt",
    "it's (2) [x] {y} & z!.txt": "it's (2) [x] {y} & z!.txt",
    "=?utf-8?Q?a=20b?=.txt": "=_utf-8_Q_a=20b_=.txt",
    "=?utf-8?B?YS5leGU=?=": "=_utf-8_B_YS5leGU=_=",
    "utf-8''x.txt": "utf-8''x.txt",
    'a"b".txt': "a_b_.txt",
    "a\\b.txt": "a_b.txt",
    "a/b.txt": "a_b.txt",
    "a~.txt": "a~.txt",
    ".env": "env",
    "x" * 251 + ".txt": "x" * 251 + ".txt",
    "語" * 83 + ".txt": "語" * 83 + ".txt",
    "Rechnung_\u202excod.exe": "Rechnung__xcod.exe",
}


class Downloads(BaseHTTPRequestHandler):
    """Sends a file whose name is in the query, with the header that filehub has S3 send."""

    def do_GET(self) -> None:
        (name,) = parse_qs(urlsplit(self.path).query)["name"]
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Disposition", names.content_disposition(name))
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *arguments: Any) -> None:
        """Log nothing."""


@contextmanager
def serve() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Downloads)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.exhaustive
def test_a_file_is_saved_under_its_own_name(chromium: Browser) -> None:
    with serve() as address, chromium.new_context(accept_downloads=True) as context:
        page = context.new_page()
        saved = {}
        for name in SAVED:
            with page.expect_download() as waiting:
                page.evaluate("url => { location = url }", f"{address}?{urlencode({'name': name})}")
            saved[name] = waiting.value.suggested_filename
    assert saved == SAVED


@pytest.mark.exhaustive
def test_every_character_has_the_same_search_key_in_scripts(chromium: Browser) -> None:
    """All that Python knows, unless the browser does not know it."""
    known = [
        char
        for char in map(chr, range(0x110000))
        if unicodedata.category(char) not in {"Cn", "Co", "Cs"}
    ]
    keys = {char: names.search_key(char) for char in known}
    folded = {char: key for char, key in keys.items() if key != char}
    assert len(folded) > 2_000
    source = base64.b64encode(MODULE.read_bytes()).decode()
    with chromium.new_context() as context:
        differing = context.new_page().evaluate(
            """async ([source, known, folded]) => {
              const { searchKey } = await import(`data:text/javascript;base64,${source}`);
              return Array.from(known).filter(
                (char) => searchKey(char) !== (folded[char] ?? char) && !/\\p{Cn}/u.test(char),
              );
            }""",
            [source, "".join(known), folded],
        )
    assert differing == []


# The page


@pytest.mark.exhaustive
def test_a_search_shows_a_new_file_whose_name_matches_in_another_form(page: Page) -> None:
    """The list is open, with a search; the page itself decides whether a new file belongs to it."""
    mark = unique("").strip()
    for name, term in (
        (f"{mark} Straße.txt", f"{mark} strasse"),
        (f"{mark} CAFE\u0301.txt", f"{mark} café"),
        (f" {mark} lead.txt", f" {mark}"),
    ):
        page.fill("#search", term)
        expect(page.locator("#files-end")).to_contain_text("No file name contains")
        choose(page, (name, name.encode()))
        expect(row(page, name.strip())).to_be_visible()
        # As a person sees it: with the spaces that have to be typed.
        # Its beginning and its end are two boxes, because a long name loses its middle.
        shown = row(page, name.strip()).locator("bdi").inner_text()
        assert shown.replace("\n", "") == name
        page.reload()
        expect(page.locator("#search")).to_have_value(term)
        expect(row(page, name.strip())).to_be_visible()


@pytest.mark.exhaustive
def test_a_name_cannot_pretend_to_have_another_extension(page: Page) -> None:
    mark = unique("").strip()
    shown = f"{mark}_\ufffdxcod.exe"
    choose(page, (f"{mark}_\u202excod.exe", b"x"))
    expect(upload_row(page, shown)).to_have_attribute("data-state", "stored")
    expect(page.locator("#announcer")).to_contain_text(shown)
    listed = row(page, shown)
    expect(listed.get_by_role("link", name=f"Download {shown}")).to_be_visible()
    listed.get_by_role("button", name=f"Delete {shown}").click()
    expect(page.locator("#toast")).to_contain_text(f"“{shown}” was moved to the trash.")
    # Only the attribute by which scripts find a row has the name as it is.
    assert "\u202e" not in re.sub(r'data-name="[^"]*"', "", page.content())
