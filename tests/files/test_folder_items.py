"""Folders exist while they are empty, and count exactly what is directly inside."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from pytest_django import Settings

from tests.support.aws_requests import AwsRequests
from tests.support.files import removal, store, upload
from tests.support.records import tamper
from tests.support.table import folder_totals
from uploads.core.errors import (
    FileNotFound,
    FolderExists,
    FolderMoving,
    FolderNotEmpty,
    FolderNotFound,
    InvalidRequest,
)
from uploads.files import browse, folder_actions, folder_items, moves, recount, usage
from uploads.files.batches import Actor
from uploads.files.folder_items import FolderInfo, FolderItem
from uploads.files.record import StoredFile
from uploads.ingest import confirm

pytestmark = pytest.mark.usefixtures("aws")

OWNER = "7"


def listed(folder: str = "", owner: str = OWNER) -> tuple[list[str], list[str]]:
    """Names of the subfolders and of the files directly in a folder, as the index has them."""
    page = browse.contents(owner, folder, limit=200, sort="name")
    assert page.next_cursor is None
    return [each.name for each in page.folders], [file.file_name for file in page.files]


def test_the_first_file_creates_its_folder_and_those_around_it() -> None:
    store(OWNER, "a.txt", b"12345", folder="Photos/2024/May")
    assert folder_totals(OWNER) == {
        "Photos": (0, 0, 1), "Photos/2024": (0, 0, 1), "Photos/2024/May": (1, 5, 0)
    }  # fmt: skip
    assert listed() == (["Photos"], [])
    assert listed("Photos/2024") == (["May"], [])
    assert listed("Photos/2024/May") == ([], ["a.txt"])
    assert recount.differences() == []


def test_files_are_counted_while_they_are_stored() -> None:
    first, second = (store(OWNER, name, b"123", folder="A") for name in ("a", "b"))
    assert folder_totals(OWNER) == {"A": (2, 6, 0)}
    removal(first, 9)
    assert folder_totals(OWNER) == {"A": (1, 3, 0)}
    removal(second, 9)
    # It stays until somebody deletes it.
    assert folder_totals(OWNER) == {"A": (0, 0, 0)}


def test_a_folder_belongs_to_one_owner_whatever_their_names() -> None:
    for owner, folder in (("7", "8/a"), ("7/8", "a"), ("7", "8"), ("7%2F8", "a"), ("", "7/8/a")):
        folder_actions.create(owner, folder)
    ids = {item.id for item in folder_items.scan()}
    assert len(ids) == 7
    assert listed("8", "7") == (["a"], [])
    assert listed("", "7/8") == (["a"], [])


def test_an_empty_folder_can_be_created_and_deleted() -> None:
    assert folder_actions.create(OWNER, "A/B")
    assert not folder_actions.create(OWNER, "A/B")
    assert not folder_actions.create(OWNER, "A")
    assert listed() == (["A"], [])
    with pytest.raises(FolderNotEmpty):
        folder_actions.delete(OWNER, "A")
    folder_actions.delete(OWNER, "A/B")
    assert folder_totals(OWNER) == {"A": (0, 0, 0)}
    folder_actions.delete(OWNER, "A")
    assert folder_totals(OWNER) == {}
    with pytest.raises(FolderNotFound):
        folder_actions.delete(OWNER, "A")


def test_a_folder_with_a_file_cannot_be_deleted() -> None:
    upload_id = store(OWNER, folder="A")
    with pytest.raises(FolderNotEmpty):
        folder_actions.delete(OWNER, "A")
    moves.update(upload_id, Actor(OWNER, OWNER), folder="")
    folder_actions.delete(OWNER, "A")


@pytest.mark.parametrize("limit", [5, 4])
def test_an_empty_folder_takes_no_room_of_the_quota(settings: Settings, limit: int) -> None:
    settings.FILEHUB = settings.FILEHUB | {"USER_QUOTA": limit}
    folder_actions.create(OWNER, "A")
    upload_id = upload(OWNER, body=b"12345", folder="A")
    assert confirm.confirm(upload_id) == ("stored" if limit == 5 else "rejected")
    assert folder_totals(OWNER) == {"A": (1, 5, 0) if limit == 5 else (0, 0, 0)}


def test_the_root_costs_no_item() -> None:
    store(OWNER)
    assert list(folder_items.scan()) == []
    assert folder_actions.info(OWNER, "") == FolderInfo("", 1, 5)


def test_a_file_and_the_deletion_of_its_folder_race() -> None:
    """Whichever change wins, the folder exists if the file is in it."""
    upload_id = store(OWNER)

    def delete() -> None:
        with suppress(FolderNotFound, FolderNotEmpty):
            folder_actions.delete(OWNER, "A/B")

    for _ in range(5):
        folder_actions.create(OWNER, "A/B")
        with ThreadPoolExecutor(2) as pool:
            moving = pool.submit(moves.update, upload_id, Actor(OWNER, OWNER), folder="A/B")
            pool.submit(delete).result()
            moving.result()
        assert folder_totals(OWNER) == {"A": (0, 0, 1), "A/B": (1, 5, 0)}
        moves.update(upload_id, Actor(OWNER, OWNER), folder="")
    assert recount.differences() == []


def test_many_files_of_a_new_folder_create_it_once() -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: store(OWNER, f"{n}.txt", folder="A/B"), range(8)))
    assert folder_totals(OWNER) == {"A": (0, 0, 1), "A/B": (8, 40, 0)}


def test_a_file_of_a_known_folder_costs_one_item_more(aws_requests: AwsRequests) -> None:
    store(OWNER, folder="A/B/C")
    aws_requests.transactions.clear()
    store(OWNER)
    store(OWNER, folder="A/B/C")
    root, inside = aws_requests.transactions
    assert inside == root + 1


def test_every_visible_change_changes_the_version_of_the_list_and_no_other() -> None:
    upload_id = store(OWNER)
    steps = {
        "rename": lambda: moves.update(upload_id, Actor(OWNER, OWNER), file_name="b.txt"),
        "move": lambda: moves.update(upload_id, Actor(OWNER, OWNER), folder="A"),
        "a new folder": lambda: folder_actions.create(OWNER, "B"),
        "a deleted folder": lambda: folder_actions.delete(OWNER, "B"),
        "another file": lambda: store(OWNER),
        "a removal": lambda: removal(upload_id, 9),
    }
    seen = usage.changes_of(OWNER)
    for name, step in steps.items():
        step()
        assert usage.changes_of(OWNER) > seen, name
        seen = usage.changes_of(OWNER)
    store("8")
    folder_actions.create(OWNER, "A")
    assert usage.changes_of(OWNER) == seen


# Moving


def moved(folder: str, to: str) -> bool:
    return folder_actions.move(OWNER, folder, to, OWNER)


def test_a_folder_moves_with_everything_in_it() -> None:
    ids = {path: store(OWNER, folder=path) for path in ("A", "A/B", "A/B/C", "AB", "D")}
    folder_actions.create(OWNER, "A/empty")
    assert moved("A", "D/E")
    assert folder_totals(OWNER) == {
        "AB": (1, 5, 0), "D": (1, 5, 1), "D/E": (1, 5, 2), "D/E/B": (1, 5, 1),
        "D/E/B/C": (1, 5, 0), "D/E/empty": (0, 0, 0),
    }  # fmt: skip
    places = {path: StoredFile.get(upload_id).folder for path, upload_id in ids.items()}
    assert places == {"A": "D/E", "A/B": "D/E/B", "A/B/C": "D/E/B/C", "AB": "AB", "D": "D"}
    assert recount.differences() == []


@pytest.mark.parametrize(
    ("folder", "to", "error"),
    [
        ("A", "A/B", "folder_into_itself"),
        ("A", "A/x/y", "folder_into_itself"),
        ("A", "B", "folder_exists"),
        ("x", "y", "folder_not_found"),
        ("A", "", "invalid_folder"),
        ("", "A", "invalid_folder"),
        ("A", "../B", "invalid_folder"),
        ("A", "B/", "invalid_folder"),
    ],
)
def test_impossible_moves_change_nothing(folder: str, to: str, error: str) -> None:
    for existing in ("A/B", "B"):
        folder_actions.create(OWNER, existing)
    before = folder_totals(OWNER)
    with pytest.raises((InvalidRequest, FolderExists, FolderNotFound)) as refused:
        moved(folder, to)
    assert refused.value.code == error
    assert folder_totals(OWNER) == before


def test_a_move_into_the_same_place_is_none() -> None:
    store(OWNER, folder="A")
    assert moved("A", "A")
    assert folder_totals(OWNER) == {"A": (1, 5, 0)}


def test_a_move_out_of_a_folder_into_its_parent_and_to_a_longer_name() -> None:
    store(OWNER, folder="A/B")
    assert moved("A/B", "AB")
    assert moved("AB", "ABC/AB")
    assert folder_totals(OWNER) == {"A": (0, 0, 0), "ABC": (0, 0, 1), "ABC/AB": (1, 5, 0)}


def test_a_move_that_does_not_fit_leaves_everything_counted_and_can_be_used_again() -> None:
    deep = "A/" + "b" * 200
    store(OWNER, folder=deep)
    with pytest.raises(InvalidRequest) as refused:
        moved("A", "c" * 250)
    assert refused.value.code == "invalid_folder"
    assert recount.differences() == []
    assert StoredFile.scan(StoredFile.folder == deep, limit=1).next()
    assert moved("A", "D")


def test_a_large_folder_is_moved_in_steps_that_can_be_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(folder_actions, "STEP", 2)
    monkeypatch.setattr(folder_actions, "ITEMS_IN_REQUEST", 2)
    for number in range(5):
        store(OWNER, f"{number}", folder="A" if number else "A/B")
    assert not moved("A", "C")
    assert recount.differences() == []
    found = folder_items.get(OWNER, "A")
    assert found is not None
    assert found.moving_to == "C"
    with pytest.raises(FolderMoving):
        moved("A", "D")
    steps = 1
    while not moved("A", "C"):
        assert recount.differences() == []
        steps += 1
    assert 2 <= steps <= 5
    assert folder_totals(OWNER) == {"C": (4, 20, 1), "C/B": (1, 5, 0)}


def test_what_arrives_during_a_move_is_moved_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_actions, "ITEMS_IN_REQUEST", 1)
    for number in range(2):
        store(OWNER, f"{number}", folder="A")
    monkeypatch.setattr(folder_actions, "STEP", 1)
    assert not moved("A", "C")
    store(OWNER, "late", folder="A/new")
    while not moved("A", "C"):
        pass
    assert folder_totals(OWNER) == {"C": (2, 10, 1), "C/new": (1, 5, 0)}


def test_two_moves_of_one_folder_end_in_one_place() -> None:
    for number in range(6):
        store(OWNER, f"{number}", folder="A")

    def attempt(to: str) -> str:
        try:
            return to if moved("A", to) else ""
        except (FolderMoving, FolderNotFound):
            return ""

    with ThreadPoolExecutor(2) as pool:
        winners = list(filter(None, pool.map(attempt, ("B", "C"))))
    assert len(winners) == 1
    assert folder_totals(OWNER) == {winners[0]: (6, 30, 0)}


# Repair


def test_recount_finds_and_repairs_folders() -> None:
    upload_id = store(OWNER, folder="A/B")
    store(OWNER, folder="A")
    FolderItem(folder_items.item_id(OWNER, "A")).update(
        [FolderItem.files.set(9), FolderItem.folders.set(0)]
    )
    FolderItem(folder_items.item_id(OWNER, "A/B")).delete()
    names = [difference.name for difference in recount.differences()]
    assert names == ["folder#7/A", "folder#7/A/B"]
    result = recount.repair()
    assert (len(result.corrected), result.busy) == (2, 0)
    assert folder_totals(OWNER) == {"A": (1, 5, 1), "A/B": (1, 5, 0)}
    assert recount.differences() == []
    tamper(upload_id, StoredFile.folder.remove())
    assert [difference.name for difference in recount.differences()] == ["folder#7/A/B"]


def test_strangers_find_nothing() -> None:
    upload_id = store(OWNER, folder="A")
    with pytest.raises(FileNotFound):
        moves.update(upload_id, Actor("8", "8"), file_name="x")
    assert isinstance(moves.move([upload_id], "B", Actor("8", "8"))[0].error, FileNotFound)
    with pytest.raises(FolderNotFound):
        folder_actions.move("8", "A", "B", "8")
    with pytest.raises(FolderNotFound):
        folder_actions.delete("8", "A")
    assert folder_totals("8") == {}
