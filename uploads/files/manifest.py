"""Export files as CSV (RFC 4180), safe to open in a spreadsheet (pure)."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterable
from io import StringIO

from uploads.files.record import FileInfo

COLUMNS = (
    "id", "file_name", "size", "checksum", "content_type", "owner", "state", "created_at", "folder",
)  # fmt: skip

#: Spreadsheets treat cells that start with these as formulas, even after invisible characters.
#: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
#: Cells also start after these in programs that use or guess another separator than the comma.
_SEPARATORS = frozenset(",;\t\r\n|")


def manifest(files: Iterable[FileInfo], usernames: dict[str, str]) -> str:
    """One row per file: sizes in bytes, checksums in base64 SHA-256, times in ISO 8601 UTC.

    Text that a spreadsheet would run as a formula is prefixed with an apostrophe.
    """
    output = StringIO()
    writer = csv.writer(output, quoting=csv.QUOTE_MINIMAL)
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
            info.folder,
        )
        writer.writerow([escape_formulas(cell) for cell in cells])
    return output.getvalue()


def escape_formulas(cell: str) -> str:
    """Text for a cell, which no spreadsheet runs as a formula."""
    result: list[str] = []
    at_start = True
    for char in cell:
        if at_start and char in _FORMULA:
            result.append("'")
        result.append(char)
        is_hidden = unicodedata.category(char) in {"Zs", "Cf"}
        at_start = char in _SEPARATORS or (at_start and is_hidden)
    return "".join(result)
