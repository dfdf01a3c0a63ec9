"""Inventories in Parquet."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError

from tests.ingest.reconciliation.helpers import (
    create_file,
    create_object,
    objects,
    put,
    recorded,
    run_command,
)
from tests.ingest.reconciliation.inventories import cells, listed, refused, write_parquet
from uploads.aws import s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.files.record import StoredFile
from uploads.ingest.reconciliation import inventory, parquet

pytestmark = pytest.mark.usefixtures("aws")


def test_a_parquet_inventory_works_like_csv() -> None:
    orphaned, consistent, other, young = (
        create_object(),
        create_file(),
        create_file(),
        create_object(),
    )
    put(other, b"something else")
    etags = {upload_id: s3.head(upload_id).etag for upload_id in (consistent, other)}  # type: ignore[union-attr]
    now = datetime.now(UTC)
    url = write_parquet(
        [
            cells(keys.object_key(orphaned)),
            cells(keys.object_key(consistent), e_tag=etags[consistent]),
        ],
        [
            cells(keys.object_key(other), e_tag=etags[other]),
            cells(keys.object_key(young), last_modified_date=now),
        ],
    )
    out = run_command("--inventory", url, "--min-age", "1m")
    assert "2 differences were too recent" in out
    assert "1 objects without a record" in out
    assert recorded() == {orphaned, consistent, other}
    run_command("--inventory", url, "--min-age", "0m")
    assert recorded() == objects()
    assert StoredFile.get(other).etag == etags[other]


@pytest.mark.parametrize(
    ("changed", "is_there"),
    [
        ({}, True),
        ({"is_latest": None, "is_delete_marker": None, "e_tag": None}, True),
        ({"last_modified_date": None}, True),
        ({"is_latest": False}, False),
        ({"is_delete_marker": True}, False),
        ({"key": "uploads/0/notes.txt"}, False),
    ],
    ids=["as written", "without versions", "without time", "old", "marker", "another key"],
)
def test_a_parquet_row_counts_if_it_is_a_current_version(
    changed: dict[str, Any], is_there: bool
) -> None:
    upload_id = keys.new_upload_id("7", "secret")
    row = cells(keys.object_key(upload_id)) | changed
    assert listed(write_parquet([row])) == ([upload_id] if is_there else [])


def test_keys_in_parquet_are_not_encoded() -> None:
    key = keys.object_key(keys.new_upload_id("7", "secret"))
    assert listed(write_parquet([cells(quote(key, safe=""))])) == []


def test_parquet_columns_may_have_other_types() -> None:
    upload_id = keys.new_upload_id("7", "secret")
    schema = pa.schema([("key", pa.binary()), ("last_modified_date", pa.timestamp("ms"))])
    moment = datetime(2026, 1, 1)  # noqa: DTZ001  # as from a writer that omits UTC
    row = {"key": keys.object_key(upload_id).encode(), "last_modified_date": moment}
    (listed_object,) = inventory.objects(write_parquet([row], schema=schema))
    assert (listed_object.id, listed_object.etag, listed_object.modified_at) == (
        upload_id,
        "",
        moment.replace(tzinfo=UTC),
    )


def test_parquet_is_copied_in_pieces(sizes: list[int]) -> None:
    ids = [keys.new_upload_id("7", "secret") for _ in range(2_000)]
    objects_found = inventory.objects(
        write_parquet([cells(keys.object_key(upload_id)) for upload_id in ids])
    )
    assert [listed_object.id for listed_object in objects_found] == ids
    assert len(sizes) > 4
    assert max(sizes[1:]) <= 10_000


class Counted(io.BytesIO):
    """Counts the bytes that are read."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        piece = super().read(size)
        self.count += len(piece)
        return piece


def test_a_large_parquet_file_is_read_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "BATCH", 100)
    monkeypatch.setattr(parquet, "BUFFER", 10_000)
    ids = [keys.new_upload_id("7", "secret") for _ in range(20_000)]
    file = Counted()
    # A single row group of the size of the file.
    pq.write_table(pa.table({"key": ids}), file, use_dictionary=False, data_page_size=10_000)
    rows = parquet.rows(file, ["key"])
    assert next(rows) == {"key": ids[0]}
    assert file.count < len(file.getvalue()) / 2
    assert [row["key"] for row in rows] == ids[1:]


def test_a_parquet_file_with_another_md5_is_never_read() -> None:
    row = cells(keys.object_key(create_object()))
    assert "its MD5 does not match" in refused(write_parquet([row], md5="0" * 32))
    assert recorded() == set()


@pytest.mark.parametrize("damage", ["nothing", "no Parquet", "cut", "other bytes"])
def test_a_damaged_parquet_file_is_refused(damage: str) -> None:
    rows = [cells(keys.object_key(keys.new_upload_id("7", "secret"))) for _ in range(50)]
    write_parquet(rows)
    valid = s3.read(conf().bucket, "inventory/data/0.parquet")
    body = {
        "nothing": b"",
        "no Parquet": b"no Parquet" * 9,
        "cut": valid[:-30],
        "other bytes": valid[:4] + b"\xff" * 400 + valid[404:],
    }[damage]
    assert "is damaged" in refused(write_parquet(rows, body=body))


def test_a_parquet_file_without_keys_is_refused() -> None:
    url = write_parquet([{"size": 5}], schema=pa.schema([("size", pa.int64())]))
    assert "no column key" in refused(url)


def test_without_pyarrow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    url = write_parquet([cells(keys.object_key(create_object()))])
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(CommandError, match=r"requirements-parquet"):
        run_command("--inventory", url)
    assert recorded() == set()


def test_a_full_disk_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    url = write_parquet([cells(keys.object_key(create_object()))])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    assert "cannot be copied to /" in refused(url)
