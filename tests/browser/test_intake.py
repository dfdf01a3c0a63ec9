"""Files as they are on a disk: empty, changed, hidden, in deep folders, and with huge pictures."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.test_page import row, unique, upload_row
from tests.support.installation import Installation
from tests.support.proxy import parts
from tests.support.waiting import wait_for


def touch(path: Path) -> None:
    os.utime(path, (1_000_000_000, 1_000_000_000))


def grow(path: Path) -> None:
    path.write_bytes(b"more than was chosen")


EMPTY, FULL = b"", b"twenty bytes of text"


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("content", "change"),
    [
        pytest.param(EMPTY, Path.unlink, id="an empty file vanishes"),
        pytest.param(EMPTY, grow, id="an empty file grows"),
        pytest.param(EMPTY, touch, id="an empty file is saved again"),
        pytest.param(FULL, Path.unlink, id="a file vanishes"),
        pytest.param(FULL, touch, id="a file is saved again"),
        pytest.param(FULL + b"!", grow, id="a file shrinks"),
    ],
)
def test_a_file_that_changes_before_it_is_sent_fails_at_once(
    page: Page,
    installation: Installation,
    tmp_path: Path,
    content: bytes,
    change: Callable[[Path], None],
) -> None:
    path = tmp_path / unique("file.txt")
    path.write_bytes(content)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/uploads", hold)
    page.set_input_files("#file-input", path)
    wait_for(lambda: page.wait_for_timeout(10) or held)
    change(path)
    held[0].continue_()
    failed = upload_row(page, path.name)
    expect(failed).to_have_attribute("data-state", "failed")
    expect(failed).to_contain_text("This file can no longer be read.")
    # It was not tried, so nothing had to be repeated.
    assert not installation.s3.requests(parts)


@pytest.mark.exhaustive
def test_an_empty_file_is_stored(page: Page, installation: Installation, tmp_path: Path) -> None:
    path = tmp_path / unique("empty.txt")
    path.touch()
    page.set_input_files("#file-input", path)
    expect(row(page, path.name)).to_be_visible()
    assert installation.files(path.name)[0]["size"] == 0


@pytest.mark.exhaustive
def test_system_files_in_a_folder_are_left_out_and_counted(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    folder = tmp_path / unique("folder")
    for path in ("a.txt", "Icon\r", "._a.txt", ".DS_Store", "__MACOSX/b.txt", "sub/Thumbs.db"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"x")
    page.set_input_files("#folder-input", folder)
    expect(row(page, folder.name)).to_be_visible()
    expect(page.locator("#drop-notice")).to_contain_text(
        "5 files of the operating system were left out"
    )
    files = [*installation.files(folder=folder.name), *installation.files("txt", folder.name)]
    assert [file["file_name"] for file in files] == ["a.txt", "a.txt"]


@pytest.mark.exhaustive
def test_files_whose_paths_are_cut_stay_two_files(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    top = tmp_path / unique("top")
    # Equal in all that identifies a file, except in the folder that does not fit.
    for middle in ("a" * 150, "b" * 150):
        path = top / middle / ("c" * 150) / ("d" * 150) / "file.txt"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"same")
        touch(path)
    page.set_input_files("#folder-input", top)
    folder = f"{top.name}/…/{'c' * 150}/{'d' * 150}"
    expect(page.locator("#drop-notice")).to_contain_text("The paths of 2 files are too long.")
    wait_for(lambda: page.wait_for_timeout(50) or len(installation.files(folder=folder)) == 2)
    assert {file["file_name"] for file in installation.files(folder=folder)} == {"file.txt"}


def huge_png(side: int) -> bytes:
    """A black image that takes few bytes in the file and many when it is decoded."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    compress = zlib.compressobj(9)
    line = bytes(1 + side // 8)
    pixels = b"".join([*(compress.compress(line) for _ in range(side)), compress.flush()])
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


#: Records the sizes of Blobs that were read, and of those that were decoded as pictures.
RECORD = """
    window.read = [], window.decoded = [];
    const { arrayBuffer } = Blob.prototype;
    Blob.prototype.arrayBuffer = async function () {
        const bytes = await arrayBuffer.call(this);
        read.push(this.size);
        return bytes;
    };
    const decode = createImageBitmap;
    globalThis.createImageBitmap = (file, ...more) => {
        decoded.push(file.size);
        return decode(file, ...more);
    };
"""


@pytest.mark.exhaustive
def test_a_huge_picture_is_not_decoded(context: BrowserContext, tmp_path: Path) -> None:
    huge, small = tmp_path / unique("huge.png"), tmp_path / unique("small.png")
    huge.write_bytes(huge_png(16_000))
    small.write_bytes(huge_png(64))
    assert huge.stat().st_size < 50_000
    page = context.new_page()
    page.add_init_script(RECORD)
    page.goto("/")
    page.route("**/uploads", lambda route: None)  # The rows stay.
    page.set_input_files("#file-input", [huge, small])
    expect(upload_row(page, small.name).locator("canvas")).to_have_count(1)
    # Its size was read from its header, and it would have been decoded right after that.
    page.wait_for_function("size => read.includes(size)", arg=huge.stat().st_size)
    assert page.evaluate("decoded") == [small.stat().st_size]
    expect(upload_row(page, huge.name).locator("canvas")).to_have_count(0)
    page.unroute_all(behavior="ignoreErrors")


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "contains characters that are not allowed"),
        ("de", "enthält unzulässige Zeichen"),
    ],
)
def test_an_invalid_name_is_explained_in_the_language_of_the_page(
    page: Page, tmp_path: Path, language: str, sentence: str
) -> None:
    page.set_extra_http_headers({"Accept-Language": language})
    page.goto("/")
    path = tmp_path / "line\nbreak.txt"
    path.write_bytes(b"x")
    page.set_input_files("#file-input", path)
    expect(page.locator("[data-upload-row]")).to_contain_text(sentence)
