"""Young objects are left to their events, and a run stays within its window."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.ingest.reconciliation.helpers import (
    ALL,
    NOW,
    RESUMABLE,
    age,
    aws,
    found,
    objects,
    place,
    recorded,
    stored,
)
from uploads.aws import s3
from uploads.ingest.reconciliation import checkpoints, reconcile
from uploads.ingest.reconciliation.reconcile import Plan


@aws
def test_a_new_object_is_left_to_its_event() -> None:
    place()
    assert found(reconcile.run(Plan("all"))) == {"too_recent": 1}
    assert recorded() == set()
    assert found(reconcile.run(ALL)) == {"orphaned": 1}


@aws
def test_a_new_record_without_an_object_is_left_alone() -> None:
    upload_id = stored()
    s3.delete(upload_id)
    assert found(reconcile.run(Plan("all"))) == {"too_recent": 1}
    age(upload_id, confirmed_at=datetime.now(UTC) - timedelta(minutes=3))
    assert found(reconcile.run(Plan("all"))) == {"missing": 1}


@aws
def test_a_recent_deletion_is_left_to_its_event() -> None:
    upload_id = stored()
    s3.delete(upload_id)
    earlier = datetime.now(UTC) - timedelta(hours=1)
    age(upload_id, confirmed_at=earlier, deletion_requested_at=datetime.now(UTC))
    assert found(reconcile.run(Plan("all"))) == {"too_recent": 1}
    age(upload_id, deletion_requested_at=earlier)
    assert found(reconcile.run(Plan("all"))) == {"missing": 1}


@aws
def test_only_ids_within_the_window_are_examined() -> None:
    inside, outside = place(timedelta(hours=1)), place(timedelta(hours=3))
    ghost = stored(age=timedelta(hours=3))
    s3.delete(ghost)
    result = reconcile.run(Plan("since", timedelta(hours=2), min_age=NOW))
    assert (found(result), result.counts.examined) == ({"orphaned": 1}, 1)
    assert recorded() == {inside, ghost}
    assert outside in objects()


@aws
def test_a_window_with_only_young_objects_is_empty() -> None:
    place()
    assert reconcile.run(Plan("since", timedelta(minutes=1))).counts.examined == 0
    checkpoints.save("all", checkpoints.Checkpoint(datetime.now(UTC), "0", "0", "f"))
    assert reconcile.run(replace(RESUMABLE, min_age=timedelta(hours=2))).counts.examined == 0
