"""A list of files as CSV (RFC 4180), harmless in a spreadsheet (pure)."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterable
from io import StringIO

from uploads.files.record import FileInfo

COLUMNS = ("id", "file_name", "size", "checksum", "content_type", "owner", "state", "created_at")

#: A spreadsheet takes a cell that begins so for a formula, also behind what cannot be seen.
#: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
#: Where a cell begins for programs that are told, or guess, another separator than the comma.
_SEPARATORS = frozenset(",;\t\r\n|")


def manifest(files: Iterable[FileInfo], usernames: dict[str, str]) -> str:
    """One row for each file: sizes in bytes, checksums base64 SHA-256, times ISO 8601 UTC.

    What a spreadsheet would run gets an apostrophe in front.
    """
    target = StringIO()
    writer = csv.writer(target, quoting=csv.QUOTE_MINIMAL)
    writer.writerow(COLUMNS)
    for info in files:
        cells = (
            info.id,
            info.file_name,
            str(info.size),
            info.checksum,
            info.content_type,
            usernames.get(info.owner, info.owner),
            info.state,
            info.created_at.isoformat(),
        )
        writer.writerow([_harmless(cell) for cell in cells])
    return target.getvalue()


def _harmless(cell: str) -> str:
    result: list[str] = []
    begins = True
    for char in cell:
        if begins and char in _FORMULA:
            result.append("'")
        result.append(char)
        is_hidden = unicodedata.category(char) in {"Zs", "Cf"}
        begins = char in _SEPARATORS or (begins and is_hidden)
    return "".join(result)
