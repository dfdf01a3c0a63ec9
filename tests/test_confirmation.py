"""Confirming and removing, against the real S3 and DynamoDB: any order, any number of times."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from tests.conftest import store, upload
from uploads import confirmation, keys, selectors, storage
from uploads.conf import env
from uploads.events import ObjectEvent
from uploads.listing import Wanted, find
from uploads.models import StoredFile

pytestmark = pytest.mark.usefixtures("aws")

OWNER = "7"


def event(kind: str, upload_id: str, number: int) -> ObjectEvent:
    return ObjectEvent(kind, upload_id, f"{number:018X}".ljust(64, "0"))  # type: ignore[arg-type]


def state_of(upload_id: str) -> str | None:
    found = selectors.any_file(upload_id)
    return found.state if found else None


def listed() -> list[str]:
    return [info.id for info in selectors.files_of(OWNER, limit=100).files]


def test_a_created_object_is_stored_and_listed() -> None:
    upload_id = upload(OWNER, "naïve.txt", b"12345")
    assert confirmation.apply_event(event("created", upload_id, 1)) == "stored"
    info = selectors.stored_file(upload_id, OWNER)
    assert (info.file_name, info.size, info.content_type, info.owner) == (
        "naïve.txt", 5, "text/plain", OWNER,
    )  # fmt: skip
    assert listed() == [upload_id]


def test_a_creation_without_an_object_writes_nothing() -> None:
    upload_id = keys.new_upload_id(OWNER, "secret")
    assert confirmation.apply_event(event("created", upload_id, 1)) == "absent"
    assert list(StoredFile.scan()) == []


def test_the_same_event_twice_changes_nothing() -> None:
    upload_id = upload(OWNER)
    confirmation.apply_event(event("created", upload_id, 1))
    before = StoredFile.get(upload_id).attribute_values
    assert confirmation.apply_event(event("created", upload_id, 1)) == "unchanged"
    assert StoredFile.get(upload_id).attribute_values == before


def test_an_older_creation_does_not_overwrite_a_newer_one() -> None:
    upload_id = upload(OWNER)
    confirmation.apply_event(event("created", upload_id, 5))
    assert confirmation.apply_event(event("created", upload_id, 4)) == "unchanged"
    assert StoredFile.get(upload_id).sequencer == event("created", upload_id, 5).sequencer


def test_a_removal_takes_the_file_out_of_every_list() -> None:
    upload_id = store(OWNER)
    assert confirmation.apply_event(event("removed", upload_id, 9)) == "removed"
    assert (state_of(upload_id), listed()) == ("deleted", [])
    assert find(Wanted(), limit=10).files == []


def test_a_late_creation_does_not_bring_a_removed_file_back() -> None:
    upload_id = upload(OWNER)  # the object is there: only the tombstone can tell
    confirmation.apply_event(event("removed", upload_id, 9))
    assert confirmation.apply_event(event("created", upload_id, 8)) == "unchanged"
    assert (state_of(upload_id), listed()) == ("deleted", [])


def test_a_hint_does_not_bring_a_removed_file_back() -> None:
    upload_id = upload(OWNER)
    confirmation.apply_event(event("removed", upload_id, 9))
    assert confirmation.confirm(upload_id) == "unchanged"
    assert state_of(upload_id) == "deleted"


def test_a_late_removal_does_not_hide_an_object_that_was_created_again() -> None:
    upload_id = upload(OWNER)
    confirmation.apply_event(event("created", upload_id, 9))
    assert confirmation.apply_event(event("removed", upload_id, 8)) == "unchanged"
    assert listed() == [upload_id]


def test_a_removal_counts_after_a_hint() -> None:
    upload_id = store(OWNER)
    confirmation.apply_event(event("removed", upload_id, 1))
    assert state_of(upload_id) == "deleted"


def test_a_tombstone_expires() -> None:
    upload_id = store(OWNER)
    confirmation.apply_event(event("removed", upload_id, 9))
    assert StoredFile.get(upload_id).expires_at is not None


def test_what_breaks_the_policy_is_rejected_and_deleted(settings: Settings) -> None:
    upload_id = upload(OWNER, body=b"123456")
    settings.ENV = env().model_copy(update={"filehub_max_size": 5})
    assert confirmation.apply_event(event("created", upload_id, 1)) == "rejected"
    status = selectors.upload_status(upload_id, OWNER)
    assert status.state == "rejected"
    assert "6 bytes" in status.reason
    assert storage.head(upload_id) is None
    assert listed() == []


def test_a_rejection_keeps_its_reason_when_its_object_goes(settings: Settings) -> None:
    upload_id = upload(OWNER)
    settings.ENV = env().model_copy(update={"filehub_allowed_types": ("image/*",)})
    confirmation.apply_event(event("created", upload_id, 1))
    reason = selectors.upload_status(upload_id, OWNER).reason
    confirmation.apply_event(event("removed", upload_id, 2))
    status = selectors.upload_status(upload_id, OWNER)
    assert (status.state, status.reason) == ("rejected", reason)
    assert StoredFile.get(upload_id).sequencer == event("removed", upload_id, 2).sequencer


def test_a_rejection_that_died_before_the_deletion_is_finished_by_the_next_try(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = upload(OWNER)
    settings.ENV = env().model_copy(update={"filehub_allowed_types": ("image/*",)})
    with monkeypatch.context() as patched:
        patched.setattr(storage, "delete", lambda upload_id: None)
        confirmation.apply_event(event("created", upload_id, 1))
    assert storage.head(upload_id) is not None
    confirmation.apply_event(event("created", upload_id, 1))
    assert storage.head(upload_id) is None


def test_an_object_without_owner_is_rejected() -> None:
    upload_id = keys.new_upload_id(OWNER, "secret")
    storage.client().put_object(
        Bucket=env().filehub_bucket, Key=keys.object_key(upload_id), Body=b"x"
    )
    assert confirmation.confirm(upload_id) == "rejected"
    assert storage.head(upload_id) is None


def test_stricter_rules_do_not_destroy_what_is_stored(settings: Settings) -> None:
    upload_id = upload(OWNER)
    confirmation.apply_event(event("created", upload_id, 1))
    settings.ENV = env().model_copy(update={"filehub_allowed_types": ("image/*",)})
    assert confirmation.apply_event(event("created", upload_id, 1)) == "unchanged"
    assert confirmation.confirm(upload_id) == "unchanged"
    assert storage.head(upload_id) is not None
    assert state_of(upload_id) == "stored"
