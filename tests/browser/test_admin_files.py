"""The pages about files in the admin, in a real browser."""

from __future__ import annotations

import json
import re
import struct
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_page import unique
from tests.support.accessibility import check_accessibility
from tests.support.http import send
from tests.support.installation import Installation
from tests.support.sample_files import wav
from tests.support.waiting import wait_for

LIST = "/admin/uploads/file/"


@pytest.fixture
def page(tab: Page) -> Page:
    return tab


def png() -> bytes:
    """One red pixel (PNG specification, 3rd edition, section 5)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0\xff\0\0")
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def store(installation: Installation, name: str, body: bytes, type_: str = "text/plain") -> str:
    """Upload through the API and wait until the file is stored."""
    file = {"file_name": name, "content_type": type_, "size": len(body)}
    begun = installation.api("/get-url", "POST", file)
    assert send("PUT", begun["url"], body, begun["headers"]).status == 200
    wait_for(lambda: installation.api(f"/uploads/{begun['id']}")["state"] == "stored")
    return str(begun["id"])


def files(page: Page) -> Locator:
    return page.locator("#result_list tbody tr")


def names(page: Page) -> list[str]:
    page.wait_for_load_state()  # a click only waits until the new page starts to load
    return page.locator("#result_list .field-name").all_inner_texts()


def search(page: Page, text: str) -> None:
    page.get_by_label("Name or id").fill(text)
    page.get_by_role("button", name="Search").click()
    page.wait_for_load_state()  # Django's script must be listening before a box is ticked


@pytest.mark.exhaustive
def test_files_are_found_by_name_id_and_key(page: Page, installation: Installation) -> None:
    name = unique("<b>found</b>.txt")
    file_id = store(installation, name, b"x")
    page.goto(LIST)
    for text in (name[:12].upper(), file_id, f"uploads/{file_id[-1]}/{file_id}"):
        search(page, text)
        expect(files(page)).to_have_count(1)
        assert names(page) == [name]
    search(page, "no file begins so")
    expect(page.get_by_text("No matching files.")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("link", name="Show all files").click()
    expect(files(page).first).to_be_visible()
    check_accessibility(page)


@pytest.mark.exhaustive
def test_filters_narrow_the_list_and_can_be_combined(
    page: Page, installation: Installation
) -> None:
    image = unique("filtered.png")
    store(installation, image, png(), "image/png")
    page.goto(LIST)
    panel = page.locator("#changelist-filter")
    panel.get_by_role("link", name="Images").click()
    expect(
        page.get_by_text(re.compile(r"\d+ files? w(as|ere) searched for this page, newest first\."))
    ).to_be_visible()
    panel.get_by_label("Username").fill("demo")
    panel.get_by_role("button", name="Apply filter").first.click()
    panel.get_by_role("link", name="Today").click()
    assert {"kind=image", "owner=demo"} <= set(page.url.partition("?")[2].split("&"))
    assert image in names(page)
    assert set(page.locator(".field-content_type").all_inner_texts()) == {"image/png"}
    check_accessibility(page)
    panel.get_by_role("link", name="rejected").click()
    expect(files(page).filter(has_text=image)).to_have_count(0)
    panel.get_by_role("link", name="Clear all filters").click()
    assert image in names(page)


@pytest.mark.exhaustive
def test_paging_works_in_both_directions(page: Page, installation: Installation) -> None:
    installation.manage("seed", "300", "--days", "20", "--seed", "1")
    # Reconciliation removes the newest of them, which have no objects.
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    page.goto(f"{LIST}?to={yesterday}")
    # Names of files may have these words, too.
    links = page.get_by_role("navigation", name="Pages")
    pages = [names(page)]
    while links.get_by_role("link", name="Older").count():
        links.get_by_role("link", name="Older").click()
        pages.append(names(page))
    assert len(pages) >= 3
    assert {len(rows) for rows in pages[:-1]} == {100}
    for expected in pages[-2::-1]:
        links.get_by_role("link", name="Newer").click()
        assert names(page) == expected
    links.get_by_role("link", name="Older").click()
    links.get_by_role("link", name="Newest").click()
    assert names(page) == pages[0]


PREVIEWS = {
    "image/png": ("img", png()),
    "text/html": ("pre", b"<script>document.title = 'hacked'</script>"),
    "application/pdf": ("iframe", b"%PDF-1.4\n"),
    "audio/wav": ("audio", wav()),
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("type_", PREVIEWS)
def test_a_file_has_a_preview_from_s3_and_a_timeline(
    page: Page, installation: Installation, type_: str
) -> None:
    element, body = PREVIEWS[type_]
    name = unique("<img src=x onerror=alert(1)>")
    file_id = store(installation, name, body, type_)
    page.goto(f"{LIST}{file_id}/change/")
    shown = page.locator(f".file-preview {element}")
    expect(shown).to_be_visible()
    if element == "pre":
        expect(shown).to_contain_text("<script>document.title")
    else:
        assert str(shown.get_attribute("src")).startswith(installation.s3.url)
    assert "hacked" not in page.title()
    expect(page.locator(".file-timeline li")).to_have_count(3)
    expect(page.locator("h1")).to_have_text(name)
    if element in {"img", "audio"}:
        check_accessibility(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes() == body
    page.reload()
    expect(page.locator(".file-timeline li").last).to_contain_text("Download signed for demo")


@pytest.mark.exhaustive
def test_several_files_are_deleted_at_once(page: Page, installation: Installation) -> None:
    prefix = unique("")
    ids = [store(installation, f"{prefix}{n}.txt", b"x") for n in range(3)]
    page.goto(LIST)
    search(page, prefix)
    expect(files(page)).to_have_count(3)
    page.locator("#action-toggle").check()
    expect(page.get_by_text("3 of 3 selected")).to_be_visible()
    files(page).first.get_by_role("checkbox").uncheck()
    page.get_by_label("Action:").select_option("delete_files")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_role("heading", name="Delete files")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("link", name="No, take me back").click()
    search(page, prefix)
    page.locator("#action-toggle").check()
    files(page).first.get_by_role("checkbox").uncheck()
    page.get_by_label("Action:").select_option("delete_files")
    page.get_by_role("button", name="Go").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.locator(".messagelist")).to_contain_text("2 files are being deleted")

    def left() -> list[str]:
        page.goto(f"{LIST}?q={prefix}")
        return names(page)

    wait_for(lambda: left() == [f"{prefix}2.txt"])
    assert [
        o.key for o in installation.bucket.objects.filter(Prefix=f"uploads/{ids[0][-1]}/{ids[0]}")
    ] == []
    page.goto("/admin/")
    expect(page.locator("#recent-actions-module")).to_contain_text(f"{prefix}0.txt")


@pytest.mark.exhaustive
def test_a_file_is_checked_and_its_owner_changed(page: Page, installation: Installation) -> None:
    installation.manage(
        "shell", "--no-imports", "-c",
        "from django.contrib.auth import get_user_model as m;"
        "m().objects.filter(username='carol').exists() or m().objects.create_user('carol')",
    )  # fmt: skip
    file_id = store(installation, unique("reassigned.txt"), b"x")
    page.goto(f"{LIST}{file_id}/change/")
    page.get_by_role("button", name="Check again").click()
    page.get_by_role("button", name="Check").click()
    expect(page.locator(".messagelist")).to_contain_text("1 file was checked.")
    page.goto(f"{LIST}{file_id}/change/")
    page.get_by_role("button", name="Change the owner").click()
    page.get_by_label("New owner").fill("nobody")
    page.get_by_role("button", name="Change the owner").click()
    expect(page.get_by_role("alert")).to_have_text("User “nobody” does not exist.")
    check_accessibility(page)
    page.get_by_label("New owner").fill("carol")
    page.get_by_role("button", name="Change the owner").click()
    expect(page.locator(".messagelist")).to_contain_text("1 file now belongs to carol.")
    page.goto(f"{LIST}{file_id}/change/")
    expect(page.locator(".file-timeline")).to_contain_text("Owner changed to carol by demo")
    page.get_by_role("link", name="All files of this owner").click()
    expect(files(page)).to_have_count(1)


@pytest.mark.exhaustive
def test_a_manifest_comes_as_a_file(page: Page, installation: Installation) -> None:
    name = unique("=cmd|' /C calc'!A0.csv")
    store(installation, name, b"x")
    page.goto(f"{LIST}?q={name[:8]}")
    page.locator("#action-toggle").check()
    page.get_by_label("Action:").select_option("download_manifest")
    with page.expect_download() as download:
        page.get_by_role("button", name="Go").click()
    assert name in download.value.path().read_text()


@pytest.mark.exhaustive
def test_everything_works_with_the_keyboard(page: Page, installation: Installation) -> None:
    name = unique("keys.txt")
    store(installation, name, b"x")
    page.goto(LIST)
    page.get_by_label("Name or id").focus()
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    # Pressing a key does not wait for the new page, and the old list may have had one file too.
    page.wait_for_url(re.compile(r"\?q="))
    expect(files(page)).to_have_count(1)
    page.locator("#action-toggle").focus()
    page.keyboard.press("Space")
    page.get_by_label("Action:").focus()
    page.keyboard.type("Check")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Check").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".messagelist")).to_contain_text("1 file was checked.")


@pytest.mark.exhaustive
def test_nothing_scrolls_sideways_on_a_phone(page: Page, installation: Installation) -> None:
    file_id = store(installation, unique("w" * 200), b"x")
    page.set_viewport_size({"width": 360, "height": 740})
    for path in (LIST, f"{LIST}{file_id}/change/", f"{LIST}{file_id}/delete/"):
        page.goto(path)
        width: Any = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360, json.dumps({path: width})
