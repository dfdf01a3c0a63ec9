"""The name, folder and type of an adopted object, from its key and headers."""

from __future__ import annotations

import pytest

from uploads.core.errors import FilehubError
from uploads.core.folders import MAX_FOLDER_BYTES, check_folder
from uploads.core.names import MAX_NAME_BYTES, check_name
from uploads.core.policy import Rules
from uploads.operations.adoption.placement import place

RULES = Rules(max_size=1, max_put_size=1, allowed_types=("*",))
NAME, FOLDER = ("name changed",), ("folder changed",)

#: Path, folder, name, changes.
PATHS = [
    ("a.txt", "", "a.txt", ()),
    ("photos/2026/a.jpg", "photos/2026", "a.jpg", ()),
    (" a b ", "", " a b ", ()),
    ("100%25/a%2Fb +.txt", "100%25", "a%2Fb +.txt", ()),
    ("a?versionId=1#b&c", "", "a?versionId=1#b&c", ()),
    ('"quoted"\\back', "", '"quoted"\\back', ()),
    (".hidden/.profile", ".hidden", ".profile", ()),
    ("große/Datei.txt", "große", "Datei.txt", ()),
    # NFC for folders only, as for every upload.
    ("gro\u0308\u00dfe/o\u0308.txt", "gr\u00f6\u00dfe", "o\u0308.txt", ()),
    ("Rechnung_\u202excod.exe", "", "Rechnung_\u202excod.exe", ()),
    ("\U0001f468\u200d\U0001f469/\U0001f600", "\U0001f468\u200d\U0001f469", "\U0001f600", ()),
    ("//a", "_/_", "a", FOLDER),
    ("a//b", "a/_", "b", FOLDER),
    ("/etc/passwd", "_/etc", "passwd", FOLDER),
    ("../../etc/passwd", "_/_/etc", "passwd", FOLDER),
    ("./a", "_", "a", FOLDER),
    ("a/..", "a", "_", NAME),
    ("a/.", "a", "_", NAME),
    ("a/...", "a", "...", ()),
    (" /  ", "_", "_", FOLDER + NAME),
    ("\u200b/\u00ad", "_", "_", FOLDER + NAME),
    ("a\x00b", "", "a_b", NAME),
    ("\x00", "", "_", NAME),
    ("a\x01\n\x7f\x85/\t", "a____", "_", FOLDER + NAME),
    ("x" * 1024, "", "x" * 252 + "…", NAME),
    ("x" * 1020 + ".txt", "", "x" * 248 + "….txt", NAME),
    ("x" * 255, "", "x" * 255, ()),
    ("日" * 341, "", "日" * 84 + "…", NAME),
    ("." + "x" * 300, "", "." + "x" * 251 + "…", NAME),
    ("a." + "x" * 300, "", "a." + "x" * 250 + "…", NAME),
    ("x" * 256 + "/a", "…", "a", FOLDER),
    ("/".join("abcdefgh" * 4) + "/a", "/".join("abcdefgh" * 4), "a", ()),
    ("x/" * 511 + "aa", "x/…/" + "/".join("x" * 30), "aa", FOLDER),
]


@pytest.mark.parametrize(("path", "folder", "name", "changes"), PATHS)
def test_a_key_becomes_a_valid_name_in_a_valid_folder(
    path: str, folder: str, name: str, changes: tuple[str, ...]
) -> None:
    found = place(path, "", "text/plain", "", RULES)
    assert (found.folder, found.file_name, found.changes) == (folder, name, changes)
    assert check_name(found.file_name) == found.file_name
    assert check_folder(found.folder) == found.folder


@pytest.mark.parametrize(("path", "inner", "name", "changes"), PATHS)
def test_everything_may_go_into_a_folder(
    path: str, inner: str, name: str, changes: tuple[str, ...]
) -> None:
    found = place(path, "old/files", "text/plain", "", RULES)
    assert found.folder.startswith("old")
    assert check_folder(found.folder) == found.folder
    if len(inner.encode()) < MAX_FOLDER_BYTES - 10 and inner.count("/") < 30 and "…" not in inner:
        assert found.folder == (f"old/files/{inner}" if inner else "old/files")
        assert found.changes == changes
    assert len(found.file_name.encode()) <= MAX_NAME_BYTES


@pytest.mark.parametrize("path", ["", "/", "a/", "a//"])
def test_a_key_that_ends_with_a_slash_is_refused(path: str) -> None:
    with pytest.raises(FilehubError, match="ends with a slash"):
        place(path, "", "text/plain", "", RULES)


@pytest.mark.parametrize(
    ("name", "type_", "encoding", "expected", "new_type", "changes"),
    [
        ("a", "text/plain", "", "a", "text/plain", ()),
        ("a", "Text/HTML; charset=UTF-8", "", "a", "text/html;charset=UTF-8", ()),
        ("a", "binary/octet-stream", "", "a", "binary/octet-stream", ()),
        ("a", "", "", "a", "application/octet-stream", ()),
        ("a", "text", "", "a", "application/octet-stream", ("type was text",)),
        ("a", "a/b;\x01", "", "a", "application/octet-stream", ("type was a/b;\x01",)),
        ("a", "x/" + "y" * 300, "", "a", "application/octet-stream", ("type was x/" + "y" * 300,)),
        ("a", "text/css", "aws-chunked", "a", "text/css", ()),
        ("a", "text/css", "identity", "a", "text/css", ()),
        ("a", "text/css", "gzip", "a.gz", "application/gzip", (*NAME, "type was text/css")),
        ("a", "x/y", "aws-chunked, GZIP", "a.gz", "application/gzip", (*NAME, "type was x/y")),
        ("a.GZ", "text/css", "x-gzip", "a.GZ", "application/gzip", ("type was text/css",)),
        ("a.gz", "application/gzip", "gzip", "a.gz", "application/gzip", ()),
        ("a", "text/css", "br", "a.br", "application/octet-stream", (*NAME, "type was text/css")),
        ("a", "text/css", "zstd", "a.zst", "application/zstd", (*NAME, "type was text/css")),
        ("x" * 300, "x/y", "gzip", "x" * 249 + "….gz", "application/gzip",
         (*NAME, "type was x/y")),
    ],
)  # fmt: skip
def test_the_type_is_kept_unless_it_is_not_that_of_the_bytes(
    name: str, type_: str, encoding: str, expected: str, new_type: str, changes: tuple[str, ...]
) -> None:
    found = place(name, "", type_, encoding, RULES)
    assert (found.file_name, found.content_type, found.changes) == (expected, new_type, changes)


@pytest.mark.parametrize("encoding", ["gzip, br", "gzip,gzip", "deflate", "compress", "unheard-of"])
def test_an_unknown_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(FilehubError, match=f"the encoding {encoding}"):
        place("a", "", "text/plain", encoding, RULES)


@pytest.mark.parametrize(
    ("type_", "encoding"), [("text/plain", ""), ("image/png", "gzip"), ("no type", "")]
)
def test_a_type_that_is_not_allowed_is_refused(type_: str, encoding: str) -> None:
    images = Rules(max_size=1, max_put_size=1, allowed_types=("image/*",))
    assert place("a", "", "image/png", "", images).content_type == "image/png"
    with pytest.raises(FilehubError, match="not accepted here"):
        place("a", "", type_, encoding, images)
