"""A run stops when too many objects are missing. test_wrong_bucket.py: when all are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.management import CommandError

from tests.ingest.reconciliation.helpers import (
    ALL,
    NOW,
    PLAUSIBLE_MISSING,
    RESUMABLE,
    aws,
    create_file,
    create_last_file,
    create_records_without_objects,
    differences,
    hit_time_limit_at,
    recorded,
    run_command,
    table,
)
from tests.support.local_aws import drain
from uploads.aws.s3 import ListedObject
from uploads.core import keys
from uploads.core.conf import conf
from uploads.ingest import tasks
from uploads.ingest.reconciliation import checkpoints, comparison, reconcile
from uploads.ingest.reconciliation.comparison import ListedRecord


@aws
def test_in_the_wrong_bucket_a_run_aborts_and_changes_no_record() -> None:
    ids = create_records_without_objects(PLAUSIBLE_MISSING + 30)
    before = table()
    result = reconcile.run(RESUMABLE)
    assert differences(result) == {"withheld": PLAUSIBLE_MISSING + 1}
    assert result.counts.examined == PLAUSIBLE_MISSING + 1
    assert result.aborted is not None
    after = table()
    assert [item for item in after if not item["id"]["S"].startswith("reconcile#")] == before
    (run,) = checkpoints.last_runs()
    assert (run.missing, run.withheld) == (0, PLAUSIBLE_MISSING + 1)
    # The next run starts again and finds the same.
    assert checkpoints.load("all") is None
    assert differences(reconcile.run(RESUMABLE)) == {"withheld": PLAUSIBLE_MISSING + 1}
    assert recorded() == {*ids}


@pytest.mark.exhaustive
@aws
def test_too_many_missing_objects_at_the_end_of_a_run_abort_it_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconcile, "PLAUSIBLE_MISSING", 4)
    kept = create_last_file()
    ids = create_records_without_objects(5)
    assert differences(reconcile.run(ALL)) == {"withheld": 5}
    assert recorded() == {*ids, kept}
    monkeypatch.setattr(reconcile, "PLAUSIBLE_MISSING", 5)
    assert differences(reconcile.run(ALL)) == {"missing": 5}


@aws
def test_many_missing_objects_are_plausible_beside_as_many_existing_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconcile, "PLAUSIBLE_MISSING", 2)
    kept = {create_file(age=timedelta(hours=2)) for _ in range(9)}
    # In one shard, so that the existing objects come first.
    monkeypatch.setattr(keys, "SHARDS", "0")
    monkeypatch.setattr(keys, "shard", lambda upload_id: "0")
    pairs = [
        comparison.Pair(
            upload_id, ListedObject(upload_id, "", None), ListedRecord(upload_id, "", None, None)
        )
        for upload_id in sorted(kept)
    ]
    missing = create_records_without_objects(9)
    pairs += [
        comparison.Pair(upload_id, None, ListedRecord(upload_id, "e", None, None))
        for upload_id in sorted(missing)
    ]
    monkeypatch.setattr(comparison, "compare", lambda *_, **__: iter(pairs))
    assert differences(reconcile.run(ALL)) == {"missing": 9}
    assert recorded() == kept


@pytest.mark.exhaustive
@aws
def test_a_run_that_ends_with_withheld_records_resumes_before_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = create_last_file()
    ids = sorted(create_records_without_objects(6), key=lambda i: (keys.shard(i), i))
    hit_time_limit_at(ids[4], monkeypatch)
    assert recorded() == {*ids, kept}
    result = reconcile.run(RESUMABLE)
    assert (differences(result), result.counts.examined) == ({"missing": 6}, 7)
    assert recorded() == {kept}


@pytest.mark.exhaustive
@aws
def test_an_exhausted_budget_leaves_no_withheld_records() -> None:
    kept = create_last_file()
    create_records_without_objects(3)
    results = [reconcile.run(replace(RESUMABLE, budget=NOW)) for _ in range(5)]
    assert [differences(result).get("missing") for result in results] == [1, 2, 3, 3, 3]
    assert [result.finished for result in results] == [False] * 4 + [True]
    assert recorded() == {kept}


@pytest.mark.exhaustive
@aws
def test_an_aborted_command_says_why_and_how_to_force_it() -> None:
    kept = create_last_file()
    ids = create_records_without_objects(PLAUSIBLE_MISSING + 1)
    dry = run_command("--all", "--dry-run", "--min-age", "0m")
    assert "without --force it would stop" in dry
    many = PLAUSIBLE_MISSING + 1
    sentence = f"Of {many} records {many} have no object in the bucket filehub-uploads"
    with pytest.raises(CommandError, match=sentence) as caught:
        run_command("--all", "--min-age", "0m")
    assert "--force" in str(caught.value)
    assert recorded() == {*ids, kept}
    assert f"{PLAUSIBLE_MISSING + 1} records without an object" in run_command(
        "--all", "--min-age", "0m", "--force"
    )
    assert recorded() == {kept}


@pytest.mark.exhaustive
@aws
def test_the_tasks_abort_too_and_log_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reconcile, "PLAUSIBLE_MISSING", 2)
    kept = create_last_file()
    ids = create_records_without_objects(3)
    tasks.reconcile_recent()
    tasks.reconcile_multipart()
    stopped = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
    assert [line.partition(" was stopped: Of 3 records 3 ")[0] for line in stopped] == [
        "reconciliation (recent)",
        "reconciliation (multipart)",
    ]
    # It is not resumed, which would find the same.
    assert drain(conf().tasks_queue) == []
    assert recorded() == {*ids, kept}
    assert [run.withheld for run in checkpoints.last_runs()] == [3, 3]
