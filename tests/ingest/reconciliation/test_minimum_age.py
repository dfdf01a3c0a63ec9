"""Young objects are left to their events, and a run stays within its window."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.ingest.reconciliation.helpers import (
    ALL,
    NOW,
    RESUMABLE,
    aws,
    create_file,
    create_object,
    differences,
    objects,
    recorded,
    set_times,
)
from uploads.aws import s3
from uploads.ingest.reconciliation import checkpoints, reconcile
from uploads.ingest.reconciliation.reconcile import Plan


@aws
def test_a_new_object_is_left_to_its_event() -> None:
    create_object()
    assert differences(reconcile.run(Plan("all"))) == {"too_recent": 1}
    assert recorded() == set()
    assert differences(reconcile.run(ALL)) == {"orphaned": 1}


@pytest.mark.exhaustive
@aws
def test_a_new_record_without_an_object_is_left_alone() -> None:
    create_file()
    upload_id = create_file()
    s3.delete(upload_id)
    assert differences(reconcile.run(Plan("all"))) == {"too_recent": 1}
    set_times(upload_id, confirmed_at=datetime.now(UTC) - timedelta(minutes=3))
    assert differences(reconcile.run(Plan("all"))) == {"missing": 1}


@pytest.mark.exhaustive
@aws
def test_a_recent_deletion_is_left_to_its_event() -> None:
    create_file()
    upload_id = create_file()
    s3.delete(upload_id)
    earlier = datetime.now(UTC) - timedelta(hours=1)
    set_times(upload_id, confirmed_at=earlier, deletion_requested_at=datetime.now(UTC))
    assert differences(reconcile.run(Plan("all"))) == {"too_recent": 1}
    set_times(upload_id, deletion_requested_at=earlier)
    assert differences(reconcile.run(Plan("all"))) == {"missing": 1}


@pytest.mark.exhaustive
@aws
def test_only_ids_within_the_window_are_examined() -> None:
    inside, outside = create_object(timedelta(hours=1)), create_object(timedelta(hours=3))
    missing = create_file(age=timedelta(hours=3))
    s3.delete(missing)
    result = reconcile.run(Plan("since", timedelta(hours=2), min_age=NOW))
    assert (differences(result), result.counts.examined) == ({"orphaned": 1}, 1)
    assert recorded() == {inside, missing}
    assert outside in objects()


@aws
def test_a_window_with_only_young_objects_is_empty() -> None:
    create_object()
    assert reconcile.run(Plan("since", timedelta(minutes=1))).counts.examined == 0
    checkpoints.save("all", checkpoints.Checkpoint(datetime.now(UTC), "0", "0", "f"))
    assert reconcile.run(replace(RESUMABLE, min_age=timedelta(hours=2))).counts.examined == 0
