"""zipfile and unzip read archives that need ZIP64: many files, large files, files far behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.browser.zip.archives import Member, check
from tests.browser.zip.test_archives import ARCHIVES
from tests.support.processes import ROOT

pytestmark = pytest.mark.exhaustive

GIB = 1024**3
LIMIT_32 = 2**32 - 1
LIMIT_16 = 2**16 - 1


def run(*command: object) -> str:
    """Run a program that `make test` does not need, and return its output."""
    program = str(command[0])
    package = {"node": "nodejs"}.get(program, program)
    assert shutil.which(program), f"{program} is missing: apt-get install {package}"
    # unzip writes names in the encoding of the locale.
    environment = os.environ | {"LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    return done.stdout


def make(folder: Path, members: Sequence[Member]) -> Path:
    description, archive = folder / "members.json", folder / "archive.zip"
    description.write_text(json.dumps([member.described() for member in members]))
    run("node", ROOT / "tests/browser/zip/make-archive.mjs", description, archive)
    return archive


def check_with_all(archive: Path, members: Sequence[Member]) -> None:
    with archive.open("rb") as opened:
        check(opened, members)
    assert "No errors detected" in run("unzip", "-tq", archive)


# Functions, because each collection of the tests would make a hundred and ninety thousand members.
ZIP64: dict[str, Callable[[], list[Member]]] = {
    "one file fewer than the limit": lambda: [Member(f"{n}") for n in range(LIMIT_16 - 1)],
    "as many files as the limit": lambda: [Member(f"{n}") for n in range(LIMIT_16)],
    "more files than the limit": lambda: [
        Member(f"{n}.txt", b"%d" % n) for n in range(LIMIT_16 + 5_000)
    ],
    "one byte below the limit": lambda: [Member("a", zeros=LIMIT_32 - 1), Member("b", b"after")],
    "larger than the limit": lambda: [Member("a", zeros=4 * GIB + 5), Member("b", b"after")],
    "far behind": lambda: [*(Member(f"{n}", zeros=GIB) for n in range(5)), Member("b", b"after")],
    "large and far behind": lambda: [Member("a", zeros=4 * GIB), Member("b", zeros=4 * GIB)],
}


@pytest.mark.parametrize("members", ZIP64.values(), ids=ZIP64)
def test_an_archive_of_any_size_is_read(
    tmp_path: Path, members: Callable[[], list[Member]]
) -> None:
    check_with_all(make(tmp_path, members()), members())


def test_a_file_of_the_size_that_stands_for_zip64_is_read(tmp_path: Path) -> None:
    """By zipfile only: Debian's unzip 6.0 misreads such archives, also those of zipfile itself."""
    members = [Member("a", zeros=LIMIT_32), Member("b", b"after")]
    with make(tmp_path, members).open("rb") as archive:
        check(archive, members)


@pytest.mark.parametrize("members", list(ARCHIVES.values())[1:], ids=list(ARCHIVES)[1:])
def test_unzip_extracts_what_was_put_in(tmp_path: Path, members: list[Member]) -> None:
    archive = make(tmp_path, members)
    check_with_all(archive, members)
    run("unzip", "-q", archive, "-d", tmp_path / "extracted")
    for member in members:
        path = tmp_path / "extracted" / (member.expected_path or member.path)
        assert path.read_bytes() == member.content
        # unzip ignores times before 1970.
        expected = int(member.modified.timestamp())
        assert expected < 0 or int(path.stat().st_mtime) == expected
