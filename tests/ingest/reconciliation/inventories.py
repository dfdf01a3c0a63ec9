"""S3 Inventories in CSV and Parquet, written to the bucket as S3 writes them."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError

from tests.ingest.reconciliation.helpers import (
    run_command,
)
from uploads.aws import clients
from uploads.core import keys
from uploads.core.conf import conf
from uploads.ingest.reconciliation import inventory
from uploads.ingest.reconciliation.inventory import InvalidInventory

SCHEMA = (
    "Size", "IsLatest", "Key", "ETag", "IsDeleteMarker", "Bucket", "LastModifiedDate", "VersionId",
)  # fmt: skip

FOLDER = "inventory/filehub/daily/2026-01-01T01-00Z"
HOUR_AGO = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def row(key: str, **cells: str) -> dict[str, str]:
    """A row as S3 writes it for one version, with the key encoded as S3 does."""
    return {
        "Bucket": conf().bucket,
        "Key": quote(key, safe=""),
        "IsLatest": "true",
        "IsDeleteMarker": "false",
        "LastModifiedDate": HOUR_AGO,
        "Size": "5",
        "ETag": "not looked at yet",
        "VersionId": "",
        **cells,
    }


def write(
    *files: Sequence[dict[str, str]],
    schema: Sequence[str] = SCHEMA,
    damaged: bytes | None = None,
    **changed: Any,
) -> str:
    """Write an inventory to the bucket itself, as S3 does; return its address."""
    listed = []
    for number, rows in enumerate(files):
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
            [row[name] for name in schema] for row in rows
        )
        body = gzip.compress(text.getvalue().encode())
        key = f"inventory/data/{number}.csv.gz"
        listed.append({"key": key, "size": len(body), "MD5checksum": hashlib.md5(body).hexdigest()})
        upload(key, body if damaged is None else damaged)
    manifest = {
        "sourceBucket": conf().bucket,
        "destinationBucket": f"arn:aws:s3:::{conf().bucket}",
        "version": "2016-11-30",
        "creationTimestamp": "1514944800000",
        "fileFormat": "CSV",
        "fileSchema": ", ".join(schema),
        "files": listed,
        **changed,
    }
    upload(f"{FOLDER}/manifest.json", json.dumps(manifest).encode())
    return f"s3://{conf().bucket}/{FOLDER}/manifest.json"


def upload(key: str, body: bytes) -> None:
    clients.s3().put_object(Bucket=conf().bucket, Key=key, Body=body)


def listed(url: str) -> list[str]:
    return [listed.id for listed in inventory.objects(url)]


def row_of(upload_id: str, **cells: str) -> dict[str, str]:
    return row(keys.object_key(upload_id), **cells)


def refused(url: str) -> str:
    with pytest.raises(InvalidInventory) as caught:
        listed(url)
    with pytest.raises(CommandError):
        run_command("--inventory", url)
    return caught.value.message


COLUMNS = pa.schema(
    [
        ("bucket", pa.string()),
        ("key", pa.string()),
        ("version_id", pa.string()),
        ("is_latest", pa.bool_()),
        ("is_delete_marker", pa.bool_()),
        ("size", pa.int64()),
        ("last_modified_date", pa.timestamp("ms", "UTC")),
        ("e_tag", pa.string()),
    ]
)


def cells(key: str, **changed: Any) -> dict[str, Any]:
    """A row as S3 writes it to Parquet: the key unencoded, times as timestamps."""
    return {
        "bucket": conf().bucket,
        "key": key,
        "version_id": None,
        "is_latest": True,
        "is_delete_marker": False,
        "size": 5,
        "last_modified_date": datetime.now(UTC) - timedelta(hours=1),
        "e_tag": "not looked at yet",
        **changed,
    }


def write_parquet(
    *files: Sequence[dict[str, Any]],
    schema: pa.Schema = COLUMNS,
    body: bytes | None = None,
    md5: str | None = None,
) -> str:
    listed = []
    for number, rows in enumerate(files):
        out = io.BytesIO()
        table = pa.Table.from_pylist(list(rows), schema=schema)
        pq.write_table(table, out, compression="snappy")
        content = out.getvalue() if body is None else body
        key = f"inventory/data/{number}.parquet"
        digest = hashlib.md5(content).hexdigest() if md5 is None else md5
        listed.append({"key": key, "size": len(content), "MD5checksum": digest})
        upload(key, content)
    message = "message s3.inventory { required binary bucket (UTF8); required binary key (UTF8);}"
    return write(fileFormat="Parquet", fileSchema=message, files=listed)
