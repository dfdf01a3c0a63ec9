"""Names in both directions: of local files at filehub, and of filehub's files on the local disk.

Both are pure functions. A name at filehub is text that another user or program has chosen; on the
local disk it must not choose a directory, hide the file, or deceive the reader.
"""

from __future__ import annotations

import re
import unicodedata

#: Characters that break a line or a terminal, or that reorder others; the same as in
#: uploads/core/names.py.
_DECEPTIVE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb\ud800-\udfff]"
)
#: What file systems or shells reserve, on any system, because disks and archives travel.
_RESERVED = re.compile(r'[<>:"/\\|?*]')
#: Names of devices on Windows, with any extension.
#: https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|\Z)", re.I)
#: Bytes of a name in common file systems.
_MAX_BYTES = 255
#: Bytes of an extension that is kept when a name is shortened.
_MAX_EXTENSION = 32
#: Bytes of a folder's path in UTF-8, and its levels; the same as in uploads/core/folders.py.
_MAX_FOLDER_BYTES = 400
_MAX_FOLDER_DEPTH = 32
#: Stands for the folders that were left out.
_GAP = "…"


def join(folder: str, name: str) -> str:
    """The path of something in a folder; "" is the root."""
    return f"{folder}/{name}" if folder else name


def fit_folder(folder: str) -> str:
    """Shorten the path of a folder to what the server accepts, and return it in NFC.

    It keeps the outermost name and as many of the innermost ones as fit. The same function as that
    of static/uploads/client/names.js; tests/shared/folders.json has the cases of both.
    """
    names = [
        _GAP if _size(name) > _MAX_BYTES else name
        for name in unicodedata.normalize("NFC", folder).split("/")
    ]
    if _fits(names):
        return "/".join(names)
    outermost, *inner = names
    kept: list[str] = []
    for name in reversed(inner):
        if not _fits([outermost, _GAP, name, *kept]):
            break
        kept.insert(0, name)
    return "/".join([outermost, _GAP, *kept])


def _fits(names: list[str]) -> bool:
    return len(names) <= _MAX_FOLDER_DEPTH and _size("/".join(names)) <= _MAX_FOLDER_BYTES


def _size(text: str) -> int:
    """Bytes in UTF-8. The server refuses lone surrogates, whatever their size."""
    return len(text.encode("utf-8", "surrogatepass"))


def display(text: str) -> str:
    """Text of others for a terminal: control and deceptive characters become U+FFFD."""
    return _DECEPTIVE.sub("\N{REPLACEMENT CHARACTER}", text)


def local_name(file_name: str) -> str:
    """A safe name for a downloaded file: the last component of its name, and never a path.

    It cannot name a directory, a device or a hidden file, and cannot be taken for an option.
    """
    last = file_name.rstrip("/\\").replace("\\", "/").rpartition("/")[2]
    name = unicodedata.normalize("NFC", _RESERVED.sub("_", _DECEPTIVE.sub("_", last)))
    # Windows drops spaces and dots at the end.
    name = name.strip().rstrip(". ")
    if name.startswith((".", "-", "~")) or _DEVICE.match(name):
        name = f"_{name}"
    return _shorten(name) or "file"


def local_folder(folder: str) -> tuple[str, ...]:
    """Safe names for the directories of a folder, outermost first; none for the root."""
    return tuple(map(local_name, folder.split("/"))) if folder else ()


def _shorten(name: str) -> str:
    """At most 255 bytes in UTF-8, with the extension if it is a short one."""
    if len(name.encode()) <= _MAX_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    end = f"{dot}{extension}" if stem and len(extension.encode()) <= _MAX_EXTENSION else ""
    start = (stem if end else name).encode()[: _MAX_BYTES - len(end.encode())]
    return start.decode("utf-8", "ignore").rstrip(". ") + end
