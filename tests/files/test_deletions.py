"""Permanent deletions: what S3 refuses, and emptying the trash."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.files.test_trash import (
    FILES,
    ME,
    OWNER,
    STRANGER,
    code_of,
    listed,
    state_of,
    stored,
    trashed,
)  # fmt: skip
from tests.support.files import store, upload
from uploads.aws import clients, s3
from uploads.core.errors import BackendUnavailable
from uploads.files import trash

pytestmark = pytest.mark.usefixtures("aws")


def failing_with(code: str) -> Callable[..., Any]:
    def respond(ids: list[str]) -> dict[str, BackendUnavailable]:
        return {upload_id: BackendUnavailable(code) for upload_id in ids}

    return respond


@pytest.mark.parametrize("file", ["stored", "trashed"])
def test_a_deletion_that_s3_refuses_is_reported_or_finished_later(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = FILES[file]()
    with monkeypatch.context() as patch:
        patch.setattr(s3, "delete_many", failing_with("x"))
        (result,) = trash.delete([upload_id], ME)
    assert s3.head(upload_id) is not None
    if file == "stored":
        # It stays in the list, and the caller can try again.
        assert code_of(result) == "unavailable"
        assert listed("stored") == [upload_id]
    else:
        assert code_of(result) == "deleting"
        assert listed("trashed") == []
        assert trash.purge([upload_id], datetime.now(UTC)) == 1
        assert s3.head(upload_id) is None


def test_objects_that_s3_cannot_delete_are_reported_one_by_one() -> None:
    ids = [upload(OWNER) for _ in range(3)]
    client = clients.s3()

    def refuse_the_second(params: Any, **_: Any) -> None:
        params["Delete"]["Objects"] = [
            item for item in params["Delete"]["Objects"] if not item["Key"].endswith(ids[1])
        ]

    def add_an_error(parsed: Any, **_: Any) -> None:
        parsed["Errors"] = [{"Key": f"uploads/{ids[1][-1]}/{ids[1]}", "Code": "InternalError"}]

    events = client.meta.events
    events.register("provide-client-params.s3.DeleteObjects", refuse_the_second)
    events.register("after-call.s3.DeleteObjects", add_an_error)
    try:
        errors = s3.delete_many(ids)
    finally:
        events.unregister("provide-client-params.s3.DeleteObjects", refuse_the_second)
        events.unregister("after-call.s3.DeleteObjects", add_an_error)
    assert list(errors) == [ids[1]]
    assert "InternalError" in repr(errors[ids[1]].__cause__)
    assert [s3.head(upload_id) is None for upload_id in ids] == [True, False, True]


def emptied(limit: int = 100) -> tuple[int, int, bool]:
    result = trash.empty(OWNER, limit=limit)
    assert result.deleted == len(result.files)
    return result.deleted, result.failed, result.more


def test_emptying_the_trash_deletes_a_bounded_number_of_files() -> None:
    kept, ids = stored(), [trashed() for _ in range(3)]
    foreign = store("8")
    trash.move_to_trash([foreign], STRANGER)
    assert emptied(2) == (2, 0, True)
    assert listed("trashed") == [ids[0]]
    assert emptied() == (1, 0, False)
    assert emptied() == (0, 0, False)
    assert [s3.head(upload_id) for upload_id in ids] == [None] * 3
    assert s3.head(kept) is not None
    assert s3.head(foreign) is not None


def test_emptying_the_trash_leaves_a_file_that_was_just_restored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The index that lists the trash lags behind the table."""
    restored_id, other = trashed(), trashed()
    page = trash.find(trash.FileFilter(owner=OWNER, state="trashed"), limit=9)
    trash.restore([restored_id], ME)
    monkeypatch.setattr(trash, "find", lambda *args, **kwargs: page)
    assert emptied() == (1, 0, False)
    assert state_of(restored_id) == "stored"
    assert s3.head(restored_id) is not None
    assert s3.head(other) is None
