"""One long walk, as a person uses the page, and once more with the keyboard alone."""

from __future__ import annotations

import base64
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.test_actions import expect_names, tab_to
from tests.browser.test_page import unique
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.alone, pytest.mark.exhaustive, pytest.mark.timeout(900)]

PHOTOS = 200

#: A folder that the browser believes to come from outside. Its files are small and differ.
DROP_FOLDER = """([folder, photos]) => {
    const files = photos.map(([name, data]) => {
        const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
        return new File([bytes], name, { type: "image/png" });
    });
    const entryOf = (file) => ({
        isFile: true, isDirectory: false, name: file.name, fullPath: `/${folder}/${file.name}`,
        file: (done) => done(file),
    });
    const rest = files.map(entryOf);
    const directory = {
        isFile: false, isDirectory: true, name: folder, fullPath: `/${folder}`,
        createReader: () => ({
            readEntries: (done) => done(rest.splice(0, 100)),
        }),
    };
    const transfer = new DataTransfer();
    transfer.items.add(new File(["x"], folder));
    const drop = new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
    DataTransferItem.prototype.webkitGetAsEntry = () => directory;
    document.querySelector("#drop-zone").dispatchEvent(drop);
}"""


def photo(number: int) -> bytes:
    """A small PNG of a colour of its own."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    pixels = b"".join(b"\0" + bytes((number, 255 - number, 90)) * 30 for _ in range(20))
    head = struct.pack(">IIBBBBB", 30, 20, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts)


NAMES = [f"photo {number:03}.png" for number in range(PHOTOS)]
CONTENTS = {name: photo(number) for number, name in enumerate(NAMES)}


def row(page: Page, name: str) -> Locator:
    """The row of a file; it exists only while it is near the visible part of the list."""
    return page.locator(f'[data-file-row][data-name="{name}"]')


def found(page: Page, name: str) -> Locator:
    """The row of a file, to which this scrolls from the beginning of the list."""
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_selector('[data-file-row][aria-rowindex="2"]')
    while not row(page, name).count():
        page.evaluate(
            """() => {
                scrollBy(0, 200);
                return new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn, 50)));
            }"""
        )
    return row(page, name)


def preview(page: Page) -> Locator:
    return page.locator("#preview-dialog")


@pytest.fixture
def album(context: BrowserContext) -> tuple[Page, str]:
    """A page on which a folder of photos was dropped, and the name of the folder."""
    page = context.new_page()
    # Chromium's dialog for the place of a file cannot be operated by a test.
    page.add_init_script("delete globalThis.showSaveFilePicker")
    page.goto("/")
    folder = unique("album")
    photos = [[name, base64.b64encode(CONTENTS[name]).decode()] for name in NAMES]
    page.evaluate(DROP_FOLDER, [folder, photos])
    row(page, folder).wait_for(timeout=300_000)

    def stored() -> bool:
        counts = page.evaluate(
            "async (folder) => (await (await fetch(`/folders?folder=${folder}`)).json()).folder",
            folder,
        )
        return int(counts["files"]) == PHOTOS

    wait_for(stored, timeout=300)
    return page, folder


def check_archive(path: Path, names: list[str]) -> None:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            name: CONTENTS[name] for name in names
        }


def preview_five(page: Page) -> None:
    """Preview five of them with the arrow keys."""
    row(page, NAMES[0]).click()
    for name in NAMES[:5]:
        expect(preview(page).get_by_role("heading", name=name)).to_be_visible()
        expect(preview(page).locator("img")).to_be_visible()
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(row(page, NAMES[5])).to_be_focused()


def rename_one_and_move_three(page: Page, second: Page) -> None:
    """`second` is another tab, which sees what happens."""
    row(page, NAMES[5]).press("F2")
    page.keyboard.type("photo 005 best of all")
    page.keyboard.press("Enter")
    expect(row(page, "photo 005 best of all.png")).to_be_visible()
    expect(row(second, "photo 005 best of all.png")).to_have_count(1)
    for name in NAMES[6:9]:
        found(page, name).locator("[data-select]").check()
    page.locator("#selection-bar [data-command=move]").click()
    page.locator("#move-dialog [data-new]").click()
    page.keyboard.type("Sorted out")
    page.keyboard.press("Enter")
    page.locator("#move-dialog [data-confirm]").click()
    for name in NAMES[6:9]:
        expect(row(page, name)).to_have_count(0)
        expect(row(second, name)).to_have_count(0)
    expect(row(second, "Sorted out")).to_be_visible()


def download_ten(page: Page) -> None:
    """Ten in one archive, chosen with Shift."""
    found(page, NAMES[10]).locator("[data-select]").check()
    found(page, NAMES[19]).locator("[data-select]").click(modifiers=["Shift"])
    expect(page.locator("#selection-bar")).to_contain_text("10 selected")
    with page.expect_download() as download:
        page.locator("#selection-bar [data-command=downloadZip]").click()
    check_archive(Path(download.value.path()), NAMES[10:20])


def delete_five_and_undo(page: Page) -> None:
    page.keyboard.press("Escape")
    found(page, NAMES[20]).locator("[data-select]").check()
    found(page, NAMES[24]).locator("[data-select]").click(modifiers=["Shift"])
    page.locator("#selection-bar [data-command=trash]").click()
    expect(row(page, NAMES[20])).to_have_count(0)
    page.locator("#toast [data-undo]").click()
    expect(found(page, NAMES[20])).to_be_visible()
    expect(page.locator("#files-total")).to_contain_text("197 files")


def test_a_dropped_album_is_viewed_sorted_out_and_downloaded(
    album: tuple[Page, str], context: BrowserContext
) -> None:
    page, folder = album
    second = context.new_page()
    row(page, folder).click()
    page.locator("#sort").select_option("name")
    expect(row(page, NAMES[0])).to_be_visible()
    second.goto(page.url)

    preview_five(page)
    rename_one_and_move_three(page, second)
    download_ten(page)
    delete_five_and_undo(page)

    # Search inside the names, and filter.
    page.evaluate("scrollTo(0, 0)")
    page.locator("#search").fill("OF ALL")
    expect_names(page, "photo 005 best of all.png")
    page.locator("#search").fill("")
    page.locator("#type-filter").select_option("image")
    expect(row(page, "Sorted out")).to_have_count(0)
    expect(row(page, NAMES[0])).to_be_visible()

    # What is in the trash is gone for good once it is emptied.
    row(page, NAMES[0]).press("Delete")
    expect(page.locator("#toast")).to_contain_text("was moved to the trash.")
    page.locator("#views [data-view=trash]").click()
    page.locator("#empty-trash").click()
    page.locator("#empty-dialog [data-confirm]").click()
    expect(page.locator("[data-file-row]")).to_have_count(0)
    expect(row(second, NAMES[0])).to_have_count(0)


def test_the_same_works_with_the_keyboard_alone(album: tuple[Page, str]) -> None:
    page, folder = album
    press = page.keyboard.press
    tab_to(page, "#search")
    page.keyboard.type(NAMES[0])
    expect(page.locator("#files-total")).to_contain_text("match")
    page.goto("/")
    tab_to(page, ".file-rows")
    wait_for(lambda: page.evaluate("document.activeElement.dataset.name") or press("ArrowDown"))
    while page.evaluate("document.activeElement.dataset.name") != folder:
        press("ArrowDown")
    press("Enter")
    expect(page.locator("#files-total")).to_contain_text("200 files")
    tab_to(page, "#sort")
    press("ArrowDown")
    press("ArrowDown")
    expect(row(page, NAMES[0])).to_be_visible()
    tab_to(page, ".file-rows")
    expect(row(page, NAMES[0])).to_be_focused()
    press("Enter")
    for name in NAMES[:5]:
        expect(preview(page).get_by_role("heading", name=name)).to_be_visible()
        press("ArrowRight")
    press("Space")
    expect(row(page, NAMES[5])).to_be_focused()
    press("F2")
    page.keyboard.type("photo 005 best of all")
    press("Enter")
    expect(row(page, "photo 005 best of all.png")).to_be_focused()
    press("ArrowDown")
    press("Space")
    for _ in range(9):
        press("Shift+ArrowDown")
    expect(page.locator("#selection-bar")).to_contain_text("10 selected")
    with page.expect_download() as download:
        tab_to(page, "#selection-bar [data-command=downloadZip]")
        press("Enter")
    check_archive(Path(download.value.path()), NAMES[6:16])
    expect(page.locator("#toast")).to_contain_text("was saved.")
    tab_to(page, ".file-rows")
    press("Escape")
    press("Space")
    for _ in range(4):
        press("Shift+ArrowDown")
    press("Delete")
    expect(page.locator("#files-total")).to_contain_text("195 files")
    press("Control+z")
    expect(page.locator("#files-total")).to_contain_text("200 files")
    press("End")
    expect(row(page, NAMES[-1])).to_be_focused()
    press("Alt+ArrowUp")
    expect(row(page, folder)).to_be_focused()
