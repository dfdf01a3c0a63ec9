"""Which local files are uploaded, and to which folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from filehub_client import LocalFile, LocalFileError
from filehub_client.local_files import files_in

LONG = "x" * 200


def places(paths: list[str | LocalFile], folder: str = "") -> list[tuple[str, str]]:
    """Folder and name of each file."""
    chosen = [path if isinstance(path, LocalFile) else Path(path) for path in paths]
    return [(file.folder, file.name) for file in files_in(chosen, folder)]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory `tree/in`, with files, a link and a pipe."""
    inside = tmp_path / "tree" / "in"
    (inside / "deep" / "empty").mkdir(parents=True)
    for name in ("a.txt", "deep/b.txt", "z.txt"):
        (inside / name).write_bytes(b"x")
    (inside / "link").symlink_to(inside / "a.txt")
    (inside / "directory link").symlink_to(inside / "deep")
    os.mkfifo(inside / "pipe")
    monkeypatch.chdir(inside)
    return inside


@pytest.mark.parametrize(
    ("paths", "folder", "expected"),
    [
        (["."], "", [("in", "a.txt"), ("in", "z.txt"), ("in/deep", "b.txt")]),
        (["../in"], "", [("in", "a.txt"), ("in", "z.txt"), ("in/deep", "b.txt")]),
        (["deep"], "", [("deep", "b.txt")]),
        (["deep/"], "", [("deep", "b.txt")]),
        (["deep/.."], "", [("in", "a.txt"), ("in", "z.txt"), ("in/deep", "b.txt")]),
        (["a.txt"], "", [("", "a.txt")]),
        (["deep/b.txt"], "", [("", "b.txt")]),
        # A link is followed if it was named, and its own name counts.
        (["directory link"], "", [("directory link", "b.txt")]),
        (["link"], "", [("", "link")]),
        # Each file once, in its first place.
        (["deep", "deep/b.txt", "deep"], "", [("deep", "b.txt")]),
        (["deep/b.txt", "deep"], "", [("", "b.txt")]),
        (["deep", "a.txt"], "P/24", [("P/24/deep", "b.txt"), ("P/24", "a.txt")]),
        (["missing"], "Photos", [("Photos", "missing")]),
        ([LocalFile(Path("a.txt"), "x", "own")], "Photos", [("own", "x")]),
        ([], "", []),
    ],
)  # fmt: skip
def test_directories_become_folders(
    tree: Path, paths: list[str | LocalFile], folder: str, expected: list[tuple[str, str]]
) -> None:
    assert places(paths, folder) == expected


def test_parent_directories_have_names(tree: Path) -> None:
    assert places([".."])[0] == ("tree/in", "a.txt")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([LONG, LONG, "c"], "top/…/" + LONG + "/c"),
        ([str(n) for n in range(40)], "top/…/" + "/".join(map(str, range(10, 40)))),
        (["Cafe\u0301"], "top/Café"),
        ([b"\xff".decode("utf-8", "surrogateescape")], "top/\udcff"),
    ],
)
def test_the_folder_of_a_directory_fits(tmp_path: Path, names: list[str], expected: str) -> None:
    directory = tmp_path.joinpath("top", *names)
    directory.mkdir(parents=True)
    (directory / "a").write_bytes(b"a")
    assert places([str(tmp_path / "top")]) == [(expected, "a")]


def test_an_unreadable_directory_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    # The tests may run as root, who may read everything.
    monkeypatch.setattr(os, "scandir", fail)
    with pytest.raises(LocalFileError, match="cannot be read: Permission denied"):
        places([str(tmp_path)])
