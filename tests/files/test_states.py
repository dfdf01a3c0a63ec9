"""What follows from a record's state: in which lists it is, and what it keeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from uploads.core import keys
from uploads.files import states
from uploads.files.record import STATES, State, StoredFile
from uploads.ingest import records
from uploads.ingest.events import NO_SEQUENCER

NOW = datetime(2026, 5, 1, tzinfo=UTC)
OWNER = "7"
#: Owner strings, some of which look like the names of partitions.
OWNERS = (
    "7", "77", "trashed", "trashed#7", "rejected#7", "#7", "stored#7", "owner#7", "0", "-1",
    "7b5a3f9e-0000-4000-8000-000000000001", "a@b.example", "名前", " 7", "7 ", "trashed\x017", "/",
)  # fmt: skip


def record(state: State = "stored", folder: str | None = None) -> StoredFile:
    new = records.new_record(keys.new_upload_id(OWNER, "secret"), NO_SEQUENCER, "stored")
    new.owner, new.file_name, new.folder, new.size = OWNER, "Á.txt", folder, 5
    return states.in_state(new, state)


def trashed() -> StoredFile:
    return states.trashed(record(), by="8", now=NOW, keep_for=timedelta(days=30))


def test_no_two_lists_of_files_share_a_partition_whatever_the_owners_are_called() -> None:
    # To its owner, a file in quarantine is a rejected one.
    assert states.owner_feed("7", "quarantined") == states.owner_feed("7", "rejected")
    feeds = [
        feed
        for owner, state in product(OWNERS, [state for state in STATES if state != "quarantined"])
        if (feed := states.owner_feed(owner, state)) is not None
    ]
    assert len(feeds) == len(set(feeds)) == len(OWNERS) * 4
    assert [states.owner_feed(owner, "stored") for owner in OWNERS] == list(OWNERS)


@pytest.mark.parametrize("state", STATES)
def test_a_file_without_an_owner_is_in_nobodys_list(state: State) -> None:
    assert states.owner_feed(None, state) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [*((owner, True) for owner in OWNERS), ("", False), (None, False), ("\0trashed\x007", False),
     ("7\0", False)],
    ids=repr,
)  # fmt: skip
def test_what_can_be_an_owner(text: str | None, expected: bool) -> None:
    assert states.is_owner(text) is expected


@pytest.mark.parametrize("folder", [None, "Photos", "Photos/2024"])
@pytest.mark.parametrize(
    ("state", "feed", "name_key"),
    [
        ("stored", OWNER, "a.txt"),
        ("trashed", "\0trashed\x007", None),
        ("rejected", "\0rejected\x007", None),
        ("deleted", None, None),
    ],
)
def test_the_keys_of_the_indexes(
    state: State, feed: str | None, name_key: str | None, folder: str | None
) -> None:
    item = record(state, folder)
    assert (item.state, item.owner_feed, item.name_key) == (state, feed, name_key)
    assert item.feed == f"{state}#{keys.shard(item.id)}"
    # Only stored files are in a folder; the others remember theirs.
    assert item.folder_feed == (f"7/{folder or ''}" if state == "stored" else None)
    assert item.folder == folder


def test_a_file_in_the_trash_can_be_restored_and_trashed_again() -> None:
    first = trashed()
    assert (first.trashed_at, first.trashed_by) == (NOW, "8")
    assert first.purge_at == NOW + timedelta(days=30)
    restored = states.restored(first, by="7", now=NOW + timedelta(days=1))
    assert (restored.state, restored.owner_feed, restored.purge_at) == ("stored", OWNER, None)
    assert (restored.restored_at, restored.restored_by) == (NOW + timedelta(days=1), "7")
    assert restored.trashed_at == NOW
    later = NOW + timedelta(days=2)
    again = states.trashed(restored, by="7", now=later, keep_for=timedelta(days=1))
    assert (again.trashed_at, again.trashed_by, again.restored_at) == (later, "7", None)


def test_a_file_that_is_being_purged_is_in_no_list_of_its_owner() -> None:
    purging = states.purging(trashed(), by=None, now=NOW)
    assert states.is_being_purged(purging)
    assert (purging.state, purging.owner_feed, purging.purge_at) == ("trashed", None, NOW)
    assert purging.feed.startswith("trashed#")


def test_a_deletion_that_failed_earlier_is_no_purge() -> None:
    """A request to delete a stored file leaves its time in the record even if S3 fails."""
    asked = record()
    asked.deletion_requested_at, asked.deletion_requested_by = NOW, "7"
    item = states.trashed(asked, by="7", now=NOW, keep_for=timedelta(days=1))
    assert not states.is_being_purged(item)
    assert item.owner_feed == "\0trashed\x007"
