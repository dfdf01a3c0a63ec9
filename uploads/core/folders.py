"""Folders of files (pure): which paths are accepted, and how they are taken apart.

A folder is a path: "" is the root, otherwise names joined with “/”, such as `Photos/2024`. It is
stored in NFC, so that a folder has one path, whatever form a client sends.
"""

from __future__ import annotations

import unicodedata

from uploads.core.errors import InvalidRequest
from uploads.core.names import check_name, sort_key

#: Bytes in UTF-8. Percent-encoded they take at most 1,200 of the 2,048 bytes that S3 allows for
#: metadata, beside at most 765 of the file's name, 19 of the headers' names, and the owner.
MAX_FOLDER_BYTES = 400
#: Levels. One transaction, of at most 100 items, creates all folders that a file needs.
MAX_FOLDER_DEPTH = 32

#: Names that mean another folder to file systems and in archives.
_RELATIVE = {".", ".."}
#: Folders are sorted before files, whose names contain no control character.
_BEFORE_NAMES = "\t"


def check_folder(folder: str) -> str:
    """Return the folder in NFC, or raise InvalidRequest (`invalid_folder`)."""
    try:
        size = len(folder.encode())
    except UnicodeEncodeError:
        raise _invalid("The folder is not valid Unicode.") from None
    # Normalization takes time in proportion to the length.
    if size <= 4 * MAX_FOLDER_BYTES:
        folder = unicodedata.normalize("NFC", folder)
        size = len(folder.encode())
    if size > MAX_FOLDER_BYTES:
        raise _invalid(
            f"The path of the folder is {size} bytes long; at most {MAX_FOLDER_BYTES} are allowed."
        )
    names = folder.split("/") if folder else []
    if len(names) > MAX_FOLDER_DEPTH:
        raise _invalid(f"A folder may be at most {MAX_FOLDER_DEPTH} levels deep.")
    for name in names:
        _check_name(name)
    return folder


def _check_name(name: str) -> None:
    if not name:
        raise _invalid("A folder is written as names with one slash between them: Photos/2024.")
    if name in _RELATIVE:
        raise _invalid("A folder cannot be named “.” or “..”.")
    try:
        check_name(name)
    except InvalidRequest as exc:
        raise _invalid(
            "The name of a folder must have at most 255 bytes and no control characters, and not "
            "only invisible ones."
        ) from exc


def _invalid(message: str) -> InvalidRequest:
    return InvalidRequest(message, code="invalid_folder")


def folder_or_root(text: str | None) -> str:
    """The folder in an object's metadata; the root if there is none or it is invalid."""
    try:
        return check_folder(text or "")
    except InvalidRequest:
        return ""


def folder_of_path(path: str) -> str:
    """The folder in the path of a file, as clients send it: `/Photos/a.jpg` is in `Photos`."""
    return path.lstrip("/").rpartition("/")[0]


def join(folder: str, name: str) -> str:
    """The path of something in a folder."""
    return f"{folder}/{name}" if folder else name


def parent_of(folder: str) -> str:
    """The folder that contains this one; "" for those in the root."""
    return folder.rpartition("/")[0]


def name_of(folder: str) -> str:
    """The last name in a path."""
    return folder.rpartition("/")[2]


def with_ancestors(folder: str) -> list[str]:
    """A folder and those that contain it, outermost first, without the root."""
    names = folder.split("/") if folder else []
    return ["/".join(names[: count + 1]) for count in range(len(names))]


def is_within(path: str, folder: str) -> bool:
    """Whether a path is this folder or inside of it. Everything is inside the root."""
    return not folder or path == folder or path.startswith(f"{folder}/")


def moved_path(path: str, folder: str, to: str) -> str:
    """What becomes of a path within `folder` if that becomes `to`."""
    return to + path[len(folder) :]


def folder_sort_key(folder: str) -> str:
    """What a folder is sorted by, among its siblings and before all files."""
    return _BEFORE_NAMES + sort_key(name_of(folder))
