"""Failures on the way to S3. The file must arrive undamaged, exactly once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import MIB, Profile, checksum, make_file, visitor
from tests.browser.test_page import row, unique, upload_row
from tests.support.installation import SMALL_PART, THRESHOLD, Installation, with_small_parts
from tests.support.proxy import Fault, Request, parts
from tests.support.users import PASSWORD
from tests.support.waiting import wait_for

#: Seconds; more than a part takes on a slow machine.
EXPIRY = 5
IN_ONE_REQUEST = pytest.param(MIB, id="one request", marks=pytest.mark.exhaustive)


@pytest.fixture(autouse=True)
def _nothing_unfinished(installation: Installation) -> Iterator[None]:
    """Abort what a test has left unfinished, so that the next one does not see it."""
    installation.abort_unfinished()
    yield
    installation.abort_unfinished()


def choose(page: Page, path: Path) -> None:
    page.set_input_files("#file-input", path)


def arrived(installation: Installation) -> int:
    """Bytes that S3 has confirmed."""
    return sum(request.size for request in installation.s3.requests(parts) if request.status == 200)


def stop_after(installation: Installation, size: int) -> Fault:
    """Hold back further parts once S3 has confirmed so many bytes, until `release`.

    This gives a test any amount of time in the middle of an upload.
    """
    return installation.s3.hold(lambda request: parts(request) and arrived(installation) >= size)


def unfinished(installation: Installation) -> dict[str, int]:
    """The incomplete multipart uploads in the bucket, with the bytes of each."""
    sizes = {}
    for upload in installation.bucket.multipart_uploads.all():
        # It may end between the two requests.
        with contextlib.suppress(upload.meta.client.exceptions.NoSuchUpload):
            sizes[upload.id] = sum(part.size for part in upload.parts.all())
    return sizes


def keys(installation: Installation) -> set[str]:
    return {entry.key for entry in installation.bucket.objects.all()}


def assert_stored(page: Page, installation: Installation, path: Path) -> dict[str, Any]:
    """The page lists the file once, and its record and its bytes are those of the file on disk."""
    expect(row(page, path.name)).to_have_count(1)
    [file] = installation.files(path.name)
    body = path.read_bytes()
    assert file["size"] == len(body)
    assert file["checksum"] == checksum(path, SMALL_PART if len(body) > THRESHOLD else None)
    assert (
        hashlib.sha256(installation.download(file["id"])).digest() == hashlib.sha256(body).digest()
    )
    assert unfinished(installation) == {}
    return file


def test_after_a_crash_only_what_is_missing_is_sent(
    profile: Profile, installation: Installation, tmp_path: Path
) -> None:
    size = 60 * MIB
    file = make_file(tmp_path / unique("crash.bin"), size)
    page = profile.open()
    installation.s3.bandwidth = 40 * MIB
    stop_after(installation, 20 * MIB)
    choose(page, file)
    wait_for(lambda: arrived(installation) >= 20 * MIB)
    profile.kill()
    installation.s3.release()
    wait_for(installation.s3.is_quiet)
    [had] = unfinished(installation).values()
    assert 20 * MIB <= had < size
    installation.reset()
    page = profile.open()
    choose(page, file)
    assert_stored(page, installation, file)
    assert installation.s3.sent() == size - had


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", ["the browser knows", "the browser does not know"])
def test_ten_seconds_without_a_connection(
    page: Page, context: BrowserContext, installation: Installation, tmp_path: Path, kind: str
) -> None:
    file = make_file(tmp_path / unique("offline.bin"), 60 * MIB)
    installation.s3.bandwidth = 20 * MIB
    stop_after(installation, 20 * MIB)
    choose(page, file)
    wait_for(lambda: arrived(installation) >= 20 * MIB)
    knows = kind == "the browser knows"
    if knows:
        context.set_offline(True)
    else:
        installation.s3.refuse()
    installation.s3.release()
    page.wait_for_timeout(10_000)
    assert arrived(installation) < 60 * MIB
    if knows:
        context.set_offline(False)
    else:
        installation.s3.accept()
    assert_stored(page, installation, file)


@pytest.fixture
def short_lived(tmp_path: Path) -> Iterator[Installation]:
    """An installation whose signatures expire soon."""
    with with_small_parts(tmp_path / "installation", FILEHUB_URL_EXPIRY=str(EXPIRY)) as running:
        yield running


@pytest.mark.exhaustive
def test_failures_cuts_and_expired_signatures_at_the_same_time(
    chromium: Browser, short_lived: Installation, tmp_path: Path
) -> None:
    s3 = short_lived.s3
    file = make_file(tmp_path / unique("trouble.bin"), 100 * MIB)
    with visitor(chromium, short_lived) as context:
        page = context.new_page()
        page.goto("/")
        s3.bandwidth = 40 * MIB
        s3.fail_every(5, 503, parts)
        s3.cut_every(7, parts)
        held = stop_after(short_lived, 40 * MIB)
        choose(page, file)
        wait_for(lambda: held.struck)
        # Signatures know nothing but the clock.
        page.wait_for_timeout((EXPIRY + 1) * 1000)
        s3.release()
        assert_stored(page, short_lived, file)
    seen = s3.requests(parts)
    assert {request.status for request in seen} == {200, 403, 503, None}
    assert {"fail", "cut", "hold"} <= {request.fault for request in seen}


@pytest.mark.parametrize("size", [IN_ONE_REQUEST, pytest.param(10 * MIB, id="parts")])
def test_connections_that_break_again_and_again(
    page: Page, installation: Installation, tmp_path: Path, size: int
) -> None:
    # Chromium itself retries requests on broken keep-alive connections, once per connection. With
    # so many failures in a row, the page sees some of them.
    cuts = installation.s3.cut_every(1, parts, times=6)
    file = make_file(tmp_path / unique("cut.bin"), size)
    choose(page, file)
    assert_stored(page, installation, file)
    assert cuts.struck == 6


@pytest.mark.exhaustive
def test_the_server_in_trouble(page: Page, installation: Installation, tmp_path: Path) -> None:
    def of_uploads(request: Request) -> bool:
        return request.path.startswith("/uploads")

    file = make_file(tmp_path / unique("server.bin"), 30 * MIB)
    installation.web.fail_every(3, 503, of_uploads)
    installation.web.cut_every(5, of_uploads)
    choose(page, file)
    assert_stored(page, installation, file)


@pytest.mark.parametrize("size", [IN_ONE_REQUEST, pytest.param(20 * MIB, id="parts")])
def test_a_byte_flipped_on_the_way_is_refused_and_sent_again(
    page: Page, installation: Installation, tmp_path: Path, size: int
) -> None:
    file = make_file(tmp_path / unique("flip.bin"), size)
    installation.s3.flip_every(1, parts, times=1)
    choose(page, file)
    assert_stored(page, installation, file)
    seen = installation.s3.requests(parts)
    assert [request.status for request in seen if request.fault == "flip"] == [400]
    assert {request.status for request in seen if not request.fault} == {200}
    resent = min(size, SMALL_PART)
    assert installation.s3.sent() == size + resent


@pytest.mark.parametrize("size", [MIB, 20 * MIB], ids=["one request", "parts"])
def test_lost_answers_do_not_create_a_second_file(
    page: Page, installation: Installation, tmp_path: Path, size: int
) -> None:
    file = make_file(tmp_path / unique("lost.bin"), size)
    installation.s3.lose_every(1, parts, times=1)
    installation.web.lose_every(1, lambda r: r.path.endswith("/complete"), times=1)
    choose(page, file)
    assert_stored(page, installation, file)


@pytest.mark.exhaustive
def test_two_tabs_with_the_same_file(
    context: BrowserContext, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("tabs.bin"), 40 * MIB)
    installation.s3.bandwidth = 40 * MIB
    # A row leaves soon after its file is stored.
    installation.s3.hold(parts)
    tabs = [context.new_page(), context.new_page()]
    for tab in tabs:
        tab.goto("/")
    for tab in tabs:
        choose(tab, file)
    for tab in tabs:
        expect(upload_row(tab, file.name)).to_have_count(1)
    installation.s3.release()
    for tab in tabs:
        unstored = tab.locator(
            f'[data-upload-row][data-name="{file.name}"]:not([data-state=stored])'
        )
        expect(unstored).to_have_count(0)
    files = installation.files(file.name)
    assert len(files) in {1, 2}
    body = file.read_bytes()
    for entry in files:
        assert installation.download(entry["id"]) == body
    assert unfinished(installation) == {}
    # Only one of them sent it.
    assert installation.s3.sent() == len(body)


@pytest.mark.exhaustive
def test_a_tab_that_is_closed_leaves_the_rest_to_the_other(
    context: BrowserContext, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("closed.bin"), 60 * MIB)
    installation.s3.bandwidth = 20 * MIB
    stop_after(installation, 20 * MIB)
    first, second = context.new_page(), context.new_page()
    for tab in (first, second):
        tab.goto("/")
        choose(tab, file)
        expect(upload_row(tab, file.name)).to_have_count(1)
    wait_for(lambda: arrived(installation) >= 20 * MIB)
    first.close(run_before_unload=False)
    installation.s3.release()
    assert_stored(second, installation, file)
    # The second tab did not send what S3 had confirmed to the first. Only parts that were in flight
    # when the tab was closed may arrive twice.
    assert 60 * MIB <= arrived(installation) <= 60 * MIB + 6 * SMALL_PART


def test_an_upload_cancelled_halfway_leaves_nothing_in_the_bucket(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    before = keys(installation)
    file = make_file(tmp_path / unique("cancel.bin"), 60 * MIB)
    installation.s3.bandwidth = 20 * MIB
    stop_after(installation, 10 * MIB)
    choose(page, file)
    wait_for(lambda: arrived(installation) >= 10 * MIB)
    upload_row(page, file.name).locator("[data-action=cancel]").click()
    expect(upload_row(page, file.name)).to_have_attribute("data-state", "cancelled")
    installation.s3.release()
    wait_for(lambda: not unfinished(installation))
    wait_for(installation.s3.is_quiet)
    assert unfinished(installation) == {}
    assert keys(installation) <= before


@pytest.mark.exhaustive
@pytest.mark.parametrize("stays", [True, False], ids=["same page", "next visit"])
def test_an_upload_cancelled_offline_is_removed_once_there_is_a_connection(
    context: BrowserContext, installation: Installation, tmp_path: Path, stays: bool
) -> None:
    before = keys(installation)
    file = make_file(tmp_path / unique("cancel.bin"), 60 * MIB)
    installation.s3.bandwidth = 20 * MIB
    stop_after(installation, 10 * MIB)
    page = context.new_page()
    page.goto("/")
    choose(page, file)
    wait_for(lambda: arrived(installation) >= 10 * MIB)
    context.set_offline(True)
    # By the time of this request, the journal has the upload for the next visit.
    with page.expect_event("requestfailed", lambda request: request.method == "DELETE"):
        upload_row(page, file.name).locator("[data-action=cancel]").click()
    expect(upload_row(page, file.name)).to_have_attribute("data-state", "cancelled")
    installation.s3.release()
    wait_for(installation.s3.is_quiet)
    assert unfinished(installation)
    if not stays:
        page.close(run_before_unload=False)
    context.set_offline(False)
    if not stays:
        context.new_page().goto("/")
    wait_for(lambda: not unfinished(installation))
    assert keys(installation) <= before


@pytest.mark.exhaustive
def test_resuming_after_a_pause_sends_only_what_s3_lacks(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    size = 100 * MIB
    file = make_file(tmp_path / unique("pause.bin"), size)
    installation.s3.bandwidth = 40 * MIB
    stop_after(installation, 40 * MIB)
    choose(page, file)
    wait_for(lambda: arrived(installation) >= 40 * MIB)
    upload_row(page, file.name).locator("[data-action=pause]").click()
    expect(upload_row(page, file.name)).to_have_attribute("data-state", "paused")
    installation.s3.release()
    wait_for(installation.s3.is_quiet)
    [had] = unfinished(installation).values()
    assert 40 * MIB <= had < size
    installation.reset()
    upload_row(page, file.name).locator("[data-action=resume]").click()
    assert_stored(page, installation, file)
    assert installation.s3.sent() == size - had


def rewrite_middle(path: Path, offset: int) -> None:
    """Change a byte; name, size and time of change stay what they were."""
    times = path.stat()
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.exhaustive
def test_a_file_that_changed_in_its_middle_is_resumed_as_it_is_now(
    context: BrowserContext, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("changed.bin"), 40 * MIB)
    installation.s3.bandwidth = 20 * MIB
    stop_after(installation, 20 * MIB)
    page = context.new_page()
    page.goto("/")
    choose(page, file)
    wait_for(lambda: arrived(installation) >= 20 * MIB)
    page.close(run_before_unload=False)
    installation.s3.release()
    wait_for(installation.s3.is_quiet)
    rewrite_middle(file, 7 * MIB)
    installation.reset()
    page = context.new_page()
    page.goto("/")
    choose(page, file)
    assert_stored(page, installation, file)


@pytest.mark.exhaustive
@pytest.mark.parametrize("size", [4 * MIB, 20 * MIB], ids=["one request", "parts"])
def test_a_stored_file_is_not_sent_again_unless_it_changed(
    context: BrowserContext, installation: Installation, tmp_path: Path, size: int
) -> None:
    file = make_file(tmp_path / unique("again.bin"), size)

    def choose_it() -> Page:
        page = context.new_page()
        page.goto("/")
        choose(page, file)
        return page

    assert_stored(choose_it(), installation, file)
    installation.reset()
    expect(upload_row(choose_it(), file.name).locator("[data-action=again]")).to_be_visible()
    assert installation.s3.sent() == 0
    rewrite_middle(file, 2 * MIB)
    page = choose_it()
    expect(row(page, file.name)).to_have_count(2)
    newest = installation.files(file.name)[0]
    body = hashlib.sha256(file.read_bytes()).digest()
    assert hashlib.sha256(installation.download(newest["id"])).digest() == body


def test_a_deleted_file_is_sent_again(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("deleted.bin"), MIB)
    choose(page, file)
    expect(row(page, file.name)).to_have_count(1)
    # The record is updated later, but the user does not wait for that.
    row(page, file.name).get_by_role("button", name="Delete").click()
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as answer:
        page.locator("#confirm-dialog [data-confirm]").click()
    answer.value.finished()
    installation.reset()
    choose(page, file)
    # Wait until S3 has confirmed it, so that it does not appear during the next test.
    wait_for(lambda: arrived(installation) == MIB)
    assert installation.s3.sent() == MIB


def test_a_user_who_signs_in_does_not_get_the_rest_of_another_users_upload(
    context: BrowserContext, installation: Installation, tmp_path: Path
) -> None:
    eve = f"eve-{uuid.uuid4().hex[:8]}"
    installation.manage(
        "shell",
        "--no-imports",
        "-c",
        "from django.contrib.auth.models import User; "
        f"User.objects.create_user({eve!r}, password={PASSWORD!r})",
    )
    file = make_file(tmp_path / unique("mine.bin"), 40 * MIB)
    installation.s3.bandwidth = 10 * MIB
    stop_after(installation, 10 * MIB)
    page, other = context.new_page(), context.new_page()
    for tab in (page, other):
        tab.goto("/")
    choose(page, file)
    wait_for(lambda: arrived(installation) >= 10 * MIB)
    other.get_by_role("button", name="Sign out").click()
    other.get_by_label("Username").fill(eve)
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    other.wait_for_selector("#choose-files")
    installation.s3.release()
    expect(upload_row(page, file.name)).to_have_attribute("data-state", "failed")
    expect(page.locator("#session-notice")).to_be_visible()
    other.reload()
    expect(row(other, file.name)).to_have_count(0)
    assert len(unfinished(installation)) == 1
