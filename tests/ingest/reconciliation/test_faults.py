"""A failing object, a time limit or Ctrl-C loses nothing."""

from __future__ import annotations

import pytest
from django.core.management import CommandError

from tests.ingest.reconciliation.helpers import (
    ALL,
    RESUMABLE,
    aws,
    create_file,
    create_object,
    differences,
    hit_time_limit_at,
    recorded,
    run_command,
)
from uploads.aws import s3
from uploads.core import keys
from uploads.core.errors import BackendUnavailable
from uploads.files.record import StoredFile
from uploads.ingest import confirm
from uploads.ingest.events import ObjectEvent
from uploads.ingest.reconciliation import checkpoints, comparison, reconcile
from uploads.ingest.reconciliation.comparison import ListedRecord


@aws
@pytest.mark.parametrize("fault", [BackendUnavailable(), ValueError("a bug")])
def test_one_failing_id_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    ids = sorted((create_object() for _ in range(5)), key=lambda i: (keys.shard(i), i))
    head = s3.head

    def fail_for_one(upload_id: str) -> s3.StoredObject | None:
        if upload_id == ids[1]:
            raise fault
        return head(upload_id)

    with monkeypatch.context() as patch:
        patch.setattr(s3, "head", fail_for_one)
        assert differences(reconcile.run(ALL)) == {"orphaned": 4, "failed": 1}
        assert recorded() == {*ids} - {ids[1]}
        with pytest.raises(CommandError, match="1 could not be checked"):
            run_command("--all", "--min-age", "0m")
    assert differences(reconcile.run(ALL)) == {"orphaned": 1}


@aws
def test_a_task_at_its_time_limit_saves_a_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = sorted((create_object() for _ in range(5)), key=lambda i: (keys.shard(i), i))
    hit_time_limit_at(ids[2], monkeypatch)
    checkpoint = checkpoints.load("all")
    assert checkpoint is not None
    assert checkpoint.last_id == ids[1]
    assert reconcile.run(RESUMABLE).counts.examined == 5


@aws
def test_a_stale_index_causes_no_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, gone = create_file(), create_file()
    s3.delete(gone)
    confirm.apply_event(ObjectEvent("removed", gone, "5".ljust(64, "0")))
    before = {upload_id: StoredFile.get(upload_id).version for upload_id in (here, gone)}
    old = [ListedRecord(gone, "", None, None)]

    def stale_index(shard: str, *, after: str, until: str) -> list[ListedRecord]:
        return [record for record in old if keys.shard(record.id) == shard]

    monkeypatch.setattr(comparison, "_records", stale_index)
    assert differences(reconcile.run(ALL)) == {}
    assert {upload_id: StoredFile.get(upload_id).version for upload_id in (here, gone)} == before


@aws
def test_an_interrupted_command_says_how_to_resume(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = sorted((create_object() for _ in range(3)), key=lambda i: (keys.shard(i), i))
    head = s3.head

    def interrupt(upload_id: str) -> s3.StoredObject | None:
        if upload_id == ids[1]:
            raise KeyboardInterrupt
        return head(upload_id)

    monkeypatch.setattr(s3, "head", interrupt)
    with pytest.raises(CommandError, match="Run it again to resume") as caught:
        run_command("--all", "--min-age", "0m")
    assert caught.value.returncode == 130
    checkpoint = checkpoints.load("all")
    assert checkpoint is not None
    assert checkpoint.last_id == ids[0]
