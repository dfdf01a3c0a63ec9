"""@uppy/aws-s3 from npm, unmodified, as docs/contract.md says, in every version and way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import MIB, make_file
from tests.browser.faults.helpers import stop_after, unfinished
from tests.browser.test_page import unique
from tests.browser.uppy.pages import Dashboard, example, open_page, session, signed_in
from tests.support.installation import THRESHOLD, Installation
from tests.support.waiting import wait_for

pytestmark = pytest.mark.exhaustive

LARGE = THRESHOLD + 3 * MIB


@dataclass(frozen=True)
class Way:
    """A version of Uppy, the heading of its example, and what authenticates it."""

    version: str
    heading: str
    credentials: str


WAYS = {
    f"{heading} with a {credentials}": Way(version, heading, credentials)
    for version, heading, credentials in (
        ("six", "`signRequest`", "session"), ("six", "`signRequest`", "token"),
        ("six", "`companionEndpoint`", "session"),
        ("five", "`endpoint`", "session"), ("five", "`endpoint`", "token"),
    )
}  # fmt: skip


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def dashboard(
    request: pytest.FixtureRequest, chromium: Browser, installation: Installation
) -> Iterator[Dashboard]:
    """The page of an example: on another origin with a token, otherwise on the site's own."""
    way: Way = request.param
    script = example("contract.md", way.heading)
    if way.credentials == "token":
        token = installation.manage("create_api_token", "demo")
        with chromium.new_context() as context:
            yield open_page(
                context, f"http://localhost:{installation.port}", way.version, script,
                filehub=installation.url, credentials={"Authorization": f"Bearer {token}"},
            )  # fmt: skip
        return
    with signed_in(chromium, installation) as context:
        yield open_page(
            context, installation.url, way.version, script, filehub=installation.url,
            credentials={"X-CSRFToken": session(context)["csrf_token"]},
        )  # fmt: skip


def assert_stored(installation: Installation, path: Path, folder: str = "") -> None:
    """The file is stored once, with its name, folder, type and content."""
    wait_for(lambda: installation.files(path.name))
    [file] = installation.files(path.name)
    assert (file["file_name"], file["folder"]) == (path.name, folder)
    stored = installation.download(file["id"])
    assert hashlib.sha256(stored).digest() == hashlib.sha256(path.read_bytes()).digest()
    assert unfinished(installation) == {}


def test_files_in_one_request_and_in_parts_are_stored(
    dashboard: Dashboard, installation: Installation, tmp_path: Path
) -> None:
    files = [
        make_file(tmp_path / unique("größe & 100 %.bin"), MIB),
        make_file(tmp_path / unique("empty.bin"), 0),
        make_file(tmp_path / unique("large.bin"), LARGE),
    ]
    dashboard.choose(*files)
    dashboard.start()
    [result] = dashboard.wait("complete")
    assert (result["successful"], result["failed"]) == (3, 0), dashboard.ended("upload-error")
    for file in files:
        assert_stored(installation, file)
    keys = {entry["body"]["key"] for entry in dashboard.ended("upload-success")}
    ids = {key.rpartition("/")[2] for key in keys}
    assert {installation.files(file.name)[0]["id"] for file in files} == ids


def test_a_file_in_a_folder_is_stored_there(
    dashboard: Dashboard, installation: Installation, tmp_path: Path
) -> None:
    folder = tmp_path / unique("Fotos")
    (folder / "2026").mkdir(parents=True)
    small = make_file(folder / "2026" / unique("small.bin"), 1000)
    large = make_file(folder / unique("large.bin"), LARGE)
    # As Uppy's Dashboard does with a folder that is dropped.
    dashboard.choose_folder(folder)
    dashboard.start()
    dashboard.wait("complete")
    assert_stored(installation, small, f"{folder.name}/2026")
    assert_stored(installation, large, folder.name)


def test_parts_go_on_after_a_pause(
    dashboard: Dashboard, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("paused.bin"), LARGE)
    stop_after(installation, 5 * MIB)
    dashboard.choose(file)
    dashboard.start()
    wait_for(lambda: any(unfinished(installation).values()))
    dashboard.press("Pause")
    installation.s3.release()
    expect(dashboard.page.get_by_role("button", name="Resume").first).to_be_visible()
    dashboard.press("Resume")
    dashboard.wait("complete")
    assert_stored(installation, file)


def test_cancelling_removes_the_parts(
    dashboard: Dashboard, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("cancelled.bin"), LARGE)
    stop_after(installation, 5 * MIB)
    dashboard.choose(file)
    dashboard.start()
    wait_for(lambda: any(unfinished(installation).values()))
    dashboard.press("Cancel")
    installation.s3.release()
    wait_for(lambda: unfinished(installation) == {})
    assert installation.files(file.name) == []


def test_what_filehub_refuses_fails(
    dashboard: Dashboard, installation: Installation, tmp_path: Path
) -> None:
    file = tmp_path / unique("refused.bin")
    file.write_bytes(b"x")
    dashboard.choose(file)
    # Such a name cannot be chosen on Linux.
    dashboard.page.evaluate("""() => {
        const [file] = uppy.getFiles();
        uppy.setFileState(file.id, { name: "a\\nb", meta: { ...file.meta, name: "a\\nb" } });
    }""")
    dashboard.start()
    [error] = dashboard.wait("upload-error")
    sentences = ("control character", "Companion request failed")
    assert any(sentence in error["message"] for sentence in sentences), error
    assert installation.files(file.name) == []
