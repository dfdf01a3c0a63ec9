"""The audit log as CSV (RFC 4180), sent while it is read, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

from uploads.accounts.audit import search
from uploads.files.manifest import escape_formulas

#: The most entries of one file. Those of a shorter period are in another.
MAX_ROWS = 100_000
COLUMNS = (
    "id", "at", "action", "outcome", "user_key", "user_name", "token_id", "object_kind",
    "object_id", "object_name", "detail", "address", "agent", "request_id",
)  # fmt: skip
CUT_OFF = "More entries match. Download a shorter period."


class _Line:
    """A file for `csv.writer` that returns what is written."""

    def write(self, text: str) -> str:
        return text


def lines(criteria: search.Criteria, limit: int = MAX_ROWS) -> Iterator[str]:
    """The lines of the file, newest first, times in ISO 8601 UTC.

    If more entries match than `limit`, the last line says so.
    """
    writer: Any = csv.writer(_Line())
    yield writer.writerow(COLUMNS)
    for number, entry in enumerate(search.entries(criteria, limit + 1)):
        if number == limit:
            yield writer.writerow([CUT_OFF])
            return
        yield writer.writerow([_cell(getattr(entry, name)) for name in COLUMNS])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return escape_formulas(value if isinstance(value, str) else _plain(value))


def _plain(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
