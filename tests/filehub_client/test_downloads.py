"""The logic of downloading, against a site and an S3 that are played by the test."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from filehub_client import (
    ChecksumMismatch,
    ConnectionFailed,
    FileExists,
    FilehubError,
    LocalFileError,
    NotFound,
    Retries,
    StorageError,
)
from filehub_client.api import Api
from filehub_client.config import Site
from filehub_client.downloads import Options, download
from filehub_client.flow import Request, Response
from tests.filehub_client.flows import Run, ok, refusal, s3_error

URL = "https://files.example"
BODY = bytes(range(100))
LOST = ConnectionFailed("lost")
EXPIRED = s3_error(403, "AccessDenied", "Request has expired")
PART = "0199f7a1-6a52.part"


def checksum(body: bytes) -> str:
    return b64encode(hashlib.sha256(body).digest()).decode()


@dataclass
class Played:
    """`cuts`: after how many bytes each of the next responses breaks off, or what comes instead."""

    cuts: list[int | Response | Exception] = field(default_factory=list)
    file_name: str = "data.bin"
    folder: str = ""
    body: bytes = BODY
    recorded: str = checksum(BODY)
    file_id: str = "0199f7a1-6a52"
    ignores_ranges: bool = False

    def __call__(self, request: Request) -> Response | Exception:
        if request.url.startswith("https://s3."):
            assert "Authorization" not in request.headers
            return self._get(request)
        if request.url.endswith("/download"):
            return ok({"url": "https://s3.example/?X-Amz-Signature=1"})
        return ok({
            "id": self.file_id, "file_name": self.file_name, "folder": self.folder,
            "content_type": "a/b", "size": len(BODY), "checksum": self.recorded, "owner": "demo",
            "created_at": "2026-01-01T11:45:00Z", "confirmed_at": None, "state": "stored",
        })  # fmt: skip

    def _get(self, request: Request) -> Response | Exception:
        cut = self.cuts.pop(0) if self.cuts else len(self.body)
        if not isinstance(cut, int):
            return cut
        found = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        start = int(found[1]) if found and not self.ignores_ranges else 0
        if found and start >= len(self.body):
            return s3_error(416, "InvalidRange")
        headers = {"content-range": f"bytes {start}-99/100"} if start else {}
        return Response(206 if start else 200, headers, self.body[start : start + cut])


def fetch(server: Played, target: Path, **options: Any) -> tuple[Run, Path]:
    run = Run(server)
    chosen = Options(target, **options)
    return run, run(download(Api(Site(URL, "t"), Retries()), "any", chosen))


def gets(run: Run) -> list[str]:
    """The ranges that were requested of S3."""
    return [r.headers.get("Range", "") for r in run.requests if r.url.startswith("https://s3.")]


@pytest.mark.parametrize(
    ("cuts", "ranges"),
    [
        ([], [""]),
        ([30, 30], ["", "bytes=30-", "bytes=60-"]),
        ([0, 0, 0], [""] * 4),
        ([LOST, 10], ["", "", "bytes=10-"]),
        ([s3_error(503, "SlowDown")] * 5, [""] * 6),
        ([10, EXPIRED, 20], ["", "bytes=10-", "bytes=10-", "bytes=30-"]),
        # Each attempt that brings bytes may fail again.
        ([1] * 20, [""] + [f"bytes={n}-" for n in range(1, 21)]),
    ],
)
def test_an_interrupted_download_goes_on(
    tmp_path: Path, cuts: list[int | Response | Exception], ranges: list[str]
) -> None:
    received: list[int] = []
    run, path = fetch(Played(list(cuts)), tmp_path, progress=received.append)
    assert (path.name, path.read_bytes(), gets(run)) == ("data.bin", BODY, ranges)
    assert sum(received) == len(BODY)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("left", "ranges"),
    [
        (b"", [""]),
        (BODY[:40], ["bytes=40-"]),
        (BODY, []),
        (BODY + b"more", [""]),
        # Damaged: found out at the end, and then everything is received once more.
        (b"x" * 40, ["bytes=40-", ""]),
        (b"x" * 100, [""]),
    ],
)
@pytest.mark.parametrize("ignores_ranges", [False, True])
def test_what_an_earlier_run_has_left_is_used(
    tmp_path: Path, left: bytes, ranges: list[str], ignores_ranges: bool
) -> None:
    (tmp_path / PART).write_bytes(left)
    received: list[int] = []
    server = Played(ignores_ranges=ignores_ranges)
    run, path = fetch(server, tmp_path, progress=received.append)
    assert (path.read_bytes(), sum(received)) == (BODY, len(BODY))
    assert gets(run) == (ranges[:1] if ignores_ranges else ranges)


@pytest.mark.parametrize(
    ("server", "kind"),
    [
        (Played(body=BODY[::-1]), ChecksumMismatch),
        (Played(recorded="x-7"), ChecksumMismatch),
        (Played([s3_error(403, "AccessDenied")]), StorageError),
        (Played([LOST] * 6), ConnectionFailed),
        (Played([EXPIRED] * 6), StorageError),
        (Played([s3_error(404, "NoSuchKey")]), NotFound),
        (Played(body=BODY[:50]), StorageError),
        (Played(body=BODY + b"more"), StorageError),
        (Played([Response(302, {"location": "https://evil.example"})]), StorageError),
        (Played(file_id="../../x"), NotFound),
        (Played([refusal(403, "forbidden")]), StorageError),
    ],
)
def test_a_download_that_fails_leaves_no_file(
    tmp_path: Path, server: Played, kind: type[FilehubError]
) -> None:
    with pytest.raises(kind):
        fetch(server, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} <= {PART}


def test_a_file_without_a_checksum_has_at_least_its_size(tmp_path: Path) -> None:
    _, path = fetch(Played(recorded=""), tmp_path)
    assert path.read_bytes() == BODY


@pytest.mark.parametrize("kind", ["file", "broken link", "directory link"])
def test_nothing_is_overwritten_silently(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "data.bin"
    if kind == "file":
        target.write_bytes(b"mine")
    else:
        target.symlink_to(tmp_path / "nowhere" if kind == "broken link" else "/")
    with pytest.raises(FileExists):
        fetch(Played(), tmp_path)
    if kind == "file":
        assert target.read_bytes() == b"mine"
    fetch(Played(), tmp_path, overwrite=True)
    assert (target.read_bytes(), target.is_symlink()) == (BODY, False)


def test_a_file_that_appears_during_the_download_is_kept(tmp_path: Path) -> None:
    def appear(_: int) -> None:
        (tmp_path / "data.bin").write_bytes(b"mine")

    with pytest.raises(FileExists):
        fetch(Played(), tmp_path, progress=appear)
    assert (tmp_path / "data.bin").read_bytes() == b"mine"
    # The bytes are there already for another attempt.
    run, path = fetch(Played(), tmp_path / "other.bin")
    assert (path.read_bytes(), gets(run)) == (BODY, [])


@pytest.mark.parametrize(
    ("file_name", "saved"),
    [("../../evil", "evil"), ("/etc/passwd", "passwd"), (".bashrc", "_.bashrc"), ("a/..", "file")],
)
def test_a_hostile_name_stays_in_the_directory(tmp_path: Path, file_name: str, saved: str) -> None:
    _, path = fetch(Played(file_name=file_name), tmp_path)
    assert path == tmp_path / saved
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("folder", "file_name", "saved"),
    [
        ("", "a.txt", "a.txt"),
        ("Photos", "a.txt", "Photos/a.txt"),
        ("Photos/2024", "a.txt", "Photos/2024/a.txt"),
        ("Café", "a.txt", "Café/a.txt"),
        ("../../up", "a.txt", "file/file/up/a.txt"),
        ("/etc", "passwd", "file/etc/passwd"),
        (".ssh", "authorized_keys", "_.ssh/authorized_keys"),
        ("a\\..\\..\\b", "../c", "b/c"),
        ("con", "nul", "_con/_nul"),
        ("x\u202efdp", "a\n", "x_fdp/a_"),
        ("ä" * 128, "a", "ä" * 127 + "/a"),
    ],
)
def test_a_file_may_keep_its_folder(
    tmp_path: Path, folder: str, file_name: str, saved: str
) -> None:
    top = tmp_path / "top"
    top.mkdir()
    server = Played(folder=folder, file_name=file_name)
    for _ in range(2):  # the second time, the directories exist
        _, path = fetch(server, top, keep_folder=True, overwrite=True)
        assert path == top / saved
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]
    with pytest.raises(FileExists):
        fetch(server, top, keep_folder=True)
    # Without the option, the folder does not count.
    _, path = fetch(server, tmp_path)
    assert path.parent == tmp_path


@pytest.mark.parametrize("obstacle", ["link", "link inside", "broken link", "file"])
def test_a_folder_is_never_created_through_what_is_no_directory(
    tmp_path: Path, obstacle: str
) -> None:
    top, outside = tmp_path / "top", tmp_path / "outside"
    (top / "Photos").mkdir(parents=True)
    (outside / "2024").mkdir(parents=True)
    place = top / "Photos" / "2024"
    if obstacle == "file":
        place.write_bytes(b"mine")
    else:
        target = {"link": outside, "link inside": top, "broken link": outside / "new"}[obstacle]
        place.symlink_to(target)
    with pytest.raises(LocalFileError) as caught:
        fetch(Played(folder="Photos/2024/May"), top, keep_folder=True)
    assert (caught.value.code, str(place) in caught.value.message) == ("no_directory", True)
    assert [path.name for path in outside.rglob("*")] == ["2024"]


def test_the_output_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "top").symlink_to(tmp_path / "disk")
    _, path = fetch(Played(folder="Photos"), tmp_path / "top", keep_folder=True)
    assert (path.read_bytes(), (tmp_path / "disk/Photos/data.bin").exists()) == (BODY, True)


def test_folders_need_a_directory(tmp_path: Path) -> None:
    with pytest.raises(LocalFileError, match="no directory"):
        fetch(Played(folder="Photos"), tmp_path / "missing", keep_folder=True)
    assert list(tmp_path.iterdir()) == []


def test_the_name_that_the_caller_chooses_is_used_as_it_is(tmp_path: Path) -> None:
    _, path = fetch(Played(), tmp_path / ".hidden")
    assert path == tmp_path / ".hidden"


def test_a_link_in_the_place_of_the_part_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (tmp_path / PART).symlink_to(victim)
    with pytest.raises(LocalFileError):
        fetch(Played(), tmp_path)
    assert victim.read_bytes() == b"mine"


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(LocalFileError, match="no directory"):
        fetch(Played(), tmp_path / "missing" / "file")
