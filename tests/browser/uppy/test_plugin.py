"""filehub's plugin for Uppy, with the Dashboard and Golden Retriever of Uppy 5 and 6 from npm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.conftest import MIB, checksum, make_file
from tests.browser.faults.helpers import arrived, stop_after, unfinished
from tests.browser.test_page import unique
from tests.browser.uppy.packages import VERSIONS
from tests.browser.uppy.pages import Dashboard, example, open_page, session, signed_in
from tests.browser.uppy.test_aws_s3 import assert_stored
from tests.support.installation import SMALL_PART, THRESHOLD, Installation
from tests.support.proxy import parts
from tests.support.waiting import wait_for

pytestmark = pytest.mark.exhaustive

LARGE = 5 * SMALL_PART + MIB

Visit = Callable[[], Dashboard]


@pytest.fixture(params=VERSIONS)
def visit(
    request: pytest.FixtureRequest, chromium: Browser, installation: Installation
) -> Iterator[Visit]:
    """Opens the page of the example, or loads it again."""
    script = example("uploader.md", "With Uppy's Dashboard")
    with signed_in(chromium, installation) as context:

        def visit() -> Dashboard:
            known = session(context)
            return open_page(
                context, installation.url, request.param, script, filehub=installation.url,
                meta={"csrf-token": known["csrf_token"], "user": known["user"]},
            )  # fmt: skip

        yield visit


@pytest.fixture
def dashboard(visit: Visit) -> Dashboard:
    return visit()


def informer(dashboard: Dashboard) -> Locator:
    """Where Uppy shows messages."""
    return dashboard.page.locator(".uppy-Informer").first


def assert_verified(installation: Installation, path: Path, folder: str = "") -> None:
    """The file is stored, and S3 has verified its content."""
    assert_stored(installation, path, folder)
    [file] = installation.files(path.name)
    part_size = SMALL_PART if path.stat().st_size > THRESHOLD else None
    assert file["checksum"] == checksum(path, part_size)


def test_files_are_stored_with_checksums_in_their_folders_before_they_are_complete(
    dashboard: Dashboard, installation: Installation, tmp_path: Path
) -> None:
    folder = tmp_path / unique("Fotos")
    (folder / "2026").mkdir(parents=True)
    small = make_file(folder / "2026" / unique("größe & 100 %.bin"), 1000)
    large = make_file(folder / unique("large.bin"), LARGE)
    alone = make_file(tmp_path / unique("alone.txt"), 0)
    dashboard.choose_folder(folder)
    dashboard.choose(alone)
    dashboard.start()
    dashboard.wait("upload-success", 3)
    # Not a moment later: the events of Uppy come after those of S3.
    for entry in dashboard.ended("upload-success"):
        assert installation.api(f"/uploads/{entry['body']['id']}")["state"] == "stored"
    [result] = dashboard.wait("complete")
    assert (result["successful"], result["failed"]) == (3, 0)
    assert_verified(installation, small, f"{folder.name}/2026")
    assert_verified(installation, large, folder.name)
    assert_verified(installation, alone)


def test_parts_are_sent_in_parallel(
    dashboard: Dashboard, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("parallel.bin"), LARGE)
    installation.s3.hold(parts)
    dashboard.choose(file)
    dashboard.start()
    wait_for(lambda: len(installation.s3.requests(parts)) >= 2)
    installation.s3.release()
    dashboard.wait("complete")
    assert_verified(installation, file)


@pytest.mark.parametrize("button", ["Pause", "Pause upload"], ids=["all files", "one file"])
def test_a_pause_sends_nothing_twice(
    dashboard: Dashboard, installation: Installation, tmp_path: Path, button: str
) -> None:
    # More than can be in flight at once.
    size = 12 * SMALL_PART
    file = make_file(tmp_path / unique("paused.bin"), size)
    stop_after(installation, 2 * SMALL_PART)
    dashboard.choose(file)
    dashboard.start()
    wait_for(lambda: arrived(installation) >= 2 * SMALL_PART)
    dashboard.press(button)
    dashboard.wait_until("file.isPaused")
    installation.s3.release()
    wait_for(installation.s3.is_quiet)
    assert dashboard.ended() == []
    had = arrived(installation)
    assert had < size
    dashboard.press(button.replace("Pause", "Resume"))
    dashboard.wait("complete")
    assert_verified(installation, file)
    assert installation.s3.sent() == size


def test_a_pause_that_ends_at_once_goes_on(
    dashboard: Dashboard, installation: Installation, tmp_path: Path
) -> None:
    """Its last requests have not ended yet."""
    file = make_file(tmp_path / unique("briefly.bin"), LARGE)
    stop_after(installation, SMALL_PART)
    dashboard.choose(file)
    dashboard.start()
    wait_for(lambda: arrived(installation) >= SMALL_PART)
    dashboard.press("Pause")
    dashboard.press("Resume")
    installation.s3.release()
    dashboard.wait("complete")
    assert_verified(installation, file)


@pytest.mark.parametrize("button", ["Cancel", "Remove file"], ids=["all files", "one file"])
def test_cancelling_removes_the_parts(
    dashboard: Dashboard, installation: Installation, tmp_path: Path, button: str
) -> None:
    file = make_file(tmp_path / unique("cancelled.bin"), LARGE)
    stop_after(installation, SMALL_PART)
    dashboard.choose(file)
    dashboard.start()
    wait_for(lambda: any(unfinished(installation).values()))
    dashboard.press(button)
    installation.s3.release()
    wait_for(lambda: unfinished(installation) == {})
    expect(dashboard.item(file.name)).to_have_count(0)
    assert installation.files(file.name) == []
    assert dashboard.ended("upload-success") == dashboard.ended("upload-error") == []


def test_a_retry_sends_only_what_is_missing(
    dashboard: Dashboard, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("retried.bin"), LARGE)
    stop_after(installation, 2 * SMALL_PART)
    dashboard.choose(file)
    dashboard.start()
    wait_for(lambda: arrived(installation) >= 2 * SMALL_PART)
    installation.s3.fail_every(1, 403, parts, code="AccessDenied")
    installation.s3.release()
    [error] = dashboard.wait("upload-error")
    assert error["message"].startswith("Storage did not accept this file.")
    had = sum(unfinished(installation).values())
    assert had >= 2 * SMALL_PART
    installation.reset()
    dashboard.press("Retry")
    dashboard.wait("upload-success")
    assert_verified(installation, file)
    assert installation.s3.sent() == LARGE - had


def test_a_rejected_file_fails_with_the_reason(
    dashboard: Dashboard, installation: Installation, tmp_path: Path
) -> None:
    file = tmp_path / unique("page.png")
    file.write_bytes(b"<!doctype html><title>No image</title>")
    dashboard.choose(file)
    dashboard.start()
    [error] = dashboard.wait("upload-error")
    assert "image/png" in error["message"], error
    assert dashboard.ended("upload-success") == []
    [result] = dashboard.wait("complete")
    assert (result["successful"], result["failed"]) == (0, 1)
    expect(informer(dashboard)).to_contain_text(f"Failed to upload {file.name}")


def test_what_the_server_refuses_fails_with_a_sentence(
    dashboard: Dashboard, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("refused.txt"), 1)
    dashboard.choose(file)
    dashboard.page.evaluate("uppy.setFileMeta(uppy.getFiles()[0].id, { name: 'x'.repeat(256) })")
    dashboard.start()
    [error] = dashboard.wait("upload-error")
    assert error["message"].startswith("The name of this file is too long.")


def test_a_name_that_the_user_has_edited_is_stored(
    dashboard: Dashboard, installation: Installation, tmp_path: Path
) -> None:
    name = unique("new name.txt")
    dashboard.choose(make_file(tmp_path / unique("old name.txt"), 1))
    dashboard.page.evaluate("(name) => uppy.setFileMeta(uppy.getFiles()[0].id, { name })", name)
    dashboard.start()
    dashboard.wait("upload-success")
    assert [file["file_name"] for file in installation.files(name)] == [name]


#: What Golden Retriever has written, twice a second: Uppy 5 to localStorage, and 6 to IndexedDB.
WRITTEN = """async () => {
    const text = localStorage.getItem("uppyState:uppy") ?? (await new Promise((resolve) => {
        const opening = indexedDB.open("uppy-blobs");
        opening.onerror = () => resolve("");
        opening.onsuccess = () => {
            const database = opening.result;
            if (!database.objectStoreNames.contains("metadata")) return resolve("");
            const asked = database.transaction("metadata").objectStore("metadata").get("uppy");
            asked.onsuccess = () => { database.close(); resolve(asked.result?.metadata ?? ""); };
        };
    }));
    return text.includes('"uploadStarted"') && text.includes('"currentUploads":{"');
}"""


def wait_until_written(dashboard: Dashboard) -> None:
    """Wait until Golden Retriever knows that the upload has begun."""
    wait_for(lambda: dashboard.page.evaluate(WRITTEN))


def interrupted(visit: Visit, installation: Installation, file: Path) -> tuple[Dashboard, int]:
    """The page after a reload in the middle of an upload, and the bytes that S3 has."""
    dashboard = visit()
    stop_after(installation, 2 * SMALL_PART)
    dashboard.choose(file)
    dashboard.start()
    wait_for(lambda: arrived(installation) >= 2 * SMALL_PART)
    dashboard.wait_until("file.progress.bytesUploaded > 0")
    wait_until_written(dashboard)
    dashboard.page.goto("about:blank")
    installation.s3.release()
    wait_for(installation.s3.is_quiet)
    [had] = unfinished(installation).values()
    installation.reset()
    return visit(), had


def test_after_a_reload_golden_retriever_continues_a_file_that_is_chosen_again(
    visit: Visit, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("ghost.bin"), LARGE)
    dashboard, had = interrupted(visit, installation, file)
    # Larger than what Golden Retriever keeps.
    dashboard.wait_until("file?.isGhost")
    dashboard.choose(file)
    dashboard.wait_until("!file.isGhost")
    dashboard.start()
    dashboard.wait("complete")
    assert_verified(installation, file)
    assert installation.s3.sent() == LARGE - had


def test_a_ghost_that_is_removed_is_removed_from_storage(
    visit: Visit, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("gone.bin"), LARGE)
    dashboard, _ = interrupted(visit, installation, file)
    dashboard.wait_until("file?.isGhost")
    dashboard.page.evaluate("uppy.removeFile(uppy.getFiles()[0].id)")
    wait_for(lambda: unfinished(installation) == {})


def test_after_a_reload_golden_retriever_continues_what_it_has_kept(
    visit: Visit, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("kept.bin"), THRESHOLD + MIB)
    dashboard = visit()
    installation.s3.hold(parts)
    dashboard.choose(file)
    dashboard.start()
    wait_for(lambda: len(installation.s3.requests(parts)) >= 2)
    wait_until_written(dashboard)
    dashboard.page.goto("about:blank")
    installation.reset()
    dashboard = visit()
    dashboard.wait_until("file && !file.isGhost")
    dashboard.start()
    dashboard.wait("complete")
    assert_verified(installation, file)


def test_an_expired_session_waits_until_the_user_has_signed_in_again(
    visit: Visit, installation: Installation, tmp_path: Path
) -> None:
    dashboard = visit()
    context = dashboard.page.context
    file = make_file(tmp_path / unique("session.bin"), LARGE)
    cookies = context.cookies()
    context.clear_cookies()
    dashboard.choose(file)
    dashboard.start()
    expect(informer(dashboard)).to_contain_text("Your session has expired")
    assert dashboard.ended() == []
    context.add_cookies(cookies)
    token = session(context)["csrf_token"]
    dashboard.page.evaluate("(token) => uppy.getPlugin('Filehub').resumeSession(token)", token)
    dashboard.wait("complete")
    assert_verified(installation, file)


def test_an_uppy_that_is_destroyed_leaves_nothing(
    dashboard: Dashboard, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("destroyed.bin"), LARGE)
    stop_after(installation, SMALL_PART)
    dashboard.choose(file)
    dashboard.start()
    wait_for(lambda: any(unfinished(installation).values()))
    dashboard.page.evaluate("uppy.destroy()")
    installation.s3.release()
    wait_for(lambda: unfinished(installation) == {})
    assert installation.files(file.name) == []
