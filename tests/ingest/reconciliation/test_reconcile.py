"""A run makes objects and records agree, and touches nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from pytest_django import Settings

from tests.ingest.reconciliation.helpers import (
    ALL,
    OWNER,
    RESUMABLE,
    aws,
    create_file,
    create_object,
    delete_record,
    differences,
    objects,
    put,
    recorded,
    table,
)
from uploads.aws import clients, s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.files import usage
from uploads.files.record import StoredFile
from uploads.ingest import confirm, records
from uploads.ingest.events import ObjectEvent
from uploads.ingest.reconciliation import reconcile


@aws
def test_an_object_without_a_record_is_recorded() -> None:
    orphaned = create_object(name="naïve.txt")
    assert differences(reconcile.run(ALL)) == {"orphaned": 1}
    record = StoredFile.get(orphaned)
    assert (record.state, record.file_name, record.owner) == ("stored", "naïve.txt", OWNER)
    assert usage.usage_of([OWNER])[OWNER] == usage.Usage(1, 5)


@aws
def test_a_record_without_an_object_is_marked_deleted() -> None:
    create_file()
    missing = create_file()
    s3.delete(missing)
    assert differences(reconcile.run(ALL)) == {"missing": 1}
    record = StoredFile.get(missing)
    assert (record.state, record.reason) == ("deleted", records.OBJECT_MISSING)
    assert record.owner_feed is None
    assert usage.usage_of([OWNER])[OWNER] == usage.Usage(1, 5)


@pytest.mark.exhaustive
@aws
def test_one_run_finds_missing_and_orphaned_objects_among_consistent_ones() -> None:
    consistent = {create_file() for _ in range(40)}
    orphaned = {create_object() for _ in range(20)}
    missing = {create_file() for _ in range(20)}
    for upload_id in missing:
        s3.delete(upload_id)
    assert len({keys.shard(upload_id) for upload_id in orphaned | missing}) > 4
    result = reconcile.run(ALL)
    assert differences(result) == {"orphaned": 20, "missing": 20}
    assert (result.counts.objects, result.counts.records, result.counts.examined) == (60, 60, 80)
    assert recorded() == consistent | orphaned == objects()
    assert recorded("deleted") == missing


@aws
def test_consistent_records_are_not_touched() -> None:
    for _ in range(20):
        create_file()
    before = table()
    result = reconcile.run(RESUMABLE)
    assert (differences(result), result.counts.examined) == ({}, 20)
    after = table()
    assert [item for item in after if not item["id"]["S"].startswith("reconcile#")] == before


@aws
def test_a_rejected_object_that_still_exists_is_deleted(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    upload_id = create_object()
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("image/*",)}
    with monkeypatch.context() as patch:
        patch.setattr(s3, "delete_if_match", lambda upload_id, etag: None)
        assert confirm.confirm(upload_id) == "rejected"
    assert objects() == {upload_id}
    assert differences(reconcile.run(ALL)) == {"rejected": 1}
    assert objects() == set()
    assert recorded("rejected") == {upload_id}


@aws
def test_a_file_that_returns_after_its_removal_is_stored_again() -> None:
    upload_id = create_file()
    s3.delete(upload_id)
    confirm.apply_event(ObjectEvent("removed", upload_id, "5".ljust(64, "0")))
    put(upload_id, b"again")
    assert differences(reconcile.run(ALL)) == {"orphaned": 1}
    assert recorded() == {upload_id}


@aws
def test_a_record_of_another_object_is_corrected() -> None:
    upload_id = create_file()
    put(upload_id, b"something longer")
    assert differences(reconcile.run(ALL)) == {"corrected": 1}
    assert int(StoredFile.get(upload_id).size) == len(b"something longer")
    assert differences(reconcile.run(ALL)) == {}


@aws
def test_foreign_keys_are_left_alone() -> None:
    upload_id = create_object()
    wrong_shard = "f" if keys.shard(upload_id) != "f" else "0"
    for key in ("uploads/0/notes.txt", f"uploads/{wrong_shard}/{upload_id}", "uploads/0/zzz"):
        clients.s3().put_object(Bucket=conf().bucket, Key=key, Body=b"")
    assert differences(reconcile.run(ALL)) == {"orphaned": 1}
    assert recorded() == objects() == {upload_id}


@aws
@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(n, marks=pytest.mark.exhaustive) for n in (2, 3))]
)
def test_one_run_repairs_any_damage(seed: int) -> None:
    rng = random.Random(seed)
    damages: list[Callable[[str], object]] = [
        lambda upload_id: None,
        delete_record,
        s3.delete,
        lambda upload_id: (delete_record(upload_id), s3.delete(upload_id)),
        lambda upload_id: put(upload_id, b"other bytes"),
        lambda upload_id: confirm.apply_event(
            ObjectEvent("removed", upload_id, "9".ljust(64, "0"))
        ),
    ]
    for _ in range(60):
        rng.choice(damages)(create_file(age=timedelta(minutes=rng.randint(5, 10_000))))
    assert recorded() != objects()
    reconcile.run(ALL)
    assert recorded() == objects()
    etags = {record.id: record.etag for record in StoredFile.scan(StoredFile.state == "stored")}
    assert all(s3.head(upload_id).etag == etag for upload_id, etag in etags.items())  # type: ignore[union-attr]
    assert differences(reconcile.run(ALL)) == {}
