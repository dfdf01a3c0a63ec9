"""Pausing loses nothing that was sent, and a large file does not keep small ones waiting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import MIB, make_file, visitor
from tests.browser.faults.helpers import arrived, assert_stored, choose, stop_after, unfinished
from tests.browser.test_page import row, unique, upload_row
from tests.support.installation import Installation
from tests.support.proxy import Request, parts
from tests.support.waiting import wait_for

#: Bytes per second of 10 Mbit/s.
TEN_MEGABITS = 1_250_000


def large(request: Request) -> bool:
    return parts(request) and request.size > MIB


def pause(page: Page, path: Path) -> None:
    upload_row(page, path.name).locator("[data-action=pause]").click()


def expect_state(page: Page, path: Path, state: str) -> None:
    expect(upload_row(page, path.name)).to_have_attribute("data-state", state)


def in_flight(installation: Installation) -> list[Request]:
    return [request for request in installation.s3.requests(large) if not request.over]


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("size", "held"),
    [
        (60 * MIB, 10 * MIB),
        pytest.param(7 * MIB, 0, id="one request", marks=pytest.mark.exhaustive),
    ],
)
def test_a_pause_lets_the_requests_in_flight_end(
    page: Page, installation: Installation, tmp_path: Path, size: int, held: int
) -> None:
    file = make_file(tmp_path / unique("pause.bin"), size)
    stop_after(installation, held)
    choose(page, file)
    wait_for(lambda: arrived(installation) >= held and in_flight(installation))
    pause(page, file)
    expect_state(page, file, "pausing")
    expect(upload_row(page, file.name)).to_contain_text("Pausing…")
    installation.s3.release()
    if held:
        expect_state(page, file, "paused")
        assert installation.s3.is_quiet()
        [had] = unfinished(installation).values()
        assert had == installation.s3.sent() < size
        upload_row(page, file.name).locator("[data-action=resume]").click()
    assert_stored(page, installation, file)
    # Not a byte was sent twice.
    assert installation.s3.sent() == size


@pytest.mark.exhaustive
def test_a_second_click_stops_at_once(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("stop.bin"), 20 * MIB)
    stop_after(installation, 5 * MIB)
    choose(page, file)
    wait_for(lambda: arrived(installation) >= 5 * MIB and in_flight(installation))
    pause(page, file)
    expect_state(page, file, "pausing")
    button = upload_row(page, file.name).get_by_role("button", name="Stop the upload of")
    expect(button).to_contain_text("Stop now")
    button.click()
    # Although the requests are still held.
    expect_state(page, file, "paused")
    installation.s3.release()
    wait_for(installation.s3.is_quiet)
    upload_row(page, file.name).locator("[data-action=resume]").click()
    assert_stored(page, installation, file)


@pytest.mark.exhaustive
def test_a_pause_ends_although_a_part_in_flight_fails(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("fails.bin"), 30 * MIB)
    stop_after(installation, 10 * MIB)
    choose(page, file)
    wait_for(lambda: arrived(installation) >= 10 * MIB and in_flight(installation))
    pause(page, file)
    expect_state(page, file, "pausing")
    installation.s3.refuse()
    installation.s3.release()
    expect_state(page, file, "paused")
    installation.s3.accept()
    upload_row(page, file.name).locator("[data-action=resume]").click()
    assert_stored(page, installation, file)


@pytest.mark.exhaustive
def test_an_upload_that_is_pausing_can_be_cancelled(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("cancel.bin"), 30 * MIB)
    stop_after(installation, 10 * MIB)
    choose(page, file)
    wait_for(lambda: arrived(installation) >= 10 * MIB and in_flight(installation))
    pause(page, file)
    expect_state(page, file, "pausing")
    upload_row(page, file.name).locator("[data-action=cancel]").click()
    expect_state(page, file, "cancelled")
    installation.s3.release()
    wait_for(lambda: not unfinished(installation))


@pytest.mark.exhaustive
@pytest.mark.parametrize("videos", [1, 15])
def test_a_photo_does_not_wait_for_a_video(
    page: Page, installation: Installation, tmp_path: Path, videos: int
) -> None:
    files = [make_file(tmp_path / unique(f"video {n}.bin"), 40 * MIB) for n in range(videos)]
    photo = make_file(tmp_path / unique("photo.bin"), 40_000)
    installation.s3.hold(large)
    page.set_input_files("#file-input", files)
    wait_for(lambda: len(in_flight(installation)) >= 2)
    choose(page, photo)
    expect(row(page, photo.name)).to_have_count(1)
    # Every part of the videos is still held.
    assert arrived(installation) == 40_000
    for file in files:
        upload_row(page, file.name).locator("[data-action=cancel]").click()
    installation.s3.release()
    wait_for(installation.s3.is_quiet)


@pytest.fixture
def with_usual_parts(tmp_path: Path) -> Iterator[Installation]:
    """An installation with the default sizes."""
    running = Installation(tmp_path / "installation")
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.mark.exhaustive
@pytest.mark.parametrize("reloads", [False, True], ids=["pause", "reload"])
def test_at_10_mbit_s_little_is_sent_twice(
    chromium: Browser, with_usual_parts: Installation, tmp_path: Path, reloads: bool
) -> None:
    s3 = with_usual_parts.s3
    size = 75_000_000
    file = make_file(tmp_path / unique("video.bin"), size)

    def open_page(context: BrowserContext) -> Page:
        page = context.new_page()
        page.goto("/")
        return page

    with visitor(chromium, with_usual_parts) as context:
        page = open_page(context)
        s3.bandwidth = TEN_MEGABITS
        choose(page, file)
        wait_for(lambda: s3.sent() >= size * 0.34, 90)
        # Parts of S3's smallest size, two at a time: each takes about ten seconds.
        assert {request.size for request in s3.requests(parts)} == {5 * MIB}
        assert len(in_flight(with_usual_parts)) <= 2
        if reloads:
            page.close(run_before_unload=False)
            page = open_page(context)
            choose(page, file)
        else:
            pause(page, file)
            expect_state(page, file, "paused")
            assert s3.is_quiet()
            upload_row(page, file.name).locator("[data-action=resume]").click()
        wait_for(lambda: s3.sent() >= size * 0.5, 90)
        s3.bandwidth = None
        expect(row(page, file.name)).to_have_count(1)
    lost = s3.sent() - size
    assert lost <= (10 * MIB if reloads else 0)
