"""Two users, or a user and the purge, at the same moment: record and object stay consistent.

The second one acts at a point in the middle of the first: after its read, between its write and the
deletion of the object, or after that. S3 and DynamoDB are real.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import product
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from tests.chaos.test_races import apply
from tests.support.files import store, upload
from tests.support.records import tamper
from uploads.aws import s3
from uploads.core.errors import BackendUnavailable, FileNotFound, FolderMoving, FolderNotFound
from uploads.files import folder_actions, moves, queries, recount, states, trash
from uploads.files import store as records
from uploads.files.batches import Actor, Result
from uploads.files.record import StoredFile
from uploads.ingest import confirm
from uploads.ingest.reconciliation import reconcile
from uploads.ingest.reconciliation.reconcile import Plan

pytestmark = pytest.mark.usefixtures("aws")

OWNER = "7"
ME = Actor(OWNER, OWNER)
#: After every file's time in the trash.
LATER = timedelta(days=31)


def purge(upload_id: str) -> None:
    trash.purge([upload_id], datetime.now(UTC) + LATER)


def created(upload_id: str) -> None:
    if s3.head(upload_id):
        apply("created", upload_id, 5)


def removed(upload_id: str) -> None:
    """S3's event, if the object has been removed by now."""
    if s3.head(upload_id) is None:
        apply("removed", upload_id, 7)


def rename(upload_id: str) -> None:
    with suppress(FileNotFound):
        moves.update(upload_id, ME, file_name="new.txt")


def move_folder(upload_id: str) -> None:
    """Move the folder that the file was stored in, whether the file is there or not."""
    with suppress(FolderNotFound, FolderMoving):
        folder_actions.move(OWNER, "Start", f"Moved/{uuid4()}", OWNER)


ACTIONS: dict[str, Callable[[str], object]] = {
    "trash": lambda upload_id: trash.move_to_trash([upload_id], ME),
    "restore": lambda upload_id: trash.restore([upload_id], ME),
    "delete": lambda upload_id: trash.delete([upload_id], ME),
    "purge": purge,
    "move": lambda upload_id: moves.move([upload_id], "A/B", ME),
    "rename": rename,
    "move the folder": move_folder,
    "check": confirm.check,
    "event": created,
}


Moment = Callable[[pytest.MonkeyPatch, Callable[[], object]], None]


def act_after_read(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> None:
    """Act once after the records were read, and before they are written."""
    originals = {"get": records.get, "read": records.read}

    def then_act(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def read_then_act(upload_ids: Any) -> Any:
            found = read(upload_ids)
            for name, original in originals.items():
                monkeypatch.setattr(records, name, original)
            action()
            return found

        return read_then_act

    for name, original in originals.items():
        monkeypatch.setattr(records, name, then_act(original))


def act_before_deletion(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> None:
    """Act once after the records were written, and before the objects are deleted."""
    delete_many = s3.delete_many

    def act_then_delete(upload_ids: Collection[str]) -> dict[str, BackendUnavailable]:
        monkeypatch.setattr(s3, "delete_many", delete_many)
        action()
        return delete_many(upload_ids)

    monkeypatch.setattr(s3, "delete_many", act_then_delete)


def assert_consistent(upload_id: str, name: str) -> None:
    """Once S3's event was applied, the record says what is there, and is counted correctly."""
    removed(upload_id)
    record = StoredFile.get(upload_id, consistent_read=True)
    has_object = s3.head(upload_id) is not None
    assert has_object == (record.state in {"stored", "trashed"}), name
    if states.is_being_purged(record):
        # Its deletion was requested and failed, or was overtaken: the next purge does it.
        purge(upload_id)
        removed(upload_id)
        assert StoredFile.get(upload_id, consistent_read=True).state == "deleted", name
    assert recount.differences() == [], name
    lists = {
        state: [info.id for info in queries.files_of(OWNER, limit=99, state=state).files]
        for state in ("stored", "trashed")
    }
    state = StoredFile.get(upload_id, consistent_read=True).state
    assert [found for found, ids in lists.items() if upload_id in ids] == (
        [state] if state in lists else []
    ), name


#: Actions that read the record of a file, and those that delete the object of one in this state.
READING = [name for name in ACTIONS if name != "move the folder"]
DELETING = {"stored": ["delete"], "trashed": ["delete", "purge"]}


def act_in_the_middle(moment: Moment, first: str, second: str, upload_id: str) -> None:
    acted = []

    def act() -> None:
        acted.append(second)
        ACTIONS[second](upload_id)

    with pytest.MonkeyPatch.context() as patch:
        moment(patch, act)
        ACTIONS[first](upload_id)
    assert acted == [second], first


@pytest.mark.parametrize("start", ["stored", pytest.param("trashed", marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("moment", [act_after_read, act_before_deletion])
def test_one_action_in_the_middle_of_another_leaves_record_and_object_consistent(
    start: str, moment: Moment, full_size: bool
) -> None:
    pairs = list(product(READING if moment is act_after_read else DELETING[start], ACTIONS))
    for first, second in pairs if full_size else Random(1).sample(pairs, 8):
        upload_id = store(OWNER, folder="Start")
        if start == "trashed":
            ACTIONS["trash"](upload_id)
        act_in_the_middle(moment, first, second, upload_id)
        assert_consistent(upload_id, f"{second} in the middle of {first}")


def restore_during_a_purge(moment: Moment) -> tuple[str | None, str | None]:
    """The state and the code of the error that the restoration returns."""
    upload_id = store(OWNER)
    trash.move_to_trash([upload_id], ME)
    restorations: list[Result] = []
    with pytest.MonkeyPatch.context() as patch:
        moment(patch, lambda: restorations.extend(trash.restore([upload_id], ME)))
        purge(upload_id)
    (result,) = restorations
    assert (s3.head(upload_id) is not None) == (result.state == "stored")
    return result.state, result.error and result.error.code


@pytest.mark.parametrize(
    ("moment", "outcome"),
    [(act_after_read, ("stored", None)), (act_before_deletion, (None, "being_deleted"))],
)
def test_a_restoration_during_a_purge_is_refused_or_prevents_it(
    moment: Moment, outcome: tuple[str | None, str | None]
) -> None:
    assert restore_during_a_purge(moment) == outcome


@pytest.mark.parametrize("rounds", [3, pytest.param(25, marks=pytest.mark.exhaustive)])
def test_threads_that_trash_restore_delete_and_purge_leave_everything_consistent(
    rounds: int,
) -> None:
    ids = [store(OWNER) for _ in range(6)]

    def work(seed: int) -> None:
        rng = Random(seed)
        for _ in range(rounds):
            change = rng.choice((trash.move_to_trash, trash.restore, trash.delete))
            # Permanent deletions are rare, so that something is left.
            if change is trash.delete and rng.random() < 0.7:
                change = trash.restore
            chosen = rng.sample(ids, 3)
            results = change(chosen, ME)
            codes = {result.error.code for result in results if result.error}
            assert codes <= {"being_deleted", "file_not_found", "unavailable"}
            if rng.random() < 0.2:
                trash.purge(rng.sample(ids, 1), datetime.now(UTC) + LATER)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    for upload_id in ids:
        assert_consistent(upload_id, upload_id)


def test_a_lost_event_of_a_purge_is_found_by_reconciliation() -> None:
    kept, purged, orphaned = store(OWNER), store(OWNER), upload(OWNER)
    trash.move_to_trash([kept, purged], ME)
    tamper(purged, StoredFile.purge_at.set(datetime.now(UTC)))
    assert trash.purge([purged], datetime.now(UTC)) == 1
    reconcile.run(Plan("all", min_age=timedelta(0)))
    found = {item.id: item.state for item in StoredFile.scan(StoredFile.key.exists())}
    # A file in the trash is no orphaned object.
    assert found == {kept: "trashed", purged: "deleted", orphaned: "stored"}
