"""Names of files on the local disk and at filehub."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from filehub_client.names import display, fit_folder, join, local_folder, local_name

#: (what, folder, as it is sent); the tests of the page's client have the same cases.
SHARED = Path(__file__).parents[1] / "shared"
FOLDERS = json.loads((SHARED / "folders.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [
        ("report.pdf", "report.pdf"),
        ("größe 1.txt", "größe 1.txt"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("a/b/c.txt", "c.txt"),
        ("..\\..\\windows\\win.ini", "win.ini"),
        ("C:\\boot.ini", "boot.ini"),
        ("C:boot.ini", "C_boot.ini"),
        ("name:stream", "name_stream"),
        ("folder/", "folder"),
        ("..", "file"),
        (".", "file"),
        ("/", "file"),
        ("...", "file"),
        ("   ", "file"),
        ("\u2003", "file"),
        (".bashrc", "_.bashrc"),
        (" .bashrc", "_.bashrc"),
        (".ssh/authorized_keys", "authorized_keys"),
        ("-rf", "_-rf"),
        ("~root", "_~root"),
        ("con", "_con"),
        ("AUX.txt", "_AUX.txt"),
        ("Lpt1.tar.gz", "_Lpt1.tar.gz"),
        ("com\u00b9", "_com\u00b9"),
        ("nul .txt", "_nul .txt"),
        ("console.txt", "console.txt"),
        ("a\x00b", "a_b"),
        ("a\nb\x1b[31m", "a_b_[31m"),
        ("x\u202efdp.exe", "x_fdp.exe"),
        ("what?.txt*", "what_.txt_"),
        ("trailing. . ", "trailing"),
        ("\udcff.txt", "_.txt"),
        ("e\u0301.txt", "\u00e9.txt"),
    ],
)
def test_a_hostile_name_becomes_a_harmless_one(file_name: str, expected: str) -> None:
    assert local_name(file_name) == expected


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [
        ("a" * 300 + ".txt", "a" * 251 + ".txt"),
        ("ä" * 200 + ".tar", "ä" * 125 + ".tar"),
        ("a." + "b" * 300, "a." + "b" * 253),
        ("\U0001f600" * 100, "\U0001f600" * 63),
    ],
)
def test_a_long_name_keeps_a_short_extension(file_name: str, expected: str) -> None:
    assert local_name(file_name) == expected
    assert len(expected.encode()) <= 255


@pytest.mark.parametrize(
    ("folder", "expected"), [pytest.param(*paths, id=what) for what, *paths in FOLDERS]
)
def test_a_folder_is_shortened_to_what_the_server_accepts(folder: str, expected: str) -> None:
    assert fit_folder(folder) == expected


@pytest.mark.parametrize(
    ("folder", "name", "expected"),
    [("", "a", "a"), ("b", "a", "b/a"), ("b/c", "a", "b/c/a")],
)
def test_a_path_is_folder_and_name(folder: str, name: str, expected: str) -> None:
    assert join(folder, name) == expected


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("", ()),
        ("Photos", ("Photos",)),
        ("Photos/2024", ("Photos", "2024")),
        ("../../etc", ("file", "file", "etc")),
        ("/etc/cron.d", ("file", "etc", "cron.d")),
        (".ssh/x", ("_.ssh", "x")),
        ("a\\..\\b/c", ("b", "c")),
        ("C:/con/a. /-x", ("C_", "_con", "a", "_-x")),
        ("a\x00b/x\u202efdp", ("a_b", "x_fdp")),
    ],
)
def test_a_hostile_folder_becomes_harmless_directories(
    folder: str, expected: tuple[str, ...]
) -> None:
    assert local_folder(folder) == expected


def test_texts_of_others_cannot_control_a_terminal() -> None:
    assert display("a\x1b[2J\u202eb\r\n") == "a\ufffd[2J\ufffdb\ufffd\ufffd"
