"""Inventories in CSV: which rows count, and what a run makes of them."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.ingest.reconciliation.helpers import (
    create_file,
    create_object,
    delete_record,
    differences,
    objects,
    put,
    recorded,
    run_command,
)
from tests.ingest.reconciliation.inventories import (
    FOLDER,
    SCHEMA,
    listed,
    refused,
    row,
    row_of,
    upload,
    write,
)
from uploads.aws import s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.ingest import confirm
from uploads.ingest.events import ObjectEvent
from uploads.ingest.reconciliation import checkpoints, inventory, reconcile
from uploads.ingest.reconciliation.reconcile import Plan

pytestmark = pytest.mark.usefixtures("aws")


def test_an_inventory_only_adds_missing_records() -> None:
    orphaned, consistent, later = create_object(), create_file(), create_file()
    missing = create_file()
    s3.delete(missing)
    gone = create_object()
    s3.delete(gone)
    url = write([row_of(orphaned), row_of(consistent)], [row_of(gone)])
    out = run_command("--inventory", url)
    assert "1 objects without a record, 0 records without an object" in out
    # A record that is not in the list may be newer than the list.
    assert recorded() == {orphaned, consistent, later, missing}
    (run,) = checkpoints.last_runs()
    assert (run.kind, run.examined, run.orphaned) == ("inventory", 3, 1)


def test_a_dry_run_of_an_inventory_changes_nothing() -> None:
    orphaned = create_object()
    out = run_command("--inventory", write([row_of(orphaned)]), "--dry-run")
    assert out.splitlines()[0] == f"{orphaned}  an object without a record"
    assert recorded() == set()
    assert checkpoints.last_runs() == []


def test_columns_may_be_in_any_order_and_most_may_be_missing() -> None:
    ids = [create_object(), create_object()]
    assert listed(write([row_of(upload_id) for upload_id in ids])) == ids
    assert listed(write([row_of(upload_id) for upload_id in ids], schema=SCHEMA[::-1])) == ids
    assert listed(write([row_of(upload_id) for upload_id in ids], schema=["Bucket", "Key"])) == ids
    assert differences(reconcile.check_objects(Plan("inventory"), inventory.objects(
        write([row_of(upload_id) for upload_id in ids], schema=["Key"])
    ))) == {"orphaned": 2}  # fmt: skip


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
def test_foreign_keys_are_skipped(key: str) -> None:
    upload_id = create_object()
    wrong = "0" if keys.shard(upload_id) != "0" else "1"
    hostile = (
        key.replace("{key}", keys.object_key(upload_id))
        .replace("{wrong}", wrong)
        .replace("{id}", upload_id)
    )
    assert listed(write([row(hostile), row_of(upload_id), row(hostile)])) == [upload_id]


def test_only_current_versions_count() -> None:
    ids = [create_object() for _ in range(3)]
    rows = [
        row_of(ids[0], IsLatest="false"),
        row_of(ids[1], IsDeleteMarker="true"),
        row_of(ids[2], IsLatest="false"),
        row_of(ids[2], VersionId="2"),
    ]
    assert listed(write(rows)) == [ids[2]]


def test_an_object_that_was_replaced_is_corrected() -> None:
    upload_id = create_file()
    put(upload_id, b"something else")
    url = write([row_of(upload_id, ETag=s3.head(upload_id).etag)])  # type: ignore[union-attr]
    plan = Plan("inventory", min_age=timedelta(0))
    assert differences(reconcile.check_objects(plan, inventory.objects(url))) == {"corrected": 1}


def test_without_etags_only_objects_without_a_record_are_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    orphaned, *consistent = create_object(), create_file(), create_file()
    url = write(
        [row_of(upload_id) for upload_id in (orphaned, *consistent)], schema=["Bucket", "Key"]
    )
    examined: list[str] = []
    head = s3.head

    def record_call(upload_id: str) -> s3.StoredObject | None:
        examined.append(upload_id)
        return head(upload_id)

    monkeypatch.setattr(s3, "head", record_call)
    plan = Plan("inventory", min_age=timedelta(0))
    assert differences(reconcile.check_objects(plan, inventory.objects(url))) == {"orphaned": 1}
    # Twice, if it is listed first: it also shows whether the bucket is the right one.
    assert set(examined) == {orphaned}


def test_objects_that_were_young_when_listed_are_left_alone() -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    url = write([row_of(create_object(), LastModifiedDate=now)])
    result = reconcile.check_objects(Plan("inventory"), inventory.objects(url))
    assert differences(result) == {"too_recent": 1}


def test_a_large_file_is_read_in_pieces(sizes: list[int]) -> None:
    ids = [keys.new_upload_id("7", "secret") for _ in range(2_000)]
    assert listed(write([row_of(upload_id) for upload_id in ids])) == ids
    assert len(sizes) > 4
    assert max(sizes[1:]) <= 10_000


@pytest.mark.exhaustive
def test_more_objects_than_one_batch_are_looked_up() -> None:
    consistent = [create_file() for _ in range(5)]
    orphaned = [create_object() for _ in range(3)]
    unknown = [keys.new_upload_id("7", "secret") for _ in range(240)]
    ids = [*unknown[:120], *consistent, *unknown[120:], *orphaned, *orphaned]
    run_command("--inventory", write([row_of(upload_id) for upload_id in ids]), "--min-age", "0m")
    assert recorded() == objects() == {*consistent, *orphaned}


def test_a_rejected_or_deleted_record_does_not_hide_its_object() -> None:
    upload_id = create_file()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(s3, "head", lambda upload_id: None)
        confirm.apply_event(ObjectEvent("removed", upload_id, "5".ljust(64, "0")))
    assert "1 objects without a record" in run_command("--inventory", write([row_of(upload_id)]))
    assert recorded() == {upload_id}
    delete_record(upload_id)


@pytest.mark.parametrize("format_", ["ORC", "", None, 7])
def test_other_formats_are_refused(format_: Any) -> None:
    assert "only CSV and Parquet are supported" in refused(write(fileFormat=format_))


def test_an_inventory_of_another_bucket_is_refused() -> None:
    assert "of the bucket theirs" in refused(write(sourceBucket="theirs"))


def test_an_inventory_without_keys_is_refused() -> None:
    assert "no column Key" in refused(write(schema=["Size"]))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"\xff", b'{"fileFormat": 1}', b"[" * 10_000], ids=lambda b: b[:9]
)
def test_an_invalid_manifest_is_refused(body: bytes) -> None:
    url = write()
    upload(f"{FOLDER}/manifest.json", body)
    assert "is not the manifest" in refused(url)


@pytest.mark.parametrize("url", ["manifest.json", "https://a/b", "s3://bucket", "s3:///key"])
def test_an_invalid_address_is_refused(url: str) -> None:
    assert "is not an address such as s3://" in refused(url)


def test_a_missing_manifest_is_reported_with_its_address() -> None:
    url = f"s3://{conf().bucket}/nothing/manifest.json"
    with pytest.raises(BackendUnavailable, match=r"could not read s3://.*/nothing/manifest.json"):
        listed(url)


def test_an_invalid_time_counts_as_damage() -> None:
    entry = row(keys.object_key(keys.new_upload_id("7", "secret")), LastModifiedDate="yesterday")
    assert "is damaged" in refused(write([entry]))


@pytest.mark.parametrize("damage", ["other bytes", "cut", "no gzip", "another file"])
def test_a_damaged_file_is_refused(damage: str) -> None:
    rows = [row_of(keys.new_upload_id("7", "secret")) for _ in range(50)]
    write(rows)
    valid = s3.read(conf().bucket, "inventory/data/0.csv.gz")
    damaged = {
        "other bytes": valid[:60] + bytes(b ^ 0xFF for b in valid[60:90]) + valid[90:],
        "cut": valid[:-30],
        "no gzip": b"not gzip",
        "another file": gzip.compress(b""),
    }[damage]
    assert "is damaged" in refused(write(rows, damaged=damaged))
