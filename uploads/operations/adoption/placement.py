"""The name, folder and type that an adopted object gets. Calls no service.

What filehub does not accept is changed where that is visible and loses nothing of the content;
otherwise the object is refused.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from filehub_client.names import fit_folder, join
from uploads.core import media_types
from uploads.core.errors import InvalidRequest
from uploads.core.folders import check_folder
from uploads.core.names import MAX_NAME_BYTES, check_name, is_blank
from uploads.core.policy import Rules

#: Stands for what cannot be part of a name, and for what does not fit.
_REPLACEMENT, _GAP = "_", "…"
#: Names that mean another folder to file systems and in archives.
_RELATIVE = {".", ".."}
#: Bytes of an extension that is kept when a name is shortened.
_MAX_EXTENSION = 32
#: Content encodings that change nothing. SDKs leave `aws-chunked` behind.
_NO_ENCODING = {"", "identity", "aws-chunked"}
#: What the bytes of an encoded object are: the extension and the type of a compressed file.
_COMPRESSED = {
    "gzip": (".gz", "application/gzip"),
    "x-gzip": (".gz", "application/gzip"),
    "br": (".br", media_types.DEFAULT_TYPE),
    "zstd": (".zst", "application/zstd"),
}


@dataclass(frozen=True)
class Placement:
    """Where an object goes. `changes` says in words what differs from its key and headers."""

    folder: str
    file_name: str
    content_type: str
    changes: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return join(self.folder, self.file_name)


def place(path: str, folder: str, content_type: str, encoding: str, rules: Rules) -> Placement:
    """Place an object at `path`, its key without the prefix, into `folder`, which is valid.

    The name is the last part of the path, and the directories before it are folders. Raises
    InvalidRequest if it has no name or its encoding is unknown, and TypeNotAllowed.
    """
    directories, slash, last = path.rpartition("/")
    if not last:
        raise InvalidRequest("Its key ends with a slash, so it has no name.", code="invalid_name")
    new_folder, folder_changed = _place_folder(directories, folder) if slash else (folder, False)
    new_type, extension = _type(content_type, encoding, rules)
    name = _valid(last)
    if not name.lower().endswith(extension):
        name += extension
    name = check_name(_shorten(name))
    essence = media_types.essence_of(content_type)
    changes = {
        "folder changed": folder_changed,
        "name changed": name != last,
        f"type was {content_type}": essence not in {"", media_types.essence_of(new_type)},
    }
    made = tuple(change for change, is_made in changes.items() if is_made)
    return Placement(new_folder, name, new_type, made)


def _place_folder(directories: str, into: str) -> tuple[str, bool]:
    """The folder for directories within the folder `into`, and whether anything was changed."""
    names = [_valid(name) for name in directories.split("/")]
    folder = check_folder(fit_folder(join(into, "/".join(names))))
    return folder, folder != unicodedata.normalize("NFC", join(into, directories))


def _valid(name: str) -> str:
    """The name, without what names of files and folders must not have or be."""
    text = "".join(_REPLACEMENT if unicodedata.category(c) == "Cc" else c for c in name)
    return _REPLACEMENT if text in _RELATIVE or is_blank(text) else text


def _shorten(name: str) -> str:
    """At most MAX_NAME_BYTES in UTF-8, with a gap before the extension, if that is a short one."""
    if len(name.encode()) <= MAX_NAME_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    has_extension = bool(stem) and len(extension.encode()) <= _MAX_EXTENSION
    end = _GAP + (dot + extension if has_extension else "")
    start = (stem if has_extension else name).encode()[: MAX_NAME_BYTES - len(end.encode())]
    return start.decode("utf-8", "ignore") + end


def _type(content_type: str, encoding: str, rules: Rules) -> tuple[str, str]:
    """The type, and an extension for the name ("" for none).

    filehub's files have no content encoding: what is downloaded is what is stored. So an encoded
    object becomes what its bytes are, a compressed file.
    """
    parts = [part.strip().lower() for part in encoding.split(",")]
    encodings = [part for part in parts if part not in _NO_ENCODING]
    if encodings:
        known = _COMPRESSED.get(encodings[0]) if len(encodings) == 1 else None
        if known is None:
            raise InvalidRequest(
                f"Its content has the encoding {encoding}, which filehub cannot store.",
                code="unknown_encoding",
            )
        return media_types.check_type(known[1], rules), known[0]
    try:
        return media_types.check_type(content_type, rules), ""
    except InvalidRequest:
        return media_types.check_type(media_types.DEFAULT_TYPE, rules), ""
