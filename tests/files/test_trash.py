"""The trash: what each change does to records, objects, lists and counters, one by one and many."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from tests.support.aws_requests import AwsRequests
from tests.support.files import removal, store, upload
from uploads.aws import clients, s3
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.files import actions, grouping, moves, queries, recount, trash, usage
from uploads.files import store as records
from uploads.files.batches import Actor, ChangeMany, Result
from uploads.files.record import State, StoredFile
from uploads.files.usage import Usage
from uploads.ingest import confirm
from uploads.ingest.events import ObjectEvent

pytestmark = pytest.mark.usefixtures("aws")

OWNER = "7"
ME = Actor(OWNER, OWNER)
STRANGER = Actor("8", "8")
OPERATOR = Actor("1", None)

CHANGES: dict[str, ChangeMany] = {
    "trash": trash.move_to_trash, "restore": trash.restore, "delete": trash.delete,
}  # fmt: skip


def stored() -> str:
    return store(OWNER)


def in_folder(folder: str) -> str:
    return store(OWNER, folder=folder)


def trashed() -> str:
    upload_id = stored()
    (result,) = trash.move_to_trash([upload_id], ME)
    assert result == Result(upload_id, "trashed")
    return upload_id


def purging() -> str:
    """A file whose purge died before it deleted the object."""
    upload_id = trashed()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3, "delete_many", lambda ids: dict.fromkeys(ids, BackendUnavailable()))
        trash.delete([upload_id], ME)
    assert s3.head(upload_id)
    return upload_id


def restored() -> str:
    upload_id = trashed()
    assert trash.restore([upload_id], ME) == [Result(upload_id, "stored")]
    return upload_id


def deleted() -> str:
    upload_id = stored()
    removal(upload_id, 5)
    return upload_id


def rejected() -> str:
    upload_id = upload(OWNER, "a.png", b"<html>", "image/png")
    assert confirm.confirm(upload_id) == "rejected"
    return upload_id


def pending() -> str:
    return upload(OWNER)


FILES = {
    function.__name__: function
    for function in (stored, trashed, purging, restored, deleted, rejected, pending)
}
NOT_FOUND, BEING_DELETED = "file_not_found", "being_deleted"
#: (file, change) -> what its owner is told: the new state, or the code of the error
OUTCOMES: dict[tuple[str, str], str] = {
    ("stored", "trash"): "trashed",
    ("stored", "restore"): "stored",
    ("stored", "delete"): "deleting",
    ("trashed", "trash"): "trashed",
    ("trashed", "restore"): "stored",
    ("trashed", "delete"): "deleting",
    ("purging", "trash"): BEING_DELETED,
    ("purging", "restore"): BEING_DELETED,
    ("purging", "delete"): "deleting",
    ("restored", "trash"): "trashed",
    ("restored", "restore"): "stored",
    ("restored", "delete"): "deleting",
    **{
        (file, change): NOT_FOUND
        for file in ("deleted", "rejected", "pending")
        for change in CHANGES
    },
}


def state_of(upload_id: str) -> str | None:
    record = records.get(upload_id)
    return None if record is None else str(record.state)


def values_of(upload_id: str) -> dict[str, Any] | None:
    record = records.get(upload_id)
    return None if record is None else dict(record.attribute_values)


def usage_of(owner: str = OWNER) -> Usage:
    return usage.usage_of([owner], consistent_read=True)[owner]


def changes_of(owner: str = OWNER) -> int:
    return int(usage.Counter.get(usage.owner_counter(owner), consistent_read=True).changes)


def listed(state: State, owner: str = OWNER) -> list[str]:
    return [info.id for info in queries.files_of(owner, limit=50, state=state).files]


def code_of(result: Result) -> str:
    return result.error.code if result.error else str(result.state)


@pytest.mark.parametrize("change", CHANGES)
def test_what_an_owner_may_do_with_a_file_in_each_state(change: str) -> None:
    ids = {name: make() for name, make in FILES.items()}
    before = {name: state_of(upload_id) for name, upload_id in ids.items()}
    outcomes = {name: OUTCOMES[name, change] for name in FILES}
    results = CHANGES[change](list(ids.values()), ME)
    assert dict(zip(FILES, map(code_of, results), strict=True)) == outcomes
    gone = {name for name, upload_id in ids.items() if s3.head(upload_id) is None}
    deleting = {name for name, outcome in outcomes.items() if outcome == "deleting"}
    assert gone == {"deleted", "rejected"} | deleting
    changed = {
        name: outcome for name, outcome in outcomes.items() if outcome in {"stored", "trashed"}
    }
    # The record of a file that is being deleted follows S3's event.
    assert {name: state_of(upload_id) for name, upload_id in ids.items()} == before | changed
    for name in deleting:
        removal(ids[name], 9)
        assert state_of(ids[name]) == "deleted"
    assert recount.differences() == []


def test_a_strangers_file_looks_like_one_that_does_not_exist() -> None:
    ids = [make() for make in FILES.values()]
    before = [values_of(upload_id) for upload_id in ids]
    for change in CHANGES.values():
        assert set(map(code_of, change(ids, STRANGER))) == {NOT_FOUND}
    assert [values_of(upload_id) for upload_id in ids] == before
    gone = {name for name, upload_id in zip(FILES, ids, strict=True) if not s3.head(upload_id)}
    assert gone == {"deleted", "rejected"}


@pytest.mark.parametrize(
    ("file", "change", "outcome"),
    [
        ("stored", "trash", "trashed"), ("trashed", "restore", "stored"),
        ("trashed", "delete", "deleting"), ("rejected", "delete", "deleting"),
        ("rejected", "trash", NOT_FOUND), ("deleted", "delete", NOT_FOUND),
    ],
)  # fmt: skip
def test_an_operator_may_change_everybodys_files(file: str, change: str, outcome: str) -> None:
    (result,) = CHANGES[change]([FILES[file]()], OPERATOR)
    assert code_of(result) == outcome


def test_results_are_in_the_order_of_the_request_with_one_for_each_id() -> None:
    first, second, foreign = store(OWNER), store(OWNER), store("8")
    ids = [second, "x", foreign, first.upper(), second, "", deleted()]
    results = trash.move_to_trash(ids, ME)
    assert [result.id for result in results] == ids
    assert list(map(code_of, results)) == [
        "trashed", NOT_FOUND, NOT_FOUND, "trashed", "trashed", NOT_FOUND, NOT_FOUND,
    ]  # fmt: skip
    assert usage_of() == Usage(2, 10, 2, 10)


@pytest.mark.parametrize("count", [1, 12])
def test_many_files_cost_as_many_requests_as_one(count: int, aws_requests: AwsRequests) -> None:
    ids = [store(OWNER) for _ in range(count)]
    for change, requests in (
        (trash.move_to_trash, {"dynamodb": 2}),
        (trash.restore, {"dynamodb": 2}),
        (trash.move_to_trash, {"dynamodb": 2}),
        (trash.delete, {"dynamodb": 2, "s3": 1}),
    ):
        aws_requests.counts()
        results = change(ids, ME)
        assert [result for result in results if result.error] == []
        assert aws_requests.counts() == requests, change


def test_the_bytes_of_the_trash_count_until_the_object_is_gone() -> None:
    first, _second = store(OWNER, body=b"12345"), store(OWNER, body=b"123")
    trash.move_to_trash([first], ME)
    assert usage_of() == Usage(2, 8, 1, 5)
    assert usage.by_kind()["text"] == Usage(2, 8, 1, 5)
    trash.delete([first], ME)
    assert usage_of() == Usage(2, 8, 1, 5)
    removal(first, 5)
    assert usage_of() == usage.by_kind()["text"] == Usage(1, 3)


def test_a_restored_file_takes_no_room_that_it_had_not(settings: Settings) -> None:
    first = store(OWNER, body=b"12345")
    settings.FILEHUB = settings.FILEHUB | {"USER_QUOTA": 5}
    trash.move_to_trash([first], ME)
    full = upload(OWNER, body=b"1")
    assert confirm.confirm(full) == "rejected"
    assert trash.restore([first], ME) == [Result(first, "stored")]
    assert usage_of() == Usage(1, 5)


def test_each_file_is_in_exactly_one_list() -> None:
    ids = {name: make() for name, make in FILES.items()}
    expected: dict[State, list[str]] = {
        "stored": [ids["restored"], ids["stored"]],
        "trashed": [ids["trashed"]],
        "rejected": [ids["rejected"]],
    }
    for state, members in expected.items():
        assert listed(state) == sorted(members, reverse=True), state
        assert listed(state, "8") == []
    (reason,) = [info.reason for info in queries.files_of(OWNER, limit=9, state="rejected").files]
    assert reason.code == "content_mismatch"
    (info,) = queries.files_of(OWNER, limit=9, state="trashed").files
    assert info.trashed_at is not None
    assert info.purge_at == info.trashed_at + timedelta(days=30)


def make_rejected(upload_id: str) -> None:
    clients.s3().put_object(
        Bucket=conf().bucket, Key=f"uploads/{upload_id[-1]}/{upload_id}", Body=b"<html>",
        ContentType="image/png", Metadata=s3.metadata(OWNER, "a.png"),
    )  # fmt: skip
    event = ObjectEvent("created", upload_id, "5".ljust(64, "0"))
    assert confirm.apply_event(event) == "rejected"


#: What an owner sees in a list, and how to bring it about.
VISIBLE: dict[str, tuple[Callable[[], str], Callable[[str], Any]]] = {
    "stored": (pending, confirm.confirm),
    "rejected": (lambda: upload(OWNER, "a.png", b"<html>", "image/png"), confirm.confirm),
    "replaced by a file that is rejected": (stored, make_rejected),
    "trashed": (stored, lambda upload_id: trash.move_to_trash([upload_id], ME)),
    "restored": (trashed, lambda upload_id: trash.restore([upload_id], ME)),
    "purged": (trashed, lambda upload_id: trash.delete([upload_id], ME)),
    "deleted": (stored, lambda upload_id: removal(upload_id, 9)),
    "deleted from the trash": (trashed, lambda upload_id: removal(upload_id, 9)),
    "renamed": (stored, lambda upload_id: moves.update(upload_id, ME, file_name="b.txt")),
    "moved": (lambda: in_folder("A"), lambda upload_id: moves.update(upload_id, ME, folder="")),
    "trashed from a folder": (
        lambda: in_folder("A"),
        lambda upload_id: trash.move_to_trash([upload_id], ME),
    ),
    "given to another": (stored, lambda upload_id: actions.change_owner(upload_id, "8", "1")),
}
INVISIBLE: dict[str, tuple[Callable[[], str], Callable[[str], Any]]] = {
    "confirmed again": (stored, confirm.check),
    "restored again": (stored, lambda upload_id: trash.restore([upload_id], ME)),
    "trashed again": (trashed, lambda upload_id: trash.move_to_trash([upload_id], ME)),
    "renamed to the same name": (
        stored,
        lambda upload_id: moves.update(upload_id, ME, file_name="a.txt"),
    ),
    "moved to the same folder": (
        stored,
        lambda upload_id: moves.move([upload_id], "", ME),
    ),
    "refused to a stranger": (stored, lambda upload_id: trash.delete([upload_id], STRANGER)),
    "purged, then removed": (purging, lambda upload_id: removal(upload_id, 9)),
}


@pytest.mark.parametrize("name", VISIBLE)
def test_a_change_that_an_owner_can_see_is_counted(name: str) -> None:
    store(OWNER)
    make, change = VISIBLE[name]
    upload_id = make()
    before = changes_of()
    change(upload_id)
    assert changes_of() == before + 1


@pytest.mark.parametrize("name", INVISIBLE)
def test_a_change_that_an_owner_cannot_see_is_not_counted_or_changes_their_usage(
    name: str,
) -> None:
    make, change = INVISIBLE[name]
    upload_id = make()
    before, used = changes_of(), usage_of()
    change(upload_id)
    assert changes_of() == before + (used != usage_of())


def test_without_a_trash_a_file_is_deleted_at_once(settings: Settings) -> None:
    old = trashed()
    settings.FILEHUB = settings.FILEHUB | {"TRASH_DAYS": 0}
    upload_id = store(OWNER)
    assert trash.move_to_trash([upload_id], ME) == [Result(upload_id, "deleting")]
    assert s3.head(upload_id) is None
    removal(upload_id, 5)
    assert state_of(upload_id) == "deleted"
    # What was in the trash stays until it is due.
    assert listed("trashed") == [old]
    assert trash.restore([old], ME) == [Result(old, "stored")]


def test_the_trash_keeps_the_time_that_was_set_when_a_file_came(settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"TRASH_DAYS": 7}
    upload_id = trashed()
    settings.FILEHUB = settings.FILEHUB | {"TRASH_DAYS": 1}
    (info,) = queries.files_of(OWNER, limit=9, state="trashed").files
    assert info.id == upload_id
    assert info.trashed_at is not None
    assert info.purge_at == info.trashed_at + timedelta(days=7)


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_is_changed_meanwhile_is_read_again_and_the_others_are_not(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [stored() if change != "restore" else trashed() for _ in range(3)]
    read, seen = records.read, []

    def read_then_change(upload_ids: list[str]) -> dict[str, StoredFile]:
        found = read(upload_ids)
        seen.append(sorted(upload_ids))
        if len(seen) == 1:
            records.annotate(ids[1], [StoredFile.downloads.add(1)])
        return found

    monkeypatch.setattr(records, "read", read_then_change)
    results = CHANGES[change](ids, ME)
    assert [result.error for result in results] == [None] * 3
    assert seen == [sorted(ids), [ids[1]]]


def test_a_change_without_time_for_another_attempt_fails_and_the_others_do_not(
    monkeypatch: pytest.MonkeyPatch, aws_requests: AwsRequests
) -> None:
    """As when the time of a request ends: what was changed before is still told."""

    def no_time_left(attempt: int) -> None:
        raise BackendUnavailable("no time left")

    ids = sorted(stored() for _ in range(2))
    monkeypatch.setattr(records, "pause", no_time_left)
    monkeypatch.setattr(grouping, "groups", lambda changes: [[change] for change in changes])
    aws_requests.conflicts = 1
    results = trash.delete(ids, ME)
    assert sum(isinstance(result.error, BackendUnavailable) for result in results) == 1
    (deleted,) = (result.id for result in results if result.error is None)
    assert s3.head(deleted) is None
