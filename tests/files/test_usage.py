"""The counters agree with the records, whatever happens and however often."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from pytest_django import Settings

from tests.support.files import removal, store, upload
from uploads.aws import s3
from uploads.core.errors import BackendUnavailable
from uploads.files import actions, queries, recount, usage
from uploads.files import store as records
from uploads.files.record import Change, StoredFile
from uploads.files.usage import Usage
from uploads.ingest import confirm
from uploads.ingest.events import ObjectEvent

pytestmark = pytest.mark.usefixtures("aws", "one_day")

OWNER = "7"


def event(kind: str, upload_id: str, number: int) -> ObjectEvent:
    return ObjectEvent(kind, upload_id, f"{number:018X}".ljust(64, "0"))  # type: ignore[arg-type]


def of_owner(owner: str = OWNER) -> Usage:
    return usage.usage_of([owner])[owner]


def of_kind(kind: str) -> Usage:
    return {name: counter for name, counter in usage.by_kind().items() if name == kind}.popitem()[1]


def today() -> tuple[int, int, int]:
    (day,) = usage.by_day(datetime.now(UTC).date(), 1)
    return day.files, day.bytes, day.rejected


def test_a_stored_file_counts_for_its_owner_group_and_day() -> None:
    store(OWNER, "a.txt", b"12345")
    store("8", "b.txt", b"123")
    assert usage.usage_of([OWNER, "8", "9"]) == {
        OWNER: Usage(1, 5),
        "8": Usage(1, 3),
        "9": Usage(0, 0),
    }
    assert of_kind("text") == Usage(2, 8)
    assert of_kind("image") == Usage(0, 0)
    assert today() == (2, 8, 0)
    assert sorted(usage.owners(10)) == [(OWNER, Usage(1, 5)), ("8", Usage(1, 3))]


def test_duplicate_and_late_events_count_once() -> None:
    upload_id = upload(OWNER)
    for number in (1, 1, 5, 3, 5):
        confirm.apply_event(event("created", upload_id, number))
    assert (of_owner(), today()) == (Usage(1, 5), (1, 5, 0))
    for number in (9, 9, 8):
        removal(upload_id, number)
    confirm.apply_event(event("created", upload_id, 7))
    assert (of_owner(), of_kind("text")) == (Usage(0, 0), Usage(0, 0))
    assert today() == (1, 5, 0)  # the number of files that arrived on a day never decreases


def test_removing_an_unconfirmed_object_subtracts_nothing() -> None:
    removal(upload(OWNER), 1)
    assert of_owner() == of_kind("text") == Usage(0, 0)


def test_a_rejection_is_counted_as_a_rejection(settings: Settings) -> None:
    upload_id = upload(OWNER)
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("image/*",)}
    for number in (1, 1, 2):
        confirm.apply_event(event("created", upload_id, number))
    assert (of_owner(), today()) == (Usage(0, 0), (0, 0, 1))


def test_a_file_counts_for_its_new_owner() -> None:
    upload_id = store(OWNER)
    assert actions.change_owner(upload_id, "8", "1")
    assert not actions.change_owner(upload_id, "8", "1")
    assert (of_owner(), of_owner("8"), of_kind("text")) == (Usage(0, 0), Usage(1, 5), Usage(1, 5))


def test_a_rejected_file_that_is_stored_later_counts_as_arrived(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = upload(OWNER)
    with monkeypatch.context() as patch:
        patch.setattr(s3, "delete_if_match", lambda *_: None)
        settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("image/*",)}
        confirm.apply_event(event("created", upload_id, 1))
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("*",)}
    confirm.apply_event(event("created", upload_id, 2))
    assert (of_owner(), today()) == (Usage(1, 5), (1, 5, 1))


def test_a_download_between_reading_and_writing_is_a_change_like_any_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker reads a record, its owner changes, it is downloaded, and then the worker writes."""
    upload_id = store(OWNER)
    read = records.read

    def stale(requested: Iterable[str]) -> dict[str, StoredFile]:
        monkeypatch.setattr(records, "read", read)
        found = read(requested)
        assert actions.change_owner(upload_id, "8", "1")
        # It was still there when S3 was asked.
        monkeypatch.setattr(actions, "has_object", lambda _: True)
        actions.sign_download(queries.any_stored_file(upload_id), "8")
        return found

    monkeypatch.setattr(records, "read", stale)
    removal(upload_id, 9)
    assert records.read is read
    assert (of_owner(), of_owner("8")) == (Usage(0, 0), Usage(0, 0))
    assert recount.differences() == []


@pytest.mark.parametrize("workers", [8])
def test_many_workers_at_the_same_time_count_each_file_once(workers: int) -> None:
    ids = [upload(OWNER) for _ in range(6)]
    events = [event("created", upload_id, 1) for upload_id in ids] * 4
    with ThreadPoolExecutor(workers) as pool:
        outcomes = Tally(pool.map(confirm.apply_event, events))
    assert outcomes == {"stored": 6, "unchanged": 18}
    assert (of_owner(), today()) == (Usage(6, 30), (6, 30, 0))


@pytest.mark.parametrize("known", [False, True], ids=["new", "recorded before"])
@pytest.mark.parametrize("first", ["created", "removed"])
def test_a_record_that_changed_after_it_was_read_is_evaluated_again(
    monkeypatch: pytest.MonkeyPatch, first: str, known: bool
) -> None:
    """One worker reads record and object, another one writes, and then the first one writes."""
    upload_id = upload(OWNER)
    if known:
        confirm.apply_event(event("created", upload_id, 1))
    head = s3.head
    meanwhile: list[Callable[[], object]] = [
        lambda: (
            removal(upload_id, 9)
            if first == "removed"
            else confirm.apply_event(event("created", upload_id, 9))
        )
    ]

    def slow_head(upload_id: str) -> s3.StoredObject | None:
        s3_object = head(upload_id)
        if meanwhile:
            meanwhile.pop()()
        return s3_object

    monkeypatch.setattr(s3, "head", slow_head)
    assert confirm.apply_event(event("created", upload_id, 5)) == "unchanged"
    record = StoredFile.get(upload_id)
    assert record.sequencer == event("created", upload_id, 9).sequencer
    expected = Usage(1, 5) if first == "created" else Usage(0, 0)
    assert of_owner() == expected


def test_a_record_that_keeps_changing_is_left_to_a_later_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload_id = upload(OWNER)
    monkeypatch.setattr(records, "ATTEMPTS", 3)
    attempts: list[int] = []

    def always_outdated(changes: Iterable[Change]) -> records.Unwritten:
        attempts.append(1)
        return records.Unwritten(stale=frozenset(change.id for change in changes))

    monkeypatch.setattr(records, "commit", always_outdated)
    with pytest.raises(BackendUnavailable):
        confirm.confirm(upload_id)
    assert len(attempts) == 3
