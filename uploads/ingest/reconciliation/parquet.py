"""Parquet, as far as an S3 Inventory needs it: some columns of a file, row by row.

pyarrow reads it. Hardly anybody needs that, and it takes 170 MB: it is imported here alone, when a
file is to be read, and an installation without it does everything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, BinaryIO

from uploads.core.errors import FilehubError

#: Rows that are in memory at a time.
BATCH = 1_000
#: Bytes of a column that are read at a time. Without a limit all of a row group would be, and a
#: file may be a single one.
BUFFER = 1024**2


class ParquetUnavailable(FilehubError):
    """pyarrow is not installed."""

    code = "parquet_unavailable"
    message = (
        "To read Parquet, pyarrow has to be installed: "
        "pip install -c requirements-dev.txt pyarrow. "
        "Or set the inventory's format to CSV, or reconcile with --all instead."
    )


class DamagedParquet(Exception):
    """It is no Parquet file, or one that cannot be read; the text says why."""


def rows(file: BinaryIO, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Each row as column -> value, with those of the columns that the file has.

    `file` has to be seekable. Raises ParquetUnavailable and DamagedParquet.
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
    # pyarrow's own errors are ValueErrors or OSErrors, or among Python's KeyErrors, TypeErrors …
    except (ValueError, OSError, LookupError, TypeError, NotImplementedError) as exc:
        raise DamagedParquet(str(exc)) from exc
