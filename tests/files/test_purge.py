"""The purge: it deletes what is due and nothing else, a bounded number of files at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.files import removal, store, upload
from tests.support.records import tamper
from tests.support.waiting import wait_for
from uploads.aws import s3
from uploads.core import keys
from uploads.core.errors import BackendUnavailable
from uploads.files import purge, recount, states, trash, usage
from uploads.files import store as records
from uploads.files.batches import Actor
from uploads.files.purge import Position
from uploads.files.record import StoredFile
from uploads.files.store import Changed, DecideOne
from uploads.files.usage import Usage
from uploads.ingest import tasks

pytestmark = pytest.mark.usefixtures("aws")

OWNER = "7"
ME = Actor(OWNER, OWNER)
NO_TIME = timedelta(0)


def trashed(due_in: timedelta = timedelta(days=30)) -> str:
    """A file in the trash, which is due some time from now."""
    upload_id = store(OWNER)
    trash.move_to_trash([upload_id], ME)
    tamper(upload_id, StoredFile.purge_at.set(datetime.now(UTC) + due_in))
    return upload_id


def due() -> str:
    return trashed(-timedelta(seconds=1))


def has_object(upload_id: str) -> bool:
    return s3.head(upload_id) is not None


def test_only_files_that_are_due_are_purged() -> None:
    expected = [due(), due()]
    kept = [store(OWNER), trashed(), trashed(timedelta(minutes=1))]
    purged = purge.purge()
    assert (purged.files, purged.next) == (2, None)
    assert not any(map(has_object, expected))
    assert all(map(has_object, kept))
    for upload_id in expected:
        record = StoredFile.get(upload_id)
        assert states.is_being_purged(record)
        assert record.deletion_requested_by is None
        removal(upload_id, 9)
    assert usage.usage_of([OWNER])[OWNER] == Usage(3, 15, 2, 10)
    assert recount.differences() == []
    assert purge.purge().files == 0


def test_a_purge_reads_only_the_trash(monkeypatch: pytest.MonkeyPatch) -> None:
    due()
    monkeypatch.setattr(StoredFile, "scan", lambda *a, **k: pytest.fail("a scan"))
    query, feeds = StoredFile.by_state.query, []

    def note(feed: str, *args: object, **kwargs: object) -> object:
        feeds.append(feed)
        return query(feed, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(StoredFile.by_state, "query", note)
    assert purge.purge().files == 1
    assert feeds == [f"trashed#{shard}" for shard in keys.SHARDS]


def test_a_purge_without_time_goes_on_where_it_stopped() -> None:
    ids = [due() for _ in range(4)]
    kept = [trashed() for _ in range(2)]
    position: Position | None = None
    files = rounds = 0
    while True:
        purged = purge.purge(position, budget=NO_TIME)
        files, rounds, position = files + purged.files, rounds + 1, purged.next
        if position is None:
            break
    # One file each, and a last round that finds none.
    assert (files, rounds) == (4, 7)
    assert not any(map(has_object, ids))
    assert all(map(has_object, kept))


def test_the_task_queues_its_own_continuation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = [due() for _ in range(3)]
    run = purge.purge
    monkeypatch.setattr(purge, "purge", lambda start=None: run(start, budget=NO_TIME))
    sent: list[tuple[str, ...]] = []
    monkeypatch.setattr(tasks, "send", lambda task, *arguments: sent.append(arguments))
    tasks.purge_trash()
    while sent:
        tasks.purge_trash(*sent.pop())
    assert not any(map(has_object, ids))


def restored(upload_id: str) -> None:
    (result,) = trash.restore([upload_id], ME)
    assert result.error is None


def purged(upload_id: str) -> None:
    assert trash.purge([upload_id], datetime.now(UTC)) == 1


def given_time(upload_id: str) -> None:
    """Restored, and moved to the trash again."""
    restored(upload_id)
    trash.move_to_trash([upload_id], ME)


@pytest.mark.parametrize(
    ("meanwhile", "is_kept"), [(restored, True), (given_time, True), (purged, False)]
)
def test_what_happens_between_the_list_and_the_purge_decides(
    meanwhile: Callable[[str], None], is_kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index still says that the file is due."""
    upload_id = due()
    found = list(purge._trash(Position(), datetime.now(UTC)))
    meanwhile(upload_id)
    monkeypatch.setattr(purge, "_trash", lambda start, now: iter(found))
    purge.purge()
    assert has_object(upload_id) is is_kept


@pytest.mark.parametrize(
    ("meanwhile", "is_kept"), [(restored, True), (given_time, True), (purged, False)]
)
def test_what_happens_between_the_read_and_the_write_of_a_purge_decides(
    meanwhile: Callable[[str], None], is_kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The condition on the version fails, and the record is read again."""
    upload_id = due()
    read = records.read

    def read_then_act(ids: list[str]) -> dict[str, StoredFile]:
        found = read(ids)
        monkeypatch.setattr(records, "read", read)
        meanwhile(upload_id)
        return found

    monkeypatch.setattr(records, "read", read_then_act)
    trash.purge([upload_id], datetime.now(UTC))
    assert has_object(upload_id) is is_kept


def test_a_file_cannot_be_restored_after_its_purge_has_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The restoration comes after the record was marked and before the object is deleted."""
    upload_id = due()
    delete_many, refused = s3.delete_many, []

    def restore_then_delete(ids: list[str]) -> dict[str, BackendUnavailable]:
        refused.extend(trash.restore(list(ids), ME))
        return delete_many(ids)

    monkeypatch.setattr(s3, "delete_many", restore_then_delete)
    assert purge.purge().files == 1
    (result,) = refused
    assert result.error is not None
    assert result.error.code == "being_deleted"
    assert not has_object(upload_id)
    assert StoredFile.get(upload_id).state == "trashed"


def test_objects_that_s3_did_not_delete_are_deleted_by_the_next_purge(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    upload_id = due()
    with monkeypatch.context() as patch:
        patch.setattr(s3, "delete_many", lambda ids: dict.fromkeys(ids, BackendUnavailable("x")))
        purge.purge()
    assert has_object(upload_id)
    assert "will be deleted by the next purge" in caplog.text
    assert purge.purge().files == 1
    assert not has_object(upload_id)


def test_files_whose_records_could_not_be_changed_are_not_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failing = [due(), due()]
    purged = [due() for _ in range(3)]
    change_many = records.change_many

    def fail_for_two(ids: Collection[str], decide: DecideOne) -> dict[str, Changed]:
        return change_many(ids, decide) | dict.fromkeys(failing, BackendUnavailable("x"))

    monkeypatch.setattr(records, "change_many", fail_for_two)
    assert trash.purge([*failing, *purged], datetime.now(UTC)) == 3
    logged = {vars(line)["upload_id"] for line in caplog.records if "not purged" in line.message}
    assert logged == set(failing)


def test_a_real_worker_purges_and_records_it(pipeline: None) -> None:
    upload_id = upload(OWNER)
    wait_for(lambda: records.get(upload_id))
    trash.move_to_trash([upload_id], ME)
    tamper(upload_id, StoredFile.purge_at.set(datetime.now(UTC)))
    purge.purge()
    wait_for(lambda: StoredFile.get(upload_id).state == "deleted")
    assert usage.usage_of([OWNER])[OWNER] == Usage()
