"""Events without a sequencer, as some S3-compatible stores send them: the object decides."""

from __future__ import annotations

from datetime import datetime

import pytest
from pytest_django import Settings

from tests.ingest.test_confirm import event
from tests.support.files import store, upload
from uploads.aws import s3
from uploads.core import keys
from uploads.files.record import StoredFile
from uploads.ingest import confirm
from uploads.ingest.events import NO_SEQUENCER, Kind, ObjectEvent

pytestmark = pytest.mark.usefixtures("aws")

OWNER = "7"
TIME = "2025-06-01T12:00:00+00:00"


def apply(kind: Kind, upload_id: str) -> str:
    return confirm.apply_event(ObjectEvent(kind, upload_id, NO_SEQUENCER, TIME))


def test_a_creation_is_recorded_with_the_time_of_its_event() -> None:
    upload_id = upload(OWNER)
    assert apply("created", upload_id) == "stored"
    record = StoredFile.get(upload_id)
    assert (record.state, record.sequencer) == ("stored", NO_SEQUENCER)
    assert record.notified_at == datetime.fromisoformat(TIME)
    assert apply("created", upload_id) == "unchanged"


def test_a_creation_whose_object_is_gone_writes_nothing() -> None:
    assert apply("created", keys.new_upload_id(OWNER, "secret")) == "absent"
    assert list(StoredFile.scan()) == []


def test_a_removal_marks_the_file_deleted_once() -> None:
    upload_id = upload(OWNER)
    apply("created", upload_id)
    s3.delete(upload_id)
    assert apply("removed", upload_id) == "removed"
    record = StoredFile.get(upload_id)
    assert (record.state, record.reason) == ("deleted", None)
    assert record.removed_at == datetime.fromisoformat(TIME)
    assert apply("removed", upload_id) == "unchanged"


def test_a_removal_of_an_object_that_exists_changes_nothing() -> None:
    upload_id = store(OWNER)
    assert apply("removed", upload_id) == "unchanged"
    assert StoredFile.get(upload_id).state == "stored"


def test_a_removal_that_comes_first_leaves_a_tombstone() -> None:
    upload_id = upload(OWNER)
    s3.delete(upload_id)
    assert apply("removed", upload_id) == "removed"
    assert apply("created", upload_id) == "unchanged"
    assert StoredFile.get(upload_id).state == "deleted"


def test_a_removal_keeps_the_sequencer_of_an_earlier_event() -> None:
    upload_id = upload(OWNER)
    confirm.apply_event(event("created", upload_id, 5))
    s3.delete(upload_id)
    assert apply("removed", upload_id) == "removed"
    assert StoredFile.get(upload_id).sequencer == event("created", upload_id, 5).sequencer
    assert confirm.apply_event(event("created", upload_id, 4)) == "unchanged"
    assert StoredFile.get(upload_id).state == "deleted"


def test_an_event_with_a_sequencer_takes_precedence() -> None:
    upload_id = upload(OWNER)
    apply("created", upload_id)
    assert confirm.apply_event(event("created", upload_id, 1)) == "stored"
    s3.delete(upload_id)
    assert confirm.apply_event(event("removed", upload_id, 2)) == "removed"
    assert apply("created", upload_id) == "unchanged"


def test_a_removal_by_filehub_itself_keeps_the_rejection(settings: Settings) -> None:
    upload_id = upload(OWNER)
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("image/*",)}
    assert apply("created", upload_id) == "rejected"
    assert s3.head(upload_id) is None
    assert apply("removed", upload_id) == "unchanged"
    record = StoredFile.get(upload_id)
    assert record.state == "rejected"
    assert record.reason
