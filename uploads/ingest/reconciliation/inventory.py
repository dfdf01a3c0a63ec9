"""S3 Inventory: read S3's own periodic list of a bucket instead of listing the bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html

A data file may be several gigabytes. It is read in chunks, one request each, as one long response
would time out while its files are checked. CSV is streamed. Parquet needs random access, so it is
read from a copy on disk, one file at a time. IAM: s3:GetObject on the inventory's bucket.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO, cast
from urllib.parse import unquote_plus

from uploads.aws import s3
from uploads.aws.s3 import ListedObject
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.errors import FilehubError
from uploads.core.strict_json import parse_json
from uploads.ingest.reconciliation import parquet

#: Bytes per request.
CHUNK_SIZE = 8 * 1024**2


class InvalidInventory(FilehubError):
    """Not an inventory of filehub's bucket, or unreadable; the message says why."""

    code = "invalid_inventory"


@dataclass(frozen=True)
class DataFile:
    """A data file of an inventory. `size` is in bytes, `md5` hexadecimal."""

    key: str
    size: int
    md5: str


@dataclass(frozen=True)
class Manifest:
    """The manifest of an inventory: its data files, their bucket and their format."""

    bucket: str
    format: str
    #: Only for CSV; Parquet files include their column names.
    columns: tuple[str, ...]
    files: tuple[DataFile, ...]


def objects(url: str) -> Iterator[ListedObject]:
    """The objects in an inventory that filehub created. `url` is the address of its manifest.

    Raises InvalidInventory (for damaged CSV only at the end of the file), BackendUnavailable, and
    ParquetUnavailable if pyarrow is not installed.
    """
    manifest = _manifest(url)
    read = _READERS[manifest.format]
    for file in manifest.files:
        for listed in read(manifest, file):
            if listed is not None:
                yield listed


def _manifest(url: str) -> Manifest:
    match = re.fullmatch(r"s3://([^/]+)/(.+)", url)
    if match is None:
        raise InvalidInventory(
            f"“{url}” is not an address such as s3://bucket/prefix/manifest.json."
        )
    try:
        fields = parse_json(s3.read(match[1], match[2]))
        source = fields["sourceBucket"]
        manifest = Manifest(
            # An ARN; the bucket's name is its last part.
            bucket=fields["destinationBucket"].rpartition(":")[2],
            format=str(fields["fileFormat"]),
            columns=tuple(name.strip() for name in fields["fileSchema"].split(",")),
            files=tuple(
                DataFile(file["key"], int(file["size"]), file["MD5checksum"])
                for file in fields["files"]
            ),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise InvalidInventory(f"{url} is not the manifest of an S3 Inventory.") from exc
    if manifest.format not in _READERS:
        raise InvalidInventory(
            f"The inventory's format is {manifest.format}; only CSV and Parquet are supported. "
            "Change the inventory's format, or reconcile with --all instead."
        )
    if source != conf().bucket:
        raise InvalidInventory(f"The inventory is of the bucket {source}, not of {conf().bucket}.")
    if manifest.format == "CSV" and "Key" not in manifest.columns:
        raise InvalidInventory("The inventory has no column Key.")
    return manifest


def _object(
    key: str, *, is_current: bool, etag: str, modified_at: datetime | None
) -> ListedObject | None:
    """The object of a row; None unless filehub created it and it is the current version."""
    upload_id = keys.upload_id_of(key) if is_current else None
    return ListedObject(upload_id, etag.strip('"'), modified_at) if upload_id else None


def _csv(manifest: Manifest, file: DataFile) -> Iterator[ListedObject | None]:
    reader = _ObjectReader(manifest.bucket, file)
    try:
        with gzip.open(io.BufferedReader(reader, CHUNK_SIZE)) as unpacked:
            text = io.TextIOWrapper(unpacked, encoding="utf-8", newline="")
            for cells in csv.reader(text):
                row = dict(zip(manifest.columns, cells, strict=False))
                modified = row.get("LastModifiedDate")
                yield _object(
                    # Only CSV has encoded keys.
                    unquote_plus(row.get("Key", "")),
                    is_current=row.get("IsLatest") != "false"
                    and row.get("IsDeleteMarker") != "true",
                    etag=row.get("ETag", ""),
                    modified_at=datetime.fromisoformat(modified) if modified else None,
                )
    except (EOFError, OSError, ValueError, csv.Error, zlib.error) as exc:
        raise InvalidInventory(f"{file.key} of the inventory is damaged: {exc}") from exc
    reader.check_md5()


def _parquet(manifest: Manifest, file: DataFile) -> Iterator[ListedObject | None]:
    with _copy(manifest.bucket, file) as copy:
        try:
            for row in parquet.rows(
                copy, ["key", "is_latest", "is_delete_marker", "e_tag", "last_modified_date"]
            ):
                if "key" not in row:
                    raise InvalidInventory("The inventory has no column key.")
                yield _object(
                    _text(row["key"]),
                    is_current=row.get("is_latest") is not False
                    and row.get("is_delete_marker") is not True,
                    etag=_text(row.get("e_tag")),
                    modified_at=_as_utc(row.get("last_modified_date")),
                )
        except parquet.DamagedParquet as exc:
            raise InvalidInventory(f"{file.key} of the inventory is damaged: {exc}") from exc


_READERS: dict[str, Callable[[Manifest, DataFile], Iterator[ListedObject | None]]] = {
    "CSV": _csv,
    "Parquet": _parquet,
}


def _text(value: Any) -> str:
    """A cell as text. It may be missing, or have the type bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")


def _as_utc(value: Any) -> datetime | None:
    """A timestamp cell as UTC, with or without a time zone in the file."""
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


@contextmanager
def _copy(bucket: str, file: DataFile) -> Iterator[BinaryIO]:
    """Copy a data file to disk and verify its MD5."""
    reader = _ObjectReader(bucket, file)
    with tempfile.TemporaryFile() as copy:
        try:
            shutil.copyfileobj(cast("BinaryIO", reader), copy, CHUNK_SIZE)
        except OSError as exc:
            raise InvalidInventory(
                f"{file.key} of the inventory, {file.size:,} bytes, cannot be copied to "
                f"{tempfile.gettempdir()}: {exc.strerror}."
            ) from exc
        reader.check_md5()
        copy.seek(0)
        yield copy


class _ObjectReader(io.RawIOBase):
    """An object as a file, read once from start to end. Computes its MD5 on the way."""

    def __init__(self, bucket: str, file: DataFile) -> None:
        self._bucket, self._file = bucket, file
        self._position = 0
        self._md5 = hashlib.md5(usedforsecurity=False)

    def check_md5(self) -> None:
        """Raise InvalidInventory unless the MD5 matches the manifest."""
        if self._md5.hexdigest() != self._file.md5.lower():
            raise InvalidInventory(
                f"{self._file.key} of the inventory is damaged: "
                "its MD5 does not match the manifest."
            )

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any buffer
        size = min(len(buffer), self._file.size - self._position)
        if size <= 0:
            return 0
        chunk = s3.read(self._bucket, self._file.key, self._position, size)
        buffer[: len(chunk)] = chunk
        self._md5.update(chunk)
        self._position += len(chunk)
        return len(chunk)
