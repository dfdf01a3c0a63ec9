"""Paths of folders: which are accepted, and how they are taken apart."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.processes import ROOT
from uploads.aws import s3
from uploads.core import folders
from uploads.core.errors import InvalidRequest
from uploads.core.names import MAX_NAME_BYTES, check_name, sort_key

#: (what, folder, in the form in which clients send it).
FITTED = json.loads((ROOT / "tests/shared/folders.json").read_text(encoding="utf-8"))

ACCEPTED = {
    "the root": "",
    "one name": "Photos",
    "several names": "Photos/2024/Summer",
    "not English": "Fotos/Übersicht/写真/🎉",
    "spaces": "My Photos/ from 2024 ",
    "dots": ".hidden/a..b/...",
    "characters of URLs": "a%2Fb/c?d=e&f#g+h",
    "a backslash is part of a name": "a\\b",
    "the longest path": "a" * 200 + "/" + "b" * 199,
    "the most levels": "/".join("a" * 32),
    "a bidirectional override, as in names": "a\u202eb",
    "a joiner": "👨\u200d👩",
}

INVALID = {
    "a slash at the start": "/Photos",
    "a slash at the end": "Photos/",
    "only a slash": "/",
    "two slashes": "a//b",
    "this folder": "a/./b",
    "the parent": "../a",
    "the parent at the end": "a/..",
    "a name of spaces": "a/ /b",
    "an invisible name": "a/\u200b",
    "NUL": "a\0b",
    "a line break": "a/b\nc",
    "a tab": "\ta",
    "a control character of ISO 8859": "a\x85",
    "half of a surrogate pair": "a/\ud800",
    "one level too many": "/".join("a" * 33),
    "one byte too many": "a" * 200 + "/" + "b" * 200,
    "bytes, not characters": "ä" * 201,
    "a name that is too long": "a" * 256,
    "a megabyte": "a/" * 500_000,
    "a megabyte of marks": "a" + "\u0301" * 500_000,
}


@pytest.mark.parametrize("folder", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_valid_folder_is_accepted_unchanged(folder: str) -> None:
    assert folders.check_folder(folder) == folder
    assert folders.folder_or_root(folder) == folder


@pytest.mark.parametrize("folder", INVALID.values(), ids=INVALID.keys())
def test_an_invalid_folder_is_refused_and_never_loses_a_file(folder: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        folders.check_folder(folder)
    assert refused.value.code == "invalid_folder"
    assert len(refused.value.message) < 150
    assert folders.folder_or_root(folder) == ""


def test_a_folder_has_one_path_whatever_its_form() -> None:
    assert folders.check_folder("Cafe\u0301/A\u030a") == "Café/Å"


@given(st.text())
def test_whatever_is_accepted_consists_of_names(text: str) -> None:
    folder = folders.folder_or_root(text)
    assert folders.folder_or_root(folder) == folder
    for name in folder.split("/") if folder else []:
        check_name(name)
        assert name not in {".", ".."}


def test_folder_name_and_owner_fit_into_the_metadata_of_s3() -> None:
    """S3 allows 2 KB for names and values together."""
    owner, worst = "12345678-1234-1234-1234-123456789012", "\u00e4"
    metadata = s3.metadata(
        owner,
        worst * (MAX_NAME_BYTES // 2) + "é"[:1] * 0,
        "/".join([worst * 99] * 2)[: folders.MAX_FOLDER_BYTES],
    )
    assert sum(len(name) + len(value) for name, value in metadata.items()) <= 2048
    longest = 3 * (MAX_NAME_BYTES + folders.MAX_FOLDER_BYTES)
    assert longest + len("filenamefolderowner") + len(owner) <= 2048


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("a.jpg", ""), ("/a.jpg", ""), ("Photos/a.jpg", "Photos"), ("/Photos/a.jpg", "Photos"),
        ("Photos/2024/a.jpg", "Photos/2024"), ("", ""), ("/", ""), ("Photos/", "Photos"),
        ("a//b.jpg", "a/"), ("../a.jpg", ".."),
    ],
)  # fmt: skip
def test_the_folder_in_the_path_of_a_file(path: str, folder: str) -> None:
    assert folders.folder_of_path(path) == folder


def test_the_parts_of_a_path() -> None:
    assert folders.with_ancestors("a/b/c") == ["a", "a/b", "a/b/c"]
    assert folders.with_ancestors("") == []
    assert [folders.parent_of(path) for path in ("a/b/c", "a", "")] == ["a/b", "", ""]
    assert [folders.name_of(path) for path in ("a/b/c", "a", "")] == ["c", "a", ""]
    assert [folders.join(path, "x") for path in ("a/b", "")] == ["a/b/x", "x"]


@pytest.mark.parametrize(
    ("path", "folder", "within"),
    [
        ("a", "", True), ("", "", True), ("a", "a", True), ("a/b", "a", True), ("ab", "a", False),
        ("a", "a/b", False), ("b/a", "a", False), ("A", "a", False),
    ],
)  # fmt: skip
def test_what_is_within_a_folder(path: str, folder: str, within: bool) -> None:
    assert folders.is_within(path, folder) is within


@pytest.mark.parametrize(
    ("path", "folder", "to", "moved"),
    [("a", "a", "b", "b"), ("a/x/y", "a", "b/c", "b/c/x/y"), ("a/b/x", "a/b", "c", "c/x")],
)
def test_the_new_path_of_what_is_in_a_moved_folder(
    path: str, folder: str, to: str, moved: str
) -> None:
    assert folders.moved_path(path, folder, to) == moved


@pytest.mark.parametrize("name", ["a", "\u0020a", "!", "\u0301", "0"])
def test_folders_sort_before_files(name: str) -> None:
    assert folders.folder_sort_key("zz/zz") < sort_key(name)
    assert len(folders.folder_sort_key("ΐ" * 127).encode()) <= 1024


@pytest.mark.parametrize("sent", [pytest.param(sent, id=what) for what, _, sent in FITTED])
def test_the_folders_that_clients_shorten_are_accepted(sent: str) -> None:
    assert folders.check_folder(sent) == sent
