"""Renaming and moving files: the record changes, the object does not, and nothing undoes it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.support.aws_requests import AwsRequests
from tests.support.files import put_under, removal, store, upload
from tests.support.http import send
from tests.support.records import erase
from tests.support.table import folder_totals
from uploads.aws import clients, s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.errors import FileNotFound, InvalidRequest
from uploads.files import actions, moves, queries, recount
from uploads.files import store as record_store
from uploads.files.batches import Actor
from uploads.files.record import FileInfo, StoredFile
from uploads.files.timeline import timeline
from uploads.ingest import confirm
from uploads.ingest.events import ObjectEvent
from uploads.ingest.reconciliation import reconcile

pytestmark = pytest.mark.usefixtures("aws")

OWNER = "7"


def rename(upload_id: str, name: str) -> FileInfo:
    return moves.update(upload_id, Actor(OWNER, OWNER), file_name=name)


def place(upload_id: str) -> tuple[str, str]:
    info = queries.stored_file(upload_id, OWNER)
    return info.folder, info.file_name


def created(upload_id: str, number: int) -> confirm.Outcome:
    sequencer = f"{number:018X}".ljust(64, "0")
    return confirm.apply_event(ObjectEvent("created", upload_id, sequencer))


# What can happen to a file after it was renamed and moved

AFTERWARDS: dict[str, Callable[[str], object]] = {
    "nothing": lambda upload_id: None,
    "its event, after the hint": lambda upload_id: created(upload_id, 1),
    "its event twice": lambda upload_id: (created(upload_id, 1), created(upload_id, 1)),
    "a hint": confirm.confirm,
    "a check": confirm.check,
    "the object is replaced": lambda upload_id: (
        s3.delete(upload_id), put_under(upload_id, OWNER, b"other"), created(upload_id, 2)
    ),
    "the removal before the event of its replacement": lambda upload_id: (
        removal(upload_id, 2), put_under(upload_id, OWNER, b"hello"), created(upload_id, 3)
    ),
    "it is marked deleted by mistake": lambda upload_id: (
        confirm.apply_event(ObjectEvent("removed", upload_id, "0" * 63 + "1")),
        confirm.check(upload_id),
    ),
    "the reconciliation": lambda upload_id: reconcile.run(
        reconcile.Plan("all", min_age=timedelta(0))
    ),
    "a change of owner and back": lambda upload_id: (
        actions.change_owner(upload_id, "8", "1"), actions.change_owner(upload_id, OWNER, "1")
    ),
}  # fmt: skip


@pytest.mark.parametrize("event", AFTERWARDS)
def test_a_new_name_and_folder_survive(event: str) -> None:
    upload_id = store(OWNER, "old.txt", folder="Old")
    moves.update(upload_id, Actor(OWNER, OWNER), file_name="new.txt", folder="New/Place")
    AFTERWARDS[event](upload_id)
    assert place(upload_id) == ("New/Place", "new.txt")
    files = {path: total[0] for path, total in folder_totals(OWNER).items()}
    assert files == {"Old": 0, "New": 0, "New/Place": 1}
    assert recount.differences() == []


def test_only_a_lost_record_falls_back_to_what_was_signed() -> None:
    upload_id = store(OWNER, "old.txt", folder="Old")
    moves.update(upload_id, Actor(OWNER, OWNER), file_name="new.txt", folder="New")
    erase(upload_id)
    assert confirm.check(upload_id) == "confirmed"
    assert place(upload_id) == ("Old", "old.txt")


def test_a_download_has_the_new_name_without_the_folder() -> None:
    upload_id = store(OWNER, "old.txt", b"content", folder="Old")
    moves.update(upload_id, Actor(OWNER, OWNER), file_name="neu ü.txt", folder="A/B")
    url, _ = actions.sign_download(queries.stored_file(upload_id, OWNER), OWNER)
    response = send("GET", url)
    assert response.body == b"content"
    disposition = response.headers["Content-Disposition"]
    assert disposition.endswith("filename*=UTF-8''neu%20%C3%BC.txt")
    assert "A" not in disposition.partition("filename=")[2].partition(";")[0]


def test_the_object_stays_as_it_is() -> None:
    upload_id = store(OWNER, "old.txt", folder="Old")
    before = s3.head(upload_id)
    moves.update(upload_id, Actor(OWNER, OWNER), file_name="new.txt", folder="New")
    assert s3.head(upload_id) == before
    assert before is not None
    assert (before.file_name, before.folder) == ("old.txt", "Old")


def test_the_history_says_who_renamed_and_moved_it() -> None:
    upload_id = store(OWNER, "old.txt")
    moves.update(upload_id, Actor("1", OWNER), file_name="new.txt", folder="A")
    moves.update(upload_id, Actor("2", OWNER), folder="B")
    info = queries.stored_file(upload_id, OWNER)
    entries = [(entry.what, entry.by, entry.detail) for entry in timeline(info)]
    assert entries[-2:] == [("renamed", "1", "old.txt"), ("moved", "2", "A")]


@pytest.mark.parametrize(
    ("name", "folder"), [("a.txt", None), (None, ""), ("a.txt", ""), (None, None)]
)
def test_a_change_to_what_it_is_writes_nothing(name: str | None, folder: str | None) -> None:
    upload_id = store(OWNER, "a.txt")
    before = record_store.get(upload_id)
    moves.update(upload_id, Actor(OWNER, OWNER), file_name=name, folder=folder)
    after = record_store.get(upload_id)
    assert before is not None
    assert after is not None
    assert after.attribute_values == before.attribute_values


@pytest.mark.parametrize(
    ("name", "folder", "code"),
    [
        ("", None, "missing_file_name"),
        (" ", None, "missing_file_name"),
        ("a" * 256, None, "name_too_long"),
        ("a\nb", None, "invalid_name"),
        ("\u200b", None, "invalid_name"),
        (None, "/a", "invalid_folder"),
        (None, "a/..", "invalid_folder"),
        ("ok", "a//b", "invalid_folder"),
    ],
)
def test_an_invalid_name_or_folder_changes_nothing(
    name: str | None, folder: str | None, code: str
) -> None:
    upload_id = store(OWNER, "a.txt")
    with pytest.raises(InvalidRequest) as refused:
        moves.update(upload_id, Actor(OWNER, OWNER), file_name=name, folder=folder)
    assert refused.value.code == code
    assert place(upload_id) == ("", "a.txt")


@pytest.mark.parametrize("state", ["unknown", "pending", "deleted", "not an id", "another owner's"])
def test_only_an_owners_stored_file_can_be_changed(state: str) -> None:
    ids = {
        "unknown": lambda: keys.new_upload_id(OWNER, "secret"),
        "pending": lambda: upload(OWNER),
        "deleted": deleted,
        "not an id": lambda: "folder#7/A",
        "another owner's": lambda: store("8"),
    }
    upload_id = ids[state]()
    with pytest.raises(FileNotFound):
        rename(upload_id, "x")
    results = moves.move([upload_id], "A", Actor(OWNER, OWNER))
    assert [(each.id, type(each.error)) for each in results] == [(upload_id, FileNotFound)]


def deleted() -> str:
    upload_id = store(OWNER)
    removal(upload_id, 9)
    return upload_id


# Several files


def test_many_files_move_in_few_transactions_each_with_its_own_result(
    aws_requests: AwsRequests,
) -> None:
    mine = [store(OWNER, f"{n}.txt", folder="A" if n % 2 else "") for n in range(12)]
    foreign = store("8")
    aws_requests.transactions.clear()
    requested = [mine[0], foreign, "nonsense", *mine[1:], mine[0]]
    results = moves.move(requested, "B", Actor(OWNER, OWNER))
    assert [each.id for each in results] == requested
    failed = {each.id for each in results if each.error}
    assert failed == {foreign, "nonsense"}
    # The first finds that the folder does not exist.
    assert len(aws_requests.transactions) == 3
    assert folder_totals(OWNER) == {"A": (0, 0, 0), "B": (12, 60, 0)}


# Races


def test_a_rename_and_a_removal_at_once_leave_a_consistent_record() -> None:
    for _ in range(4):
        upload_id = store(OWNER, "old.txt", folder="A")

        def renamed(upload_id: str = upload_id) -> bool:
            try:
                moves.update(upload_id, Actor(OWNER, OWNER), file_name="new.txt", folder="B")
            except FileNotFound:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            renaming = pool.submit(renamed)
            removing = pool.submit(removal, upload_id, 9)
            was_renamed = renaming.result()
            assert removing.result() == "removed"
        record = record_store.get(upload_id)
        assert record is not None
        assert record.state == "deleted"
        assert (record.owner_feed, record.folder_feed, record.name_key) == (None, None, None)
        assert record.file_name == ("new.txt" if was_renamed else "old.txt")
    assert recount.differences() == []


def test_a_rename_does_not_depend_on_what_happens_after_it(aws_requests: AwsRequests) -> None:
    upload_id = store(OWNER, "old.txt", folder="A")
    aws_requests.transactions.clear()
    aws_requests.cuts = lambda operation, body: bool(aws_requests.transactions)
    renamed = moves.update(upload_id, Actor(OWNER, OWNER), file_name="new.txt")
    assert (renamed.folder, renamed.file_name) == ("A", "new.txt")


def test_moves_and_events_at_once_lose_neither() -> None:
    upload_id = store(OWNER, folder="A")
    with ThreadPoolExecutor(4) as pool:
        moving = pool.submit(moves.update, upload_id, Actor(OWNER, OWNER), folder="B")
        renaming = pool.submit(rename, upload_id, "new.txt")
        events = [pool.submit(created, upload_id, number) for number in range(1, 5)]
        for each in (moving, renaming, *events):
            each.result()
    assert place(upload_id) == ("B", "new.txt")
    record = StoredFile.get(upload_id)
    assert record.sequencer == f"{4:018X}".ljust(64, "0")
    assert recount.differences() == []


def test_two_moves_at_once_end_in_one_folder() -> None:
    upload_id = store(OWNER)
    with ThreadPoolExecutor(2) as pool:
        for each in [
            pool.submit(moves.update, upload_id, Actor(OWNER, OWNER), folder=name) for name in "AB"
        ]:
            each.result()
    totals = {path: total[0] for path, total in folder_totals(OWNER).items()}
    assert totals == {"A": 0, "B": 1} or totals == {"A": 1, "B": 0}
    assert totals[place(upload_id)[0]] == 1


# Metadata that filehub did not sign


@pytest.mark.parametrize(
    ("folder", "stored_in"),
    [
        ("Photos", "Photos"), ("Photos%2F2024", "Photos/2024"), ("Cafe%CC%81", "Caf\u00e9"),
        ("", ""), ("%2FA", ""), ("A%2F..", ""), ("%00", ""), ("%FF%FE", ""), ("a" * 401, ""),
        ("%ED%A0%80", ""), ("%", "%"), ("%252F", "%2F"),
    ],
)  # fmt: skip
def test_a_folder_in_hostile_metadata_never_loses_the_file(folder: str, stored_in: str) -> None:
    upload_id = keys.new_upload_id(OWNER, "secret")
    metadata = s3.metadata(OWNER, "a.txt") | ({"folder": folder} if folder else {})
    clients.s3().put_object(
        Bucket=conf().bucket,
        Key=keys.object_key(upload_id),
        Body=b"hello",
        ContentType="text/plain",
        Metadata=metadata,
    )
    assert confirm.confirm(upload_id) == "stored"
    assert place(upload_id) == (stored_in, "a.txt")
    assert recount.differences() == []
