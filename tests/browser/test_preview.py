"""The preview: every kind of file, hostile ones, and what fails while it is loaded.

tests/browser/page/preview*.test.js has what needs no storage: keys, texts, loading ahead.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.test_page import unique
from tests.support.accessibility import check_accessibility
from tests.support.http import send
from tests.support.installation import Installation
from tests.support.sample_files import wav
from tests.support.waiting import wait_for

#: Name, content and type.
Sample = tuple[str, bytes, str]


@dataclass(frozen=True)
class Dialog:
    """The preview on a page."""

    page: Page
    installation: Installation

    def open(self, *files: Sample) -> list[str]:
        """Store the files in a new folder, and open the preview of the first; return their ids."""
        folder = unique("previews")
        ids = [self._store(folder, file) for file in files]
        # The oldest file is the first.
        self.page.goto(f"/?folder={folder}&sort=date")
        self.row(files[0][0]).focus()
        self.page.keyboard.press("Enter")
        return ids

    def _store(self, folder: str, file: Sample) -> str:
        name, body, type_ = file
        begun = self.installation.api(
            "/get-url",
            "POST",
            {"file_name": name, "folder": folder, "content_type": type_, "size": len(body)},
        )
        assert send("PUT", begun["url"], body, begun["headers"]).status == 200
        wait_for(lambda: self.installation.api(f"/uploads/{begun['id']}")["state"] == "stored")
        return str(begun["id"])

    def row(self, name: str) -> Locator:
        return self.page.locator(f'[data-file-row][data-name="{name}"]')

    @property
    def root(self) -> Locator:
        return self.page.locator("#preview-dialog")

    @property
    def heading(self) -> Locator:
        return self.page.locator("#preview-heading")

    @property
    def content(self) -> Locator:
        return self.root.locator(".preview-content")

    @property
    def message(self) -> Locator:
        return self.root.locator(".preview-message")


@pytest.fixture
def dialog(tab: Page, installation: Installation) -> Iterator[Dialog]:
    yield Dialog(tab, installation)
    # A file that plays, or a frame, must not outlive the test.
    tab.keyboard.press("Escape")


def picture(width: int, height: int) -> bytes:
    """A PNG of one colour (PNG specification, 3rd edition, section 5)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x88" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(kind, data) for kind, data in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    )


def from_storage(dialog: Dialog, selector: str) -> Locator:
    """The element that shows the file; it must be loaded from storage."""
    shown = dialog.content.locator(selector)
    expect(shown).to_be_visible()
    assert str(shown.get_attribute("src")).startswith(dialog.installation.s3.url)
    return shown


@pytest.mark.exhaustive
def test_files_of_every_kind_are_shown_one_after_the_other_by_keyboard(
    dialog: Dialog,
) -> None:
    page = dialog.page
    script = b"<script>document.title = 'hacked'</script>"
    files: list[Sample] = [
        ("\u202egnp.exe.png", picture(1600, 1200), "image/png"),
        ("paper.pdf", b"%PDF-1.4\n", "application/pdf;version=1.4"),
        ("song.wav", wav(), "audio/wav"),
        ("page.html", script, "text/html"),
        ("drawing.xml", b"<svg xmlns='http://www.w3.org/2000/svg'>" + script, "application/xml"),
        ("utf-16.txt", "Grüße".encode("utf-16"), "text/plain"),
        ("latin-1.csv", "Straße".encode("latin-1"), "text/csv"),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        ("empty.txt", b"", "text/plain"),
    ]
    dialog.open(*files)
    expect(dialog.heading).to_be_focused()
    # Direction characters would disguise the type.
    expect(dialog.heading).to_contain_text("\ufffdgnp.exe.png")
    from_storage(dialog, "img")
    page.keyboard.press("ArrowRight")
    from_storage(dialog, "iframe.preview-pdf")
    page.keyboard.press("ArrowRight")
    from_storage(dialog, "audio")
    for text in (script.decode(), "<svg xmlns", "Grüße", "Straße"):
        page.keyboard.press("ArrowRight")
        expect(dialog.content.locator("pre")).to_contain_text(text)
    assert page.title() != "hacked"
    check_accessibility(page)
    page.keyboard.press("ArrowRight")
    expect(dialog.message).to_contain_text("Files of this type cannot be shown here.")
    check_accessibility(page)
    with page.expect_download() as download:
        dialog.message.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "drawing.svg"
    page.keyboard.press("ArrowRight")
    expect(dialog.message).to_contain_text("This file has no content.")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    expect(dialog.root).to_be_hidden()
    expect(dialog.row("drawing.svg")).to_be_focused()


@pytest.mark.exhaustive
def test_the_details_of_a_file(dialog: Dialog) -> None:
    page = dialog.page
    (file_id,) = dialog.open(("photo.png", picture(30, 20), "image/png"))
    details = page.get_by_role("region", name="Details")
    expect(details).to_be_hidden()
    page.get_by_role("button", name="Details").click()
    for text in ("image/png", "30 × 20", "UTC", file_id):
        expect(details).to_contain_text(text)
    expect(dialog.root.locator(".preview-image[data-tiny]")).to_have_count(0)
    check_accessibility(page)
    # It stays open for the next file, and on the next page.
    dialog.open(("a.txt", b"x", "text/plain"))
    expect(details).to_be_visible()


@pytest.mark.exhaustive
def test_a_download_that_fails_is_explained_in_the_dialog(dialog: Dialog) -> None:
    dialog.open(("a.zip", b"PK", "application/zip"))
    dialog.page.route(re.compile("/download"), lambda route: route.abort())
    dialog.page.get_by_role("button", name="Download").first.click()
    expect(dialog.root.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    check_accessibility(dialog.page)


@pytest.mark.exhaustive
def test_an_image_is_fitted_and_a_click_shows_its_original_size(
    dialog: Dialog,
) -> None:
    page = dialog.page
    sizes = ((3000, 2000), (1, 1))
    dialog.open(*((f"{size[0]}.png", picture(*size), "image/png") for size in sizes))
    image = dialog.content.locator("img")
    zoom = page.get_by_role("button", name="Original size")
    expect(zoom).to_have_attribute("aria-pressed", "false")
    fitted = image.bounding_box()
    assert fitted
    assert fitted["width"] < 1280
    assert fitted["width"] / fitted["height"] == pytest.approx(1.5, rel=0.01)
    # The part that was clicked stays in view.
    image.click(position={"x": fitted["width"] - 1, "y": 1})
    expect(zoom).to_have_attribute("aria-pressed", "true")
    left, top = dialog.content.locator(".preview-image").evaluate(
        "view => [view.scrollLeft + view.clientWidth, view.scrollTop]"
    )
    assert (left, top) == (3000, 0)
    assert image.evaluate("image => image.width") == 3000
    zoom.click()
    assert image.evaluate("image => image.width") == pytest.approx(fitted["width"], abs=1)
    page.keyboard.press("ArrowRight")
    expect(dialog.content.locator(".preview-image[data-tiny] img")).to_be_visible()
    expect(zoom).to_be_hidden()


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "megabytes", [3, pytest.param(200, marks=[pytest.mark.exhaustive, pytest.mark.alone])]
)
def test_of_a_long_text_only_the_beginning_is_loaded(dialog: Dialog, megabytes: int) -> None:
    body = b"a line of a log\n" * (megabytes * 65_536)
    with dialog.page.expect_response(re.compile(dialog.installation.s3.url)) as response:
        dialog.open(("long.log", body, "text/plain"))
    text = dialog.content.get_by_role("region", name="Content of")
    expect(text).to_contain_text("Only the first 1 MB is shown.")
    assert text.locator("pre").evaluate("pre => pre.textContent.length") == 1024**2
    assert response.value.headers["content-range"] == f"bytes 0-{1024**2}/{len(body)}"


def respond(status: int | None) -> Any:
    """Let storage respond with a status; with None, it cannot be reached."""

    def handle(route: Route) -> None:
        if status is None:
            route.abort()
            return
        route.fulfill(status=status, body="<Error/>", headers={"Access-Control-Allow-Origin": "*"})

    return handle


SENTENCES = {403: "has expired", 404: "was deleted", 503: "cannot be reached", None: "cannot be re"}
FILES = {
    "img": ("a.png", picture(10, 10), "image/png"),
    "iframe": ("a.pdf", b"%PDF-1.4\n", "application/pdf"),
    "audio": ("a.wav", wav(), "audio/wav"),
    "pre": ("a.txt", b"text", "text/plain"),
}


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("element", "status"), [(element, status) for element in FILES for status in SENTENCES]
)
def test_what_cannot_be_loaded_is_explained_and_can_be_tried_again(
    dialog: Dialog, element: str, status: int | None
) -> None:
    storage = re.compile(re.escape(dialog.installation.s3.url))
    dialog.page.route(storage, respond(status))
    dialog.open(FILES[element])
    expect(dialog.message).to_contain_text(SENTENCES[status])
    dialog.page.unroute(storage)
    dialog.message.get_by_role("button", name="Try again").click()
    expect(dialog.content.locator(element)).to_be_visible()
    expect(dialog.heading).to_be_focused()


@pytest.mark.exhaustive
def test_a_file_that_was_deleted_meanwhile(dialog: Dialog) -> None:
    names = ("first.txt", "second.txt", "third.txt")
    ids = dialog.open(*((name, b"x", "text/plain") for name in names))
    expect(dialog.content.locator("pre")).to_be_visible()
    dialog.installation.api(f"/files/{ids[2]}", "DELETE")
    dialog.page.keyboard.press("ArrowRight")
    dialog.page.keyboard.press("ArrowRight")
    expect(dialog.message).to_contain_text("This file was deleted.")


@pytest.mark.exhaustive
def test_a_damaged_file_offers_its_download(dialog: Dialog) -> None:
    damaged = picture(50, 50)[:40]
    dialog.open(("damaged.png", damaged, "image/png"))
    expect(dialog.message).to_contain_text("It may be damaged.")
    expect(dialog.message.get_by_role("button")).to_have_text(["Try again", "Download"])
