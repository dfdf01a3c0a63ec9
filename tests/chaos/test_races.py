"""Two workers at the same moment: why the tombstone and the conditional write exist.

The second worker acts between HeadObject and the write of the first; S3 and DynamoDB are real.
docs/architecture.md says which tests fail when one of filehub's guards is removed.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.files import upload
from uploads.aws import clients, s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.files import queries, usage
from uploads.files.record import StoredFile
from uploads.files.usage import Usage
from uploads.ingest import confirm
from uploads.ingest.events import ObjectEvent

pytestmark = pytest.mark.usefixtures("aws")

OWNER = "7"


def apply(kind: str, upload_id: str, number: int) -> confirm.Outcome:
    return confirm.apply_event(
        ObjectEvent(kind, upload_id, str(number).ljust(64, "0"))  # type: ignore[arg-type]
    )


def after_next_head(monkeypatch: pytest.MonkeyPatch, action: Callable[[], None]) -> None:
    """Run the action once, after the next HeadObject and before the write that follows it."""
    head = s3.head

    def head_then_act(upload_id: str) -> s3.StoredObject | None:
        s3_object = head(upload_id)
        monkeypatch.setattr(s3, "head", head)
        action()
        return s3_object

    monkeypatch.setattr(s3, "head", head_then_act)


def replace(upload_id: str, body: bytes) -> None:
    clients.s3().put_object(
        Bucket=conf().bucket,
        Key=keys.object_key(upload_id),
        Body=body,
        ContentType="text/plain",
        Metadata=s3.metadata(OWNER, "a.txt"),
    )


def test_a_file_that_is_removed_while_it_is_confirmed_leaves_no_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There is no record yet that the removal could mark. Only a tombstone prevents the write."""
    upload_id = upload(OWNER)

    def removed() -> None:
        s3.delete(upload_id)
        assert apply("removed", upload_id, 2) == "removed"

    after_next_head(monkeypatch, removed)
    assert apply("created", upload_id, 1) == "unchanged"
    assert queries.files_of(OWNER, limit=9).files == []
    assert usage.usage_of([OWNER])[OWNER] == Usage(0, 0)


def test_a_worker_with_an_outdated_response_does_not_overwrite_a_newer_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload_id = upload(OWNER, body=b"old")

    def replaced() -> None:
        replace(upload_id, b"newer")
        assert apply("created", upload_id, 2) == "stored"

    after_next_head(monkeypatch, replaced)
    assert apply("created", upload_id, 1) == "unchanged"
    record = StoredFile.get(upload_id)
    assert (record.size, record.sequencer[0]) == (5, "2")
    assert usage.usage_of([OWNER])[OWNER] == Usage(1, 5)


def test_two_workers_with_the_same_event_count_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    upload_id = upload(OWNER)

    def same_event() -> None:
        assert apply("created", upload_id, 1) == "stored"

    after_next_head(monkeypatch, same_event)
    assert apply("created", upload_id, 1) == "unchanged"
    assert StoredFile.get(upload_id).version == 1
    assert usage.usage_of([OWNER])[OWNER] == Usage(1, 5)
