"""Folders and the trash: a file in the trash is in no folder, and is restored where it was."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.files import removal, store, upload
from tests.support.table import folder_totals
from uploads.aws import s3
from uploads.core.errors import BackendUnavailable, FileNotFound, FolderNotEmpty
from uploads.files import (
    actions,
    browse,
    folder_actions,
    folder_items,
    moves,
    queries,
    recount,
    trash,
    usage,
)
from uploads.files import store as records
from uploads.files.batches import Actor
from uploads.files.record import FileInfo
from uploads.files.usage import Usage
from uploads.ingest import confirm

pytestmark = pytest.mark.usefixtures("aws")

OWNER = "7"
ME = Actor(OWNER, OWNER)
FOLDER = "Photos/2024"


def trashed(folder: str = FOLDER) -> str:
    upload_id = store(OWNER, folder=folder)
    trash.move_to_trash([upload_id], ME)
    return upload_id


def restore(upload_id: str) -> None:
    (result,) = trash.restore([upload_id], ME)
    assert result.state == "stored"


def shown(folder: str) -> list[str]:
    return [info.id for info in browse.contents(OWNER, folder, limit=50).files]


def in_trash() -> list[FileInfo]:
    return queries.files_of(OWNER, limit=50, state="trashed").files


def is_consistent() -> bool:
    return recount.differences() == []


def test_a_file_in_the_trash_is_neither_listed_nor_counted_in_its_folder() -> None:
    kept, upload_id = store(OWNER, folder=FOLDER), trashed()
    assert folder_totals(OWNER) == {"Photos": (0, 0, 1), FOLDER: (1, 5, 0)}
    assert shown(FOLDER) == [kept]
    assert [(info.id, info.folder) for info in in_trash()] == [(upload_id, FOLDER)]
    # The root has the totals of all folders, without the trash, which still counts in the quota.
    root = folder_actions.info(OWNER, "")
    assert (root.files, root.bytes) == (1, 5)
    assert usage.of_owner(OWNER) == Usage(2, 10, 1, 5)
    restore(upload_id)
    assert shown(FOLDER) == [upload_id, kept]
    assert folder_totals(OWNER)[FOLDER] == (2, 10, 0)
    assert is_consistent()


@pytest.mark.parametrize("end", ["deleted", "purged", "removed"])
def test_a_file_that_leaves_the_trash_for_ever_changes_no_folder(end: str) -> None:
    upload_id = trashed()
    before = folder_totals(OWNER)
    if end != "removed":
        trash.delete([upload_id], ME if end == "deleted" else Actor("1", None))
    removal(upload_id, 9)
    assert folder_totals(OWNER) == before
    assert is_consistent()


def delete(*folders: str) -> None:
    for folder in folders:
        folder_actions.delete(OWNER, folder)


#: What happens to the folder of a file in the trash -> the folders afterwards, with their files.
MEANWHILE: dict[str, tuple[Callable[[], object], dict[str, int]]] = {
    "nothing": (lambda: None, {"Photos": 0, FOLDER: 0}),
    "it is deleted": (lambda: delete(FOLDER), {"Photos": 0}),
    "it is deleted with the one that contains it": (lambda: delete(FOLDER, "Photos"), {}),
    "it is renamed": (
        lambda: folder_actions.move(OWNER, FOLDER, "Photos/Old", OWNER),
        {"Photos": 0, "Photos/Old": 0},
    ),
    "the one that contains it is moved": (
        lambda: folder_actions.move(OWNER, "Photos", "Archive/Photos", OWNER),
        {"Archive": 0, "Archive/Photos": 0, "Archive/Photos/2024": 0},
    ),
    "another file is stored in it": (
        lambda: store(OWNER, folder=FOLDER), {"Photos": 0, FOLDER: 1},
    ),
    "it is renamed and another file is stored in its place": (
        lambda: (
            folder_actions.move(OWNER, FOLDER, "Old", OWNER), store(OWNER, folder=FOLDER),
        ),
        {"Old": 0, "Photos": 0, FOLDER: 1},
    ),
    "its move has begun and is not complete": (
        lambda: folder_items.begin_move(OWNER, FOLDER, "Photos/New"),
        {"Photos": 0, "Photos/New": 0, FOLDER: 0},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MEANWHILE)
def test_a_file_is_restored_into_the_folder_that_it_was_in(name: str) -> None:
    upload_id = trashed()
    act, folders = MEANWHILE[name]
    act()
    assert {path: files for path, (files, _, _) in folder_totals(OWNER).items()} == folders
    assert [(info.id, info.folder) for info in in_trash()] == [(upload_id, FOLDER)]
    assert is_consistent()
    restore(upload_id)
    assert queries.stored_file(upload_id, OWNER).folder == FOLDER
    assert upload_id in shown(FOLDER)
    files = {path: files for path, (files, _, _) in folder_totals(OWNER).items()}
    assert files == {**folders, "Photos": 0, FOLDER: folders.get(FOLDER, 0) + 1}
    assert is_consistent()


def test_a_folder_with_a_stored_file_beside_the_trash_is_not_empty() -> None:
    store(OWNER, folder=FOLDER)
    trashed()
    with pytest.raises(FolderNotEmpty):
        folder_actions.delete(OWNER, FOLDER)


def test_a_file_that_is_restored_during_a_move_of_its_folder_moves_with_it() -> None:
    upload_id = trashed()
    folder_items.begin_move(OWNER, FOLDER, "New")
    restore(upload_id)
    assert folder_actions.move(OWNER, FOLDER, "New", OWNER)
    assert queries.stored_file(upload_id, OWNER).folder == "New"
    assert folder_totals(OWNER) == {"New": (1, 5, 0), "Photos": (0, 0, 0)}
    assert is_consistent()


def rejected() -> str:
    upload_id = upload(OWNER, "a.png", b"<html>", "image/png", folder=FOLDER)
    assert confirm.confirm(upload_id) == "rejected"
    return upload_id


def purging() -> str:
    upload_id = trashed()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3, "delete_many", lambda ids: dict.fromkeys(ids, BackendUnavailable()))
        trash.delete([upload_id], ME)
    return upload_id


@pytest.mark.parametrize("make", [trashed, purging, rejected], ids=lambda make: make.__name__)
def test_what_is_not_stored_can_be_neither_renamed_nor_moved(make: Callable[[], str]) -> None:
    upload_id = make()
    before, folders = records.get(upload_id), folder_totals(OWNER)
    assert before is not None
    for changes in ({"file_name": "b.txt"}, {"folder": "B"}, {"file_name": "b", "folder": ""}):
        with pytest.raises(FileNotFound):
            moves.update(upload_id, ME, **changes)
    (result,) = moves.move([upload_id], "B", ME)
    assert isinstance(result.error, FileNotFound)
    assert moves.move_from([upload_id], FOLDER, "B", ME) == 0
    after = records.get(upload_id)
    assert after is not None
    assert after.attribute_values == before.attribute_values
    assert folder_totals(OWNER) == folders


def test_a_rejected_file_creates_no_folder_and_is_listed_with_the_one_that_it_was_signed_for() -> (
    None
):
    rejected()
    assert folder_totals(OWNER) == {}
    (info,) = queries.files_of(OWNER, limit=9, state="rejected").files
    assert (info.folder, info.reason.code) == (FOLDER, "content_mismatch")


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({"search": "GROß"}, ["groß.txt"]),
        ({"search": "txt"}, ["b.txt", "groß.txt"]),
        ({"folder": "A"}, ["b.txt"]),
        ({"folder": "A", "search": "gross"}, []),
        ({"name": "b.txt"}, ["b.txt"]),
        ({"kind": "image"}, []),
    ],
)
def test_the_trash_can_be_searched(criteria: dict[str, Any], expected: list[str]) -> None:
    ids = [store(OWNER, "groß.txt"), store(OWNER, "b.txt", folder="A/B"), store(OWNER, "c.txt")]
    trash.move_to_trash(ids[:2], ME)
    page = queries.files_of(OWNER, limit=9, state="trashed", **criteria)
    assert [info.file_name for info in page.files] == expected
    assert all(info.purge_at for info in page.files)


@pytest.mark.parametrize("criteria", [{}, {"name": "a.txt"}, {"search": "a"}, {"folder": FOLDER}])
def test_a_file_that_is_being_deleted_is_in_no_list(criteria: dict[str, Any]) -> None:
    purging()
    for state in ("stored", "trashed", "rejected"):
        assert queries.files_of(OWNER, limit=9, state=state, **criteria).files == []


@pytest.mark.parametrize("criteria", [{}, {"name": "a.png"}, {"search": "a.p"}])
def test_a_rejected_file_is_found_with_its_reason(criteria: dict[str, Any]) -> None:
    rejected()
    (info,) = queries.files_of(OWNER, limit=9, state="rejected", **criteria).files
    assert info.reason.code == "content_mismatch"


def test_a_file_in_the_trash_that_is_given_to_another_user_is_not_moved() -> None:
    upload_id = trashed()
    assert not actions.change_owner(upload_id, "8", "1")
    assert folder_totals("8") == {}


def test_many_files_of_a_folder_leave_and_return_in_few_transactions() -> None:
    ids = [store(OWNER, f"{number}.txt", folder=FOLDER) for number in range(6)]
    other = store(OWNER, folder="Other")
    trash.move_to_trash([*ids, other], ME)
    delete(FOLDER, "Photos", "Other")
    results = trash.restore([*ids, other], ME)
    assert [result.error for result in results] == [None] * 7
    assert folder_totals(OWNER) == {"Photos": (0, 0, 1), FOLDER: (6, 30, 0), "Other": (1, 5, 0)}
    assert is_consistent()


@pytest.mark.parametrize("rounds", [4, pytest.param(40, marks=pytest.mark.exhaustive)])
def test_restoring_and_deleting_the_folder_at_the_same_time_leaves_both_in_line(
    rounds: int,
) -> None:
    for _ in range(rounds):
        upload_id = trashed()
        with ThreadPoolExecutor(2) as pool:
            restoring = pool.submit(trash.restore, [upload_id], ME)
            deleting = pool.submit(folder_items.remove, OWNER, FOLDER)
            (result,) = restoring.result()
            deleting.result()
        assert result.state == "stored"
        assert folder_totals(OWNER)[FOLDER] == (1, 5, 0)
        assert shown(FOLDER) == [upload_id]
        assert is_consistent()
        trash.move_to_trash([upload_id], ME)
