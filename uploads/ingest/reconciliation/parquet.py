"""Read Parquet files of an S3 Inventory: selected columns, row by row.

This needs pyarrow, which takes 170 MB and which few installations need. It is imported only here
and only when a file is read; everything else works without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, BinaryIO

from uploads.core.errors import FilehubError

#: Rows in memory at a time.
BATCH = 1_000
#: Bytes of a column to read at a time. Without a limit, pyarrow reads whole row groups, and a file
#: may be a single one.
BUFFER = 1024**2


class ParquetUnavailable(FilehubError):
    """pyarrow is not installed."""

    code = "parquet_unavailable"
    message = (
        "Reading Parquet needs pyarrow: "
        "pip install --require-hashes -r requirements-parquet.txt. "
        "Or change the inventory's format to CSV, or reconcile with --all instead."
    )


class DamagedParquet(Exception):
    """Not a Parquet file, or unreadable; the message says why."""


def rows(file: BinaryIO, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Each row as column -> value, without columns that the file does not have.

    `file` must be seekable. Raises ParquetUnavailable and DamagedParquet.
    """
    try:
        parquet = import_module("pyarrow.parquet")
    except ImportError as exc:
        raise ParquetUnavailable from exc
    try:
        with parquet.ParquetFile(file, buffer_size=BUFFER, pre_buffer=False) as opened:
            present = [name for name in columns if name in opened.schema_arrow.names]
            for batch in opened.iter_batches(BATCH, columns=present, use_threads=False):
                yield from batch.to_pylist()
    # pyarrow raises ValueError, OSError, KeyError, TypeError …
    except (ValueError, OSError, LookupError, TypeError, NotImplementedError) as exc:
        raise DamagedParquet(str(exc)) from exc
