"""A dry run reports the differences and changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pytest_django import Settings

from tests.ingest.reconciliation.helpers import (
    ALL,
    NOW,
    RESUMABLE,
    aws,
    command,
    found,
    objects,
    place,
    put,
    stored,
    table,
)
from uploads.aws import s3
from uploads.ingest.reconciliation import checkpoints, reconcile


@aws
def test_a_dry_run_reports_differences_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    stored()
    orphan, ghost, other = place(), stored(), stored()
    s3.delete(ghost)
    put(other, b"other bytes")
    checkpoints.save("all", checkpoints.Checkpoint(datetime.now(UTC), "0", "f", "f"))
    before, there = table(), objects()
    out = command("--all", "--dry-run", "--min-age", "0m")
    assert (table(), objects()) == (before, there)
    lines = out.splitlines()
    assert f"{orphan}  an object without a record" in lines
    assert f"{ghost}  a record without an object" in lines
    assert f"{other}  a record of another object" in lines
    assert "Would put right: 1 objects without a record, 1 records without" in out


@aws
def test_a_dry_run_deletes_no_object_that_breaks_a_rule(settings: Settings) -> None:
    upload_id = place()
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("image/*",)}
    assert found(reconcile.run(replace(ALL, dry_run=True))) == {"rejected": 1}
    assert objects() == {upload_id}
    assert table() == []


@aws
def test_a_dry_run_that_stops_saves_no_checkpoint() -> None:
    place()
    result = reconcile.run(replace(RESUMABLE, budget=NOW, dry_run=True))
    assert (found(result), result.finished) == ({"orphaned": 1}, False)
    assert table() == []


@aws
def test_a_dry_run_reports_a_limited_number_of_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uploads.management.commands.reconcile.MAX_NAMED", 2)
    for _ in range(5):
        place()
    lines = command("--all", "--dry-run", "--min-age", "0m").splitlines()
    assert [line for line in lines if line.endswith("an object without a record")] == lines[:2]
    assert lines[2] == "… and 3 more"
