"""Reading what S3 wrote down about the bucket, however it is written and whatever else is in it."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError

from tests.ingest.test_reconcile import (
    command,
    forget,
    found,
    objects,
    place,
    put,
    recorded,
    stored,
)
from uploads.aws import s3
from uploads.core import keys
from uploads.core.conf import env
from uploads.core.errors import BackendUnavailable
from uploads.files.record import StoredFile
from uploads.ingest import confirm
from uploads.ingest.reconciliation import checkpoints, inventory, parquet, reconcile
from uploads.ingest.reconciliation.inventory import InvalidInventory
from uploads.ingest.reconciliation.reconcile import Plan

pytestmark = pytest.mark.usefixtures("aws")

SCHEMA = (
    "Size", "IsLatest", "Key", "ETag", "IsDeleteMarker", "Bucket", "LastModifiedDate", "VersionId",
)  # fmt: skip
FOLDER = "inventory/filehub/daily/2026-01-01T01-00Z"
HOUR_AGO = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def row(key: str, **cells: str) -> dict[str, str]:
    """What S3 writes of one version, the key encoded as S3 does."""
    return {
        "Bucket": env().filehub_bucket,
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
    """An inventory in the bucket itself, as S3 writes it; returns its address."""
    listed = []
    for number, rows in enumerate(files):
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
            [each[name] for name in schema] for each in rows
        )
        body = gzip.compress(text.getvalue().encode())
        key = f"inventory/data/{number}.csv.gz"
        listed.append({"key": key, "size": len(body), "MD5checksum": hashlib.md5(body).hexdigest()})
        upload(key, body if damaged is None else damaged)
    manifest = {
        "sourceBucket": env().filehub_bucket,
        "destinationBucket": f"arn:aws:s3:::{env().filehub_bucket}",
        "version": "2016-11-30",
        "creationTimestamp": "1514944800000",
        "fileFormat": "CSV",
        "fileSchema": ", ".join(schema),
        "files": listed,
        **changed,
    }
    upload(f"{FOLDER}/manifest.json", json.dumps(manifest).encode())
    return f"s3://{env().filehub_bucket}/{FOLDER}/manifest.json"


def upload(key: str, body: bytes) -> None:
    s3.client().put_object(Bucket=env().filehub_bucket, Key=key, Body=body)


def listed(url: str) -> list[str]:
    return [each.id for each in inventory.objects(url)]


def of(upload_id: str, **cells: str) -> dict[str, str]:
    return row(keys.object_key(upload_id), **cells)


def test_objects_without_a_record_are_recorded_and_nothing_else_happens() -> None:
    lost, right, later = place(), stored(), stored()
    ghost = stored()
    s3.delete(ghost)
    gone = place()
    s3.delete(gone)
    url = write([of(lost), of(right)], [of(gone)])
    out = command("--inventory", url)
    assert "1 objects without a record, 0 records without an object" in out
    # What is not in the list may have come after it was written: it says nothing.
    assert recorded() == {lost, right, later, ghost}
    (run,) = checkpoints.last_runs()
    assert (run.kind, run.looked_at, run.orphans) == ("inventory", 3, 1)


def test_a_dry_run_of_an_inventory_changes_nothing() -> None:
    lost = place()
    out = command("--inventory", write([of(lost)]), "--dry-run")
    assert out.splitlines()[0] == f"{lost}  an object without a record"
    assert recorded() == set()
    assert checkpoints.last_runs() == []


def test_columns_may_stand_in_any_order_and_most_may_be_missing() -> None:
    ids = [place(), place()]
    assert listed(write([of(each) for each in ids])) == ids
    assert listed(write([of(each) for each in ids], schema=SCHEMA[::-1])) == ids
    assert listed(write([of(each) for each in ids], schema=["Bucket", "Key"])) == ids
    assert found(reconcile.check_objects(Plan("inventory"), inventory.objects(
        write([of(each) for each in ids], schema=["Key"])
    ))) == {"orphans": 2}  # fmt: skip


@pytest.mark.parametrize(
    "key",
    [
        "images/a.png",
        "uploads/0/a+b c.txt",
        'uploads/0/"quoted",comma\nand line',
        "uploads/0/日本語/../%2F",
        "uploads/",
        "",
        "uploads2/{key}",
        "uploads/{wrong}/{id}",
        "{key}/",
    ],
)
def test_keys_of_others_are_passed_over(key: str) -> None:
    upload_id = place()
    wrong = "0" if keys.shard(upload_id) != "0" else "1"
    hostile = (
        key.replace("{key}", keys.object_key(upload_id))
        .replace("{wrong}", wrong)
        .replace("{id}", upload_id)
    )
    assert listed(write([row(hostile), of(upload_id), row(hostile)])) == [upload_id]


def test_only_versions_that_are_there_now_count() -> None:
    ids = [place() for _ in range(3)]
    rows = [
        of(ids[0], IsLatest="false"),
        of(ids[1], IsDeleteMarker="true"),
        of(ids[2], IsLatest="false"),
        of(ids[2], VersionId="2"),
    ]
    assert listed(write(rows)) == [ids[2]]


def test_an_object_that_was_replaced_is_corrected() -> None:
    upload_id = stored()
    put(upload_id, b"something else")
    url = write([of(upload_id, ETag=s3.head(upload_id).etag)])  # type: ignore[union-attr]
    plan = Plan("inventory", min_age=timedelta(0))
    assert found(reconcile.check_objects(plan, inventory.objects(url))) == {"corrected": 1}


def test_without_etags_only_what_has_no_record_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost, *right = place(), stored(), stored()
    url = write([of(each) for each in (lost, *right)], schema=["Bucket", "Key"])
    looked_at: list[str] = []
    head = s3.head

    def noted(upload_id: str) -> s3.StoredObject | None:
        looked_at.append(upload_id)
        return head(upload_id)

    monkeypatch.setattr(s3, "head", noted)
    plan = Plan("inventory", min_age=timedelta(0))
    assert found(reconcile.check_objects(plan, inventory.objects(url))) == {"orphans": 1}
    assert looked_at == [lost]


def test_what_was_young_when_it_was_listed_is_left_alone() -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    url = write([of(place(), LastModifiedDate=now)])
    result = reconcile.check_objects(Plan("inventory"), inventory.objects(url))
    assert found(result) == {"left_alone": 1}


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of the pieces that are read, which have at most 10,000 bytes each."""
    monkeypatch.setattr(inventory, "PIECE", 10_000)
    sizes: list[int] = []
    read = s3.read

    def noted(bucket: str, key: str, start: int = 0, size: int | None = None) -> bytes:
        piece = read(bucket, key, start, size)
        sizes.append(len(piece))
        return piece

    monkeypatch.setattr(s3, "read", noted)
    return sizes


def test_a_large_file_is_read_in_pieces(sizes: list[int]) -> None:
    ids = [keys.new_upload_id("7", "secret") for _ in range(2_000)]
    assert listed(write([of(each) for each in ids])) == ids
    assert len(sizes) > 4
    assert max(sizes[1:]) <= 10_000


def test_more_objects_than_one_batch_are_looked_up() -> None:
    right = [stored() for _ in range(5)]
    lost = [place() for _ in range(3)]
    unknown = [keys.new_upload_id("7", "secret") for _ in range(240)]
    ids = [*unknown[:120], *right, *unknown[120:], *lost, *lost]
    command("--inventory", write([of(each) for each in ids]), "--min-age", "0m")
    assert recorded() == objects() == {*right, *lost}


def test_a_rejected_or_deleted_record_does_not_hide_its_object() -> None:
    upload_id = stored()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(s3, "head", lambda upload_id: None)
        confirm._mark_deleted(upload_id, "5".ljust(64, "0"))
    assert "1 objects without a record" in command("--inventory", write([of(upload_id)]))
    assert recorded() == {upload_id}
    forget(upload_id)


# What cannot be read is said in a sentence


def refused(url: str) -> str:
    with pytest.raises(InvalidInventory) as caught:
        listed(url)
    with pytest.raises(CommandError):
        command("--inventory", url)
    return caught.value.message


@pytest.mark.parametrize("format_", ["ORC", "", None, 7])
def test_other_formats_are_refused(format_: Any) -> None:
    assert "CSV and Parquet can be read" in refused(write(fileFormat=format_))


def test_an_inventory_of_another_bucket_is_refused() -> None:
    assert "of the bucket theirs" in refused(write(sourceBucket="theirs"))


def test_an_inventory_without_keys_is_refused() -> None:
    assert "no column Key" in refused(write(schema=["Size"]))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"\xff", b'{"fileFormat": 1}', b"[" * 10_000], ids=lambda b: b[:9]
)
def test_what_is_no_manifest_is_refused(body: bytes) -> None:
    url = write()
    upload(f"{FOLDER}/manifest.json", body)
    assert "is not the manifest" in refused(url)


@pytest.mark.parametrize("url", ["manifest.json", "https://a/b", "s3://bucket", "s3:///key"])
def test_what_is_no_address_is_refused(url: str) -> None:
    assert "is no address such as s3://" in refused(url)


def test_a_missing_manifest_is_named() -> None:
    url = f"s3://{env().filehub_bucket}/nothing/manifest.json"
    with pytest.raises(BackendUnavailable, match=r"could not read s3://.*/nothing/manifest.json"):
        listed(url)


def test_a_time_that_is_none_is_damage() -> None:
    entry = row(keys.object_key(keys.new_upload_id("7", "secret")), LastModifiedDate="yesterday")
    assert "is damaged" in refused(write([entry]))


@pytest.mark.parametrize("damage", ["other bytes", "cut", "no gzip", "another file"])
def test_a_damaged_file_is_refused(damage: str) -> None:
    rows = [of(keys.new_upload_id("7", "secret")) for _ in range(50)]
    write(rows)
    good = s3.read(env().filehub_bucket, "inventory/data/0.csv.gz")
    damaged = {
        "other bytes": good[:60] + bytes(b ^ 0xFF for b in good[60:90]) + good[90:],
        "cut": good[:-30],
        "no gzip": b"not gzip",
        "another file": gzip.compress(b""),
    }[damage]
    assert "is damaged" in refused(write(rows, damaged=damaged))


# The same in Parquet


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
    """A row as S3 writes it to Parquet: the key as it is, times as times."""
    return {
        "bucket": env().filehub_bucket,
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


def test_a_parquet_inventory_does_the_same() -> None:
    lost, right, other, young = place(), stored(), stored(), place()
    put(other, b"something else")
    etags = {each: s3.head(each).etag for each in (right, other)}  # type: ignore[union-attr]
    now = datetime.now(UTC)
    url = write_parquet(
        [cells(keys.object_key(lost)), cells(keys.object_key(right), e_tag=etags[right])],
        [
            cells(keys.object_key(other), e_tag=etags[other]),
            cells(keys.object_key(young), last_modified_date=now),
        ],
    )
    out = command("--inventory", url, "--min-age", "1m")
    assert "2 differences were too young" in out
    assert "1 objects without a record" in out
    assert recorded() == {lost, right, other}
    command("--inventory", url, "--min-age", "0m")
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
def test_a_row_of_parquet(changed: dict[str, Any], is_there: bool) -> None:
    upload_id = keys.new_upload_id("7", "secret")
    row = cells(keys.object_key(upload_id)) | changed
    assert listed(write_parquet([row])) == ([upload_id] if is_there else [])


def test_keys_in_parquet_are_not_encoded() -> None:
    key = keys.object_key(keys.new_upload_id("7", "secret"))
    assert listed(write_parquet([cells(quote(key, safe=""))])) == []


def test_parquet_with_other_types_of_columns() -> None:
    upload_id = keys.new_upload_id("7", "secret")
    schema = pa.schema([("key", pa.binary()), ("last_modified_date", pa.timestamp("ms"))])
    moment = datetime(2026, 1, 1)  # noqa: DTZ001  # as a writer that does not say UTC has it
    row = {"key": keys.object_key(upload_id).encode(), "last_modified_date": moment}
    (found,) = inventory.objects(write_parquet([row], schema=schema))
    assert (found.id, found.etag, found.modified_at) == (upload_id, "", moment.replace(tzinfo=UTC))


def test_parquet_is_copied_in_pieces(sizes: list[int]) -> None:
    ids = [keys.new_upload_id("7", "secret") for _ in range(2_000)]
    found = inventory.objects(write_parquet([cells(keys.object_key(each)) for each in ids]))
    assert [each.id for each in found] == ids
    assert len(sizes) > 4
    assert max(sizes[1:]) <= 10_000


class Counted(io.BytesIO):
    """Counts the bytes that are read."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        self.count += len(found)
        return found


def test_of_a_large_parquet_file_only_some_rows_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "BATCH", 100)
    monkeypatch.setattr(parquet, "BUFFER", 10_000)
    ids = [keys.new_upload_id("7", "secret") for _ in range(20_000)]
    file = Counted()
    # One row group, as large as the file.
    pq.write_table(pa.table({"key": ids}), file, use_dictionary=False, data_page_size=10_000)
    rows = parquet.rows(file, ["key"])
    assert next(rows) == {"key": ids[0]}
    assert file.count < len(file.getvalue()) / 2
    assert [row["key"] for row in rows] == ids[1:]


def test_a_parquet_file_that_is_not_what_the_manifest_says_is_never_read() -> None:
    row = cells(keys.object_key(place()))
    assert "its MD5 is not that" in refused(write_parquet([row], md5="0" * 32))
    assert recorded() == set()


@pytest.mark.parametrize("damage", ["nothing", "no Parquet", "cut", "other bytes"])
def test_a_damaged_parquet_file_is_refused(damage: str) -> None:
    rows = [cells(keys.object_key(keys.new_upload_id("7", "secret"))) for _ in range(50)]
    write_parquet(rows)
    good = s3.read(env().filehub_bucket, "inventory/data/0.parquet")
    body = {
        "nothing": b"",
        "no Parquet": b"no Parquet" * 9,
        "cut": good[:-30],
        "other bytes": good[:4] + b"\xff" * 400 + good[404:],
    }[damage]
    assert "is damaged" in refused(write_parquet(rows, body=body))


def test_a_parquet_file_without_keys_is_refused() -> None:
    url = write_parquet([{"size": 5}], schema=pa.schema([("size", pa.int64())]))
    assert "no column key" in refused(url)


def test_without_pyarrow_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    url = write_parquet([cells(keys.object_key(place()))])
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(CommandError, match=r"pip install .* pyarrow"):
        command("--inventory", url)
    assert recorded() == set()


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    url = write_parquet([cells(keys.object_key(place()))])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    assert "cannot be copied to /" in refused(url)
