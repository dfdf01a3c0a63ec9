"""Names of files in the columns of a Django project (pure): `<id>-<check>/<name>`.

The id finds the record without a search. The check is a digest of id and name, so that names which
other code derives from this one, such as `…/photo.jpg.100x100.jpg`, do not refer to the original.
It protects nothing else, and is not keyed, because columns outlive keys.
"""

from __future__ import annotations

import hashlib
import unicodedata

from uploads.core import keys
from uploads.core.names import MAX_NAME_BYTES, is_blank

#: Hexadecimal digits of the digest.
_CHECK = 8
#: Characters before the name: the id, the digest, a hyphen and a slash.
PREFIX_LENGTH = 36 + 1 + _CHECK + 1
#: The longest extension, with its dot, that a shortened name keeps.
_MAX_EXTENSION = 12


def stored_name(upload_id: str, file_name: str, max_length: int | None) -> str:
    """The name of a file for a column of `max_length` characters (None: without a limit).

    Of a long name, the end before the extension is left out; the record has all of it. Raises
    ValueError if there is room for nothing but the id.
    """
    if max_length is not None:
        file_name = _shortened(file_name, max_length - PREFIX_LENGTH)
    return f"{upload_id}-{_digest(upload_id, file_name)}/{file_name}"


def upload_id_in(name: str) -> str | None:
    """The id in a name that `stored_name` returned; None for every other name."""
    head, _, file_name = name.partition("/")
    upload_id = keys.parse_upload_id(head[:36])
    if upload_id is None or head != f"{upload_id}-{_digest(upload_id, file_name)}":
        return None
    return upload_id


def _digest(upload_id: str, file_name: str) -> str:
    return hashlib.sha256(f"{upload_id}/{file_name}".encode(errors="replace")).hexdigest()[:_CHECK]


def valid_file_name(name: str) -> str:
    """A name that `check_name` accepts: control characters become “_”, and the end is left out."""
    name = "".join("_" if unicodedata.category(char) in {"Cc", "Cs"} else char for char in name)
    if is_blank(name):
        return "_"
    while (excess := len(name.encode()) - MAX_NAME_BYTES) > 0:
        # A character takes four bytes at most.
        name = _shortened(name, len(name) - max(1, excess // 4))
    return name


def _shortened(name: str, length: int) -> str:
    """The name in at most so many characters, with its extension if that leaves room for more."""
    if len(name) <= length:
        return name
    if length < 1:
        raise ValueError("There is no room for a name.")
    stem, dot, extension = name.rpartition(".")
    extension = dot + extension if stem else ""
    if len(extension) > min(_MAX_EXTENSION, length - 1):
        extension = ""
    return name[: length - len(extension)] + extension
