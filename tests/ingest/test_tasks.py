"""The tasks of the worker: what fails stays in a queue, and holds back nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.aws_requests import AwsRequests
from tests.support.files import store, upload
from tests.support.local_aws import queued_tasks
from uploads.aws import s3
from uploads.core.errors import BackendUnavailable
from uploads.files import queries
from uploads.ingest import confirm, tasks
from uploads.ingest.events import ObjectEvent
from uploads.ingest.reconciliation import reconcile
from uploads.ingest.tasks import confirm_objects

pytestmark = pytest.mark.usefixtures("own_queues")

OWNER = "7"


def created(*upload_ids: str) -> list[dict[str, str]]:
    return [
        {"kind": "created", "upload_id": upload_id, "sequencer": "1".ljust(64, "0")}
        for upload_id in upload_ids
    ]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Ids of objects whose HeadObject fails."""
    ids: set[str] = set()
    head = s3.head

    def refuse_or_head(upload_id: str) -> s3.StoredObject | None:
        if upload_id in ids:
            raise BackendUnavailable
        return head(upload_id)

    monkeypatch.setattr(s3, "head", refuse_or_head)
    return ids


def test_a_failed_event_becomes_its_own_task_and_the_others_are_done(broken: set[str]) -> None:
    first, second, third = (upload(OWNER, f"{n}.txt") for n in range(3))
    broken.add(second)
    confirm_objects(created(first, second, third))
    assert [info.id for info in queries.files_of(OWNER, limit=9).files] == [third, first]
    assert queued_tasks() == [created(second)]


@pytest.mark.parametrize("count", [1, 2])
def test_a_task_whose_events_all_fail_is_not_split(count: int, broken: set[str]) -> None:
    """Splitting it would reset its number of attempts forever."""
    broken |= (ids := {upload(OWNER, f"{n}.txt") for n in range(count)})
    with pytest.raises(tasks.ConfirmationError):
        confirm_objects(created(*ids))
    assert queued_tasks() == []


def test_a_task_stays_when_its_failed_events_cannot_be_queued(
    broken: set[str], aws_requests: AwsRequests
) -> None:
    first, second = (upload(OWNER, f"{n}.txt") for n in range(2))
    broken.add(second)
    aws_requests.cut.add("sqs")
    with pytest.raises(tasks.ConfirmationError):
        confirm_objects(created(first, second))


def test_an_invalid_event_does_not_block_the_others() -> None:
    valid = upload(OWNER)
    confirm_objects([*created(valid), {"nonsense": "yes"}])
    assert [info.id for info in queries.files_of(OWNER, limit=9).files] == [valid]
    assert queued_tasks() == [[{"nonsense": "yes"}]]


def test_an_event_that_arrives_after_reconciliation_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconcile, "MIN_AGE", timedelta(0))
    lost = upload(OWNER)
    store(OWNER)
    tasks.reconcile_recent()
    assert len(queries.files_of(OWNER, limit=9).files) == 2
    assert confirm.confirm(lost) == "unchanged"


@pytest.mark.exhaustive
def test_reconciliation_does_not_restore_removed_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconcile, "MIN_AGE", timedelta(0))
    upload_id = store(OWNER)
    s3.delete(upload_id)
    confirm.apply_event(ObjectEvent("removed", upload_id, "F" * 64))
    tasks.reconcile_recent()
    assert queries.files_of(OWNER, limit=9).files == []
