"""A run stops when too many objects are missing, as they are in the wrong bucket."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.management import CommandError

from tests.ingest.reconciliation.helpers import (
    ALL,
    FEW,
    NOW,
    RESUMABLE,
    aws,
    command,
    found,
    gone,
    recorded,
    run_out_of_time_at,
    stored,
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
    ids = gone(FEW + 30)
    before = table()
    result = reconcile.run(RESUMABLE)
    assert found(result) == {"withheld": FEW + 1}
    assert result.counts.examined == FEW + 1
    assert result.aborted is not None
    after = table()
    assert [item for item in after if not item["id"]["S"].startswith("reconcile#")] == before
    (run,) = checkpoints.last_runs()
    assert (run.missing, run.withheld) == (0, FEW + 1)
    # The next run starts again and finds the same.
    assert checkpoints.load("all") is None
    assert found(reconcile.run(RESUMABLE)) == {"withheld": FEW + 1}
    assert recorded() == {*ids}


@aws
def test_too_many_missing_objects_at_the_end_of_a_run_abort_it_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconcile, "PLAUSIBLE_MISSING", 4)
    ids = gone(5)
    assert found(reconcile.run(ALL)) == {"withheld": 5}
    assert recorded() == {*ids}
    monkeypatch.setattr(reconcile, "PLAUSIBLE_MISSING", 5)
    assert found(reconcile.run(ALL)) == {"missing": 5}


@aws
def test_many_missing_objects_are_plausible_beside_as_many_existing_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconcile, "PLAUSIBLE_MISSING", 2)
    kept = {stored(age=timedelta(hours=2)) for _ in range(9)}
    # In one shard, so that the existing objects come first.
    monkeypatch.setattr(keys, "SHARDS", "0")
    monkeypatch.setattr(keys, "shard", lambda upload_id: "0")
    pairs = [
        comparison.Pair(each, ListedObject(each, "", None), ListedRecord(each, "", None, None))
        for each in sorted(kept)
    ]
    ghosts = gone(9)
    pairs += [
        comparison.Pair(each, None, ListedRecord(each, "e", None, None)) for each in sorted(ghosts)
    ]
    monkeypatch.setattr(comparison, "compare", lambda *_, **__: iter(pairs))
    assert found(reconcile.run(ALL)) == {"missing": 9}
    assert recorded() == kept


@aws
def test_a_run_that_ends_with_withheld_records_resumes_before_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = sorted(gone(6), key=lambda i: (keys.shard(i), i))
    run_out_of_time_at(ids[4], monkeypatch)
    assert recorded() == {*ids}
    result = reconcile.run(RESUMABLE)
    assert (found(result), result.counts.examined) == ({"missing": 6}, 6)
    assert recorded() == set()


@aws
def test_an_exhausted_budget_leaves_no_withheld_records() -> None:
    gone(3)
    results = [reconcile.run(replace(RESUMABLE, budget=NOW)) for _ in range(4)]
    assert [found(result).get("missing") for result in results] == [1, 2, 3, 3]
    assert [result.finished for result in results] == [False, False, False, True]
    assert recorded() == set()


@aws
def test_an_aborted_command_says_why_and_how_to_force_it() -> None:
    ids = gone(FEW + 1)
    dry = command("--all", "--dry-run", "--min-age", "0m")
    assert "without --force it would stop" in dry
    sentence = f"Of {FEW + 1} records {FEW + 1} have no object in the bucket filehub-uploads"
    with pytest.raises(CommandError, match=sentence) as caught:
        command("--all", "--min-age", "0m")
    assert "--force" in str(caught.value)
    assert recorded() == {*ids}
    assert f"{FEW + 1} records without an object" in command("--all", "--min-age", "0m", "--force")
    assert recorded() == set()


@aws
def test_the_tasks_abort_too_and_log_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reconcile, "PLAUSIBLE_MISSING", 2)
    ids = gone(3)
    tasks.reconcile_recent()
    tasks.reconcile_multipart()
    stopped = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
    assert [line.partition(" was stopped: Of 3 records 3 ")[0] for line in stopped] == [
        "reconciliation (recent)",
        "reconciliation (multipart)",
    ]
    # It is not resumed, which would find the same.
    assert drain(conf().tasks_queue) == []
    assert recorded() == {*ids}
    assert [run.withheld for run in checkpoints.last_runs()] == [3, 3]
