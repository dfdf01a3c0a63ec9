"""Confirm and remove files on real S3 and DynamoDB, in any order and any number of times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from tests.support.files import old_upload, put_under, removal, store, upload
from uploads.aws import clients, s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.core.reasons import Reason
from uploads.files import queries, usage
from uploads.files import store as records
from uploads.files.listing import FileFilter, find
from uploads.files.record import StoredFile
from uploads.ingest import confirm
from uploads.ingest.events import ObjectEvent

pytestmark = pytest.mark.usefixtures("aws")

OWNER = "7"


def event(kind: str, upload_id: str, number: int) -> ObjectEvent:
    return ObjectEvent(kind, upload_id, f"{number:018X}".ljust(64, "0"))  # type: ignore[arg-type]


def state_of(upload_id: str) -> str | None:
    info = queries.any_file(upload_id)
    return info.state if info else None


def listed() -> list[str]:
    return [info.id for info in queries.files_of(OWNER, limit=100).files]


def test_a_created_object_is_stored_and_listed() -> None:
    upload_id = upload(OWNER, "naïve.txt", b"12345")
    assert confirm.apply_event(event("created", upload_id, 1)) == "stored"
    info = queries.stored_file(upload_id, OWNER)
    assert (info.file_name, info.size, info.content_type, info.owner) == (
        "naïve.txt", 5, "text/plain", OWNER,
    )  # fmt: skip
    assert listed() == [upload_id]


def test_a_creation_without_an_object_writes_nothing() -> None:
    upload_id = keys.new_upload_id(OWNER, "secret")
    assert confirm.apply_event(event("created", upload_id, 1)) == "absent"
    assert list(StoredFile.scan()) == []


def test_the_same_event_twice_changes_nothing() -> None:
    upload_id = upload(OWNER)
    confirm.apply_event(event("created", upload_id, 1))
    before = StoredFile.get(upload_id).attribute_values
    assert confirm.apply_event(event("created", upload_id, 1)) == "unchanged"
    assert StoredFile.get(upload_id).attribute_values == before


def test_an_older_creation_does_not_overwrite_a_newer_one() -> None:
    upload_id = upload(OWNER)
    confirm.apply_event(event("created", upload_id, 5))
    assert confirm.apply_event(event("created", upload_id, 4)) == "unchanged"
    assert StoredFile.get(upload_id).sequencer == event("created", upload_id, 5).sequencer


def test_a_removal_takes_the_file_off_every_list() -> None:
    upload_id = store(OWNER)
    assert removal(upload_id, 9) == "removed"
    assert (state_of(upload_id), listed()) == ("deleted", [])
    assert find(FileFilter(), limit=10).files == []


def test_a_late_creation_does_not_bring_a_removed_file_back() -> None:
    upload_id = upload(OWNER)  # The object exists, so only the tombstone can prevent it.
    removal(upload_id, 9)
    assert confirm.apply_event(event("created", upload_id, 8)) == "unchanged"
    assert (state_of(upload_id), listed()) == ("deleted", [])


def test_a_hint_does_not_bring_a_removed_file_back() -> None:
    upload_id = upload(OWNER)
    removal(upload_id, 9)
    assert confirm.confirm(upload_id) == "unchanged"
    assert state_of(upload_id) == "deleted"


def test_a_late_removal_does_not_hide_an_object_that_was_created_again() -> None:
    upload_id = upload(OWNER)
    confirm.apply_event(event("created", upload_id, 9))
    assert removal(upload_id, 8) == "unchanged"
    assert listed() == [upload_id]


def test_a_removal_counts_after_a_hint() -> None:
    upload_id = store(OWNER)
    removal(upload_id, 1)
    assert state_of(upload_id) == "deleted"


def test_a_tombstone_expires() -> None:
    upload_id = store(OWNER)
    removal(upload_id, 9)
    assert StoredFile.get(upload_id).expires_at is not None


def test_an_object_that_breaks_the_policy_is_rejected_and_deleted(settings: Settings) -> None:
    upload_id = upload(OWNER, body=b"123456")
    settings.FILEHUB = settings.FILEHUB | {"MAX_SIZE": 5}
    assert confirm.apply_event(event("created", upload_id, 1)) == "rejected"
    status = queries.upload_status(upload_id, OWNER)
    assert status.state == "rejected"
    assert status.reason == Reason("file_too_large", {"size": 6, "limit": 5})
    assert s3.head(upload_id) is None
    assert listed() == []


def test_a_rejection_keeps_its_reason_when_its_object_is_deleted(settings: Settings) -> None:
    upload_id = upload(OWNER)
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("image/*",)}
    confirm.apply_event(event("created", upload_id, 1))
    reason = queries.upload_status(upload_id, OWNER).reason
    removal(upload_id, 2)
    status = queries.upload_status(upload_id, OWNER)
    assert (status.state, status.reason) == ("rejected", reason)
    assert StoredFile.get(upload_id).sequencer == event("removed", upload_id, 2).sequencer


def test_a_rejection_that_crashed_before_the_deletion_is_finished_by_the_next_attempt(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = upload(OWNER)
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("image/*",)}
    with monkeypatch.context() as patched:
        patched.setattr(s3, "delete_if_match", lambda upload_id, etag: None)
        confirm.apply_event(event("created", upload_id, 1))
    assert s3.head(upload_id) is not None
    confirm.apply_event(event("created", upload_id, 1))
    assert s3.head(upload_id) is None


def replace_object(upload_id: str, body: bytes) -> None:
    """Replace the object, as the same signed request could after its deletion."""
    s3.delete(upload_id)
    put_under(upload_id, OWNER, body)


def test_the_same_event_twice_does_not_delete_the_replacement_of_a_rejected_object(
    settings: Settings,
) -> None:
    upload_id = upload(OWNER, body=b"123456")
    settings.FILEHUB = settings.FILEHUB | {"MAX_SIZE": 5}
    assert confirm.apply_event(event("created", upload_id, 1)) == "rejected"
    replace_object(upload_id, b"12345")
    assert confirm.apply_event(event("created", upload_id, 1)) == "unchanged"
    assert confirm.apply_event(event("created", upload_id, 3)) == "stored"
    assert listed() == [upload_id]


@pytest.mark.parametrize(
    "judge",
    [
        lambda upload_id: confirm.apply_event(event("created", upload_id, 1)),
        confirm.check,
    ],
    ids=["confirm", "check"],
)
def test_a_replacement_during_a_rejection_is_kept(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, judge: Callable[[str], str]
) -> None:
    upload_id = upload(OWNER, body=b"123456")
    settings.FILEHUB = settings.FILEHUB | {"MAX_SIZE": 5}
    commit = records.commit

    def commit_and_replace(changes: Any) -> records.Unwritten:
        unwritten = commit(changes)
        replace_object(upload_id, b"12345")
        return unwritten

    with monkeypatch.context() as patched:
        patched.setattr(records, "commit", commit_and_replace)
        assert judge(upload_id) == "rejected"
    assert confirm.apply_event(event("created", upload_id, 3)) == "stored"
    assert listed() == [upload_id]


def test_a_missing_bucket_does_not_count_as_a_deletion(settings: Settings) -> None:
    upload_id = upload(OWNER)
    s3.delete_if_match(upload_id, "another")
    assert s3.head(upload_id) is not None
    settings.FILEHUB = settings.FILEHUB | {"BUCKET": "no-such-bucket-at-all"}
    with pytest.raises(BackendUnavailable):
        s3.delete_if_match(upload_id, "another")


def test_an_object_without_owner_is_rejected() -> None:
    upload_id = keys.new_upload_id(OWNER, "secret")
    clients.s3().put_object(Bucket=conf().bucket, Key=keys.object_key(upload_id), Body=b"x")
    assert confirm.confirm(upload_id) == "rejected"
    assert s3.head(upload_id) is None


def test_stricter_rules_do_not_destroy_stored_files(settings: Settings) -> None:
    upload_id = upload(OWNER)
    confirm.apply_event(event("created", upload_id, 1))
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("image/*",)}
    assert confirm.apply_event(event("created", upload_id, 1)) == "unchanged"
    assert confirm.confirm(upload_id) == "unchanged"
    # An event of the same object, as after a hint.
    assert confirm.apply_event(event("created", upload_id, 2)) == "stored"
    assert s3.head(upload_id) is not None
    assert state_of(upload_id) == "stored"


# Existing objects do not count as missing, and stored files are not checked again


def only_images(settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("image/*",)}


def test_a_removal_of_another_object_hides_nothing() -> None:
    """The removal of an old version or of a delete marker, in a versioned bucket."""
    upload_id = store(OWNER)
    assert confirm.apply_event(event("removed", upload_id, 9)) == "unchanged"
    assert listed() == [upload_id]


def test_an_old_object_without_a_record_is_rejected_but_not_destroyed(
    settings: Settings,
) -> None:
    upload_id = old_upload(OWNER)
    only_images(settings)
    for _ in range(2):
        assert confirm.check(upload_id) == "rejected"
    assert confirm.confirm(upload_id) == "unchanged"  # a hint, as any client can send it
    assert s3.head(upload_id) is not None
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("*",)}
    assert confirm.check(upload_id) == "confirmed"
    assert listed() == [upload_id]


def test_a_stored_file_that_was_marked_deleted_by_mistake_returns_under_any_rules(
    settings: Settings,
) -> None:
    upload_id = upload(OWNER)
    confirm.apply_event(event("created", upload_id, 1))
    before = StoredFile.get(upload_id)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(s3, "head", lambda upload_id: None)
        assert confirm.check(upload_id) == "missing"
    only_images(settings)
    assert confirm.check(upload_id) == "confirmed"
    assert listed() == [upload_id]
    after = StoredFile.get(upload_id)
    assert (after.confirmed_at, after.reason, after.expires_at) == (before.confirmed_at, None, None)
    # It counts as one arrival.
    (day,) = usage.by_day(before.confirmed_at.date(), 1)
    assert (day.files, usage.usage_of([OWNER])[OWNER].files) == (1, 1)


def test_checking_without_permission_to_delete_deletes_nothing(settings: Settings) -> None:
    upload_id = upload(OWNER)
    only_images(settings)
    assert confirm.check(upload_id, may_delete=False) == "rejected"
    assert s3.head(upload_id) is not None


def test_in_a_missing_bucket_no_object_counts_as_missing(settings: Settings) -> None:
    upload_id = store(OWNER)
    settings.FILEHUB = settings.FILEHUB | {"BUCKET": "no-such-bucket-at-all"}
    with pytest.raises(BackendUnavailable):
        confirm.check(upload_id)
    assert state_of(upload_id) == "stored"
