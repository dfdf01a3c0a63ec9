"""A list of files as CSV (RFC 4180), harmless in a spreadsheet (pure)."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterable
from io import StringIO

from uploads.listing import FileInfo

COLUMNS = ("id", "file_name", "size", "checksum", "content_type", "owner", "state", "created_at")

#: A spreadsheet takes a cell that begins so for a formula, also behind what cannot be seen.
#: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def manifest(files: Iterable[FileInfo], usernames: dict[str, str]) -> str:
    """One row for each file: sizes in bytes, checksums base64 SHA-256, times ISO 8601 UTC.

    A cell that a spreadsheet would run gets an apostrophe in front.
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
    visible = (char for char in cell if unicodedata.category(char) not in {"Zs", "Cf"})
    return f"'{cell}" if next(visible, "").startswith(_FORMULA) else cell
