"""A user chooses a destination for their uploads."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import sign_in, watch
from tests.browser.test_page import unique
from tests.support.accessibility import check_accessibility
from tests.support.installation import Installation
from tests.support.sample_files import png
from tests.support.waiting import wait_for


@pytest.fixture
def member(chromium: Browser, installation: Installation) -> Iterator[BrowserContext]:
    """The browser of a user who is in the group of the destinations."""
    name = f"press-{uuid.uuid4().hex[:8]}"
    installation.create_user(name, "press")
    with chromium.new_context(base_url=installation.url) as context:
        problems = watch(context)
        sign_in(context, name)
        yield context
    assert problems == []


@pytest.mark.exhaustive
def test_a_destination_is_chosen_with_the_keyboard_and_remembered_in_this_tab(
    member: BrowserContext,
) -> None:
    page = member.new_page()
    page.goto("/")
    select, hint = page.get_by_label("Destination"), page.locator("#destination-hint")
    expect(select).to_have_value("")
    expect(hint).to_be_empty()
    select.focus()
    page.keyboard.press("P")
    expect(select).to_have_value("photos")
    expect(hint).to_have_text(
        "Up to 1\N{NO-BREAK SPACE}MB each. Only image/*. In the folder Archive."
    )
    check_accessibility(page)
    page.reload()
    expect(select).to_have_value("photos")
    other = member.new_page()
    other.goto("/")
    expect(other.get_by_label("Destination")).to_have_value("")
    other.close()

    text, picture = unique("note.txt"), unique("picture.png")
    page.set_input_files(
        "#file-input",
        [
            {"name": text, "mimeType": "text/plain", "buffer": b"hello"},
            {"name": picture, "mimeType": "image/png", "buffer": png()},
        ],
    )
    expect(page.locator("[data-upload-row]").filter(has_text=text)).to_contain_text("image/*")
    listed = "fetch('/files?folder=Archive').then((response) => response.json())"
    (file,) = wait_for(lambda: page.evaluate(listed))
    detail = page.evaluate("(id) => fetch(`/files/${id}`).then((r) => r.json())", file["id"])
    assert (detail["file_name"], detail["destination"]) == (picture, "photos")


def test_without_destinations_there_is_no_choice(page: Page) -> None:
    expect(page.locator("#drop-zone")).to_be_visible()
    expect(page.get_by_label("Destination")).to_have_count(0)
