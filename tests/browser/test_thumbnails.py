"""The list shows thumbnails from S3, and icons where there is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_page import unique
from tests.support.waiting import wait_for
from tests.thumbnails.samples import encoded, halves

PICTURE = "img.tile-thumbnail"
SIZE = "img => img.complete && `${img.naturalWidth}x${img.naturalHeight}`"


def row(page: Page, name: str) -> Locator:
    return page.locator(f"[data-file-row][data-name='{name}']")


@pytest.mark.exhaustive
def test_an_uploaded_picture_is_shown_in_the_list_and_its_icon_if_that_fails(page: Page) -> None:
    name = f"{unique('picture')}.png"
    picture = encoded(halves(800, 600), "PNG")
    page.set_input_files(
        "#file-input",
        [
            {"name": name, "mimeType": "image/png", "buffer": picture},
            {"name": f"{name}.txt", "mimeType": "text/plain", "buffer": b"hello"},
        ],
    )
    # Reloading before both are stored would end the uploads.
    expect(row(page, name)).to_be_visible()
    expect(row(page, f"{name}.txt")).to_be_visible()

    def is_shown() -> bool:
        page.reload()
        return row(page, name).locator(PICTURE).count() == 1

    wait_for(is_shown, every=0.5)
    shown = row(page, name).locator(PICTURE)
    wait_for(lambda: shown.evaluate(SIZE) == "320x240")
    expect(row(page, name).locator("svg").first).to_be_hidden()
    assert shown.get_attribute("alt") == ""
    # Other types keep their icon.
    expect(row(page, f"{name}.txt").locator(PICTURE)).to_have_count(0)
    expect(row(page, f"{name}.txt").locator("svg").first).to_be_visible()
    wait_for(lambda: is_cached(page, name))
    page.route("**/thumbnails/**", lambda route: route.abort())
    page.reload()
    expect(row(page, name).locator(PICTURE)).to_have_count(0)
    expect(row(page, name).locator("svg").first).to_be_visible()


def is_cached(page: Page, name: str) -> bool:
    """Whether the page, loaded again, shows the picture without asking S3 for it.

    Its address must not be just of this second. Now and then it changes, and is loaded once more.
    """
    cached: list[str] = []
    requested: dict[str, str] = {}
    network = page.context.new_cdp_session(page)
    network.on(
        "Network.requestWillBeSent",
        lambda event: requested.update({event["requestId"]: event["request"]["url"]}),
    )
    network.on("Network.requestServedFromCache", lambda event: cached.append(event["requestId"]))
    network.send("Network.enable")
    page.reload()
    shown = row(page, name).locator(PICTURE)
    wait_for(lambda: shown.evaluate(SIZE) == "320x240")
    network.detach()
    url = shown.get_attribute("src") or ""
    date = parse_qs(urlsplit(url).query)["X-Amz-Date"][0]
    signed = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    is_older = datetime.now(UTC) - signed > timedelta(seconds=3)
    return is_older and url in [requested.get(each) for each in cached]
