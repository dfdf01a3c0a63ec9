"""S3 Inventory: what S3 itself wrote down about a bucket, read instead of listing it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html

A data file can have gigabytes. It is read in pieces, each a request of its own: one long answer
would break off while the files in it are looked at. IAM: s3:GetObject on the inventory's bucket.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote_plus

from uploads import keys, storage
from uploads.conf import env
from uploads.exceptions import FilehubError
from uploads.storage import ListedObject

#: Bytes that are read at a time.
PIECE = 8 * 1024**2


class InvalidInventory(FilehubError):
    """It is no inventory of filehub's bucket, or cannot be read; the message says why."""

    code = "invalid_inventory"


@dataclass(frozen=True)
class DataFile:
    """One file of an inventory. `size` is in bytes, `md5` hexadecimal."""

    key: str
    size: int
    md5: str


@dataclass(frozen=True)
class Manifest:
    """What belongs to an inventory: the files, where they are, and their columns."""

    bucket: str
    columns: tuple[str, ...]
    files: tuple[DataFile, ...]


def objects(url: str) -> Iterator[ListedObject]:
    """The objects of filehub's that an inventory lists, by the address of its manifest.

    Raises InvalidInventory (a damaged file only when its end is reached) and BackendUnavailable.
    """
    manifest = _manifest(url)
    for file in manifest.files:
        yield from _objects(manifest, file)


def _manifest(url: str) -> Manifest:
    match = re.fullmatch(r"s3://([^/]+)/(.+)", url)
    if match is None:
        raise InvalidInventory(f"“{url}” is no address such as s3://bucket/prefix/manifest.json.")
    try:
        fields = json.loads(storage.read(match[1], match[2]))
        format_, source = fields["fileFormat"], fields["sourceBucket"]
        manifest = Manifest(
            # An ARN; the bucket's name is its last part.
            bucket=fields["destinationBucket"].rpartition(":")[2],
            columns=tuple(name.strip() for name in fields["fileSchema"].split(",")),
            files=tuple(
                DataFile(file["key"], int(file["size"]), file["MD5checksum"])
                for file in fields["files"]
            ),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise InvalidInventory(f"{url} is not the manifest of an S3 Inventory.") from exc
    if format_ != "CSV":
        raise InvalidInventory(
            f"The inventory is written as {format_}; only CSV can be read. "
            "Set the inventory's format to CSV, or reconcile with --all instead."
        )
    if source != env().filehub_bucket:
        raise InvalidInventory(
            f"The inventory is of the bucket {source}, not of {env().filehub_bucket}."
        )
    if "Key" not in manifest.columns:
        raise InvalidInventory("The inventory has no column Key.")
    return manifest


def _objects(manifest: Manifest, file: DataFile) -> Iterator[ListedObject]:
    pieces = _Pieces(manifest.bucket, file)
    try:
        with gzip.open(io.BufferedReader(pieces, PIECE)) as unpacked:
            text = io.TextIOWrapper(unpacked, encoding="utf-8", newline="")
            for cells in csv.reader(text):
                found = _object(dict(zip(manifest.columns, cells, strict=False)))
                if found is not None:
                    yield found
    except (EOFError, OSError, UnicodeDecodeError, csv.Error, zlib.error) as exc:
        raise InvalidInventory(f"{file.key} of the inventory is damaged: {exc}") from exc
    if pieces.md5 != file.md5.lower():
        raise InvalidInventory(
            f"{file.key} of the inventory is damaged: its MD5 is not that of the manifest."
        )


def _object(row: dict[str, str]) -> ListedObject | None:
    """The object that a row tells of; None unless it is filehub's and there now."""
    if row.get("IsLatest") == "false" or row.get("IsDeleteMarker") == "true":
        return None
    upload_id = keys.upload_id_of(unquote_plus(row.get("Key", "")))
    if upload_id is None:
        return None
    modified = row.get("LastModifiedDate")
    return ListedObject(
        upload_id,
        row.get("ETag", "").strip('"'),
        datetime.fromisoformat(modified) if modified else None,
    )


class _Pieces(io.RawIOBase):
    """An object as a file that is read once, from beginning to end; counts its MD5 on the way."""

    def __init__(self, bucket: str, file: DataFile) -> None:
        self._bucket, self._file = bucket, file
        self._position = 0
        self._md5 = hashlib.md5(usedforsecurity=False)

    @property
    def md5(self) -> str:
        return self._md5.hexdigest()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any buffer
        wanted = min(len(buffer), self._file.size - self._position)
        if wanted <= 0:
            return 0
        piece = storage.read(self._bucket, self._file.key, self._position, wanted)
        buffer[: len(piece)] = piece
        self._md5.update(piece)
        self._position += len(piece)
        return len(piece)
