"""Which changes of a record are told, and what is told of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from uploads.core.reasons import Reason, dump
from uploads.files.file_events import EventReason, Place, event_of
from uploads.files.record import Change, StoredFile

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SEQUENCER = "A1".ljust(64, "0")


def record(state: str, **more: object) -> StoredFile:
    values = {"etag": "1", "file_name": "a.txt", "owner": "7", "size": 5, "version": 3}
    fields = {"created_at": NOW, "sequencer": SEQUENCER} | values | more
    return StoredFile("1", state=state, **fields)


STORED, TRASHED = record("stored"), record("trashed")
REJECTED, DELETED = record("rejected"), record("deleted")


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (None, STORED, "file.stored"),
        (None, REJECTED, "file.rejected"),
        (None, DELETED, "file.deleted"),
        (DELETED, STORED, "file.stored"),
        (REJECTED, STORED, "file.stored"),
        (STORED, record("stored", etag="2"), "file.stored"),
        (STORED, record("rejected", etag="2"), "file.rejected"),
        (REJECTED, record("rejected", etag="2"), "file.rejected"),
        (STORED, DELETED, "file.deleted"),
        (TRASHED, DELETED, "file.deleted"),
        (STORED, record("stored", file_name="b.txt"), "file.renamed"),
        (STORED, record("stored", folder="A"), "file.renamed"),
        (TRASHED, record("trashed", file_name="b.txt"), "file.renamed"),
        (STORED, record("stored", notified_at=NOW), None),
        (STORED, record("stored", thumbnail="1x1"), None),
        (STORED, record("stored", owner="8"), None),
        (STORED, TRASHED, None),
        (TRASHED, STORED, None),
        (REJECTED, record("rejected", sequencer="B".ljust(64, "0")), None),
        (DELETED, record("deleted", sequencer="B".ljust(64, "0")), None),
    ],
)
def test_what_is_told_of_a_change(
    before: StoredFile | None, after: StoredFile, kind: str | None
) -> None:
    event = event_of(Change(before, after), "evt", NOW)
    assert (event and event.type) == kind


def test_a_rejection_has_its_reason() -> None:
    reason = dump(Reason("too_large", {"limit": 10}))
    event = event_of(Change(None, record("rejected", reason=reason)), "evt", NOW)
    assert event is not None
    assert event.file.reason == EventReason(code="too_large", parameters={"limit": 10})


def test_an_event_has_tags_context_and_destination() -> None:
    labelled = record("stored", tags=["a", "b"], context='{"n":1}', destination="invoices")
    event = event_of(Change(None, labelled), "evt", NOW)
    assert event is not None
    told = (event.file.tags, event.file.context, event.file.destination)
    assert told == (("a", "b"), {"n": 1}, "invoices")


def test_a_renamed_file_has_its_old_place() -> None:
    change = Change(record("stored", folder="A"), record("stored", file_name="b.txt"))
    event = event_of(change, "evt", NOW)
    assert event is not None
    assert event.previous == Place(file_name="a.txt", folder="A")
    assert (event.file.file_name, event.file.folder) == ("b.txt", "")


def test_later_events_of_a_file_have_greater_sequences() -> None:
    newer = record("deleted", sequencer="A2".ljust(64, "0"), version=1)
    changes = [
        Change(None, STORED),
        Change(record("stored", version=9), record("stored", file_name="b.txt")),
        Change(record("stored", version=10), record("stored", file_name="c.txt")),
        Change(record("stored", version=1), newer),
    ]
    events = [event_of(change, "evt", NOW) for change in changes]
    sequences = [event.sequence for event in events if event]
    assert sequences == sorted(set(sequences))
    assert len(sequences) == len(changes)
