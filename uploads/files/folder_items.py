"""Folders as items of the table: they exist while empty, and count what is directly inside.

An item is in the same two indexes as the files of the folder that contains it, so that one Query
lists both. Its counters change in the transactions of the records, like those of owners, with one
update per folder and transaction. A folder exists whenever a stored file or another folder is in
it: adding something has the condition that it exists, removing it the condition that it is empty.
Files in the root are in no such item, nor are those in the trash. IAM: dynamodb:GetItem,
dynamodb:BatchGetItem, dynamodb:UpdateItem, dynamodb:DeleteItem.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from uploads.aws import time_limit
from uploads.aws.dynamodb import Table, batch_get, connection, error_code, table_errors
from uploads.core import backoff, folders
from uploads.core.errors import BackendUnavailable
from uploads.files import counting
from uploads.files.counting import Adjustment
from uploads.files.record import Change, StoredFile
from uploads.files.states import folder_feed
from uploads.files.usage import Counter, Usage

#: The ids of folders begin with this, and so sort after those of all files.
PREFIX = "folder#"
#: Attempts to change a folder while other writers change it, and the pauses in seconds.
ATTEMPTS = 12
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 1.0


class FolderItem(Counter):
    """The counter of one folder of one owner. `files` and `bytes` are directly inside."""

    class Meta(Table):
        pass

    #: The path.
    folder = UnicodeAttribute(null=True)
    folder_feed = UnicodeAttribute(null=True, attr_name="folderFeed")
    name_key = UnicodeAttribute(null=True, attr_name="nameKey")
    #: The number of folders directly inside.
    folders = NumberAttribute(default=0)
    #: Where its contents are being moved to.
    moving_to = UnicodeAttribute(null=True, attr_name="movingTo")


@dataclass(frozen=True)
class FolderInfo:
    """A folder as callers see it. `files` and `bytes` are directly inside, not in subfolders."""

    folder: str
    files: int = 0
    bytes: int = 0
    folders: int = 0
    moving_to: str = ""

    @property
    def name(self) -> str:
        return folders.name_of(self.folder)

    @property
    def is_empty(self) -> bool:
        return not (self.files or self.folders)


def item_id(owner: str, folder: str) -> str:
    """The id of a folder's item."""
    return PREFIX + folder_feed(owner, folder)


def info_of(item: FolderItem) -> FolderInfo:
    """The FolderInfo of an item."""
    return FolderInfo(
        item.folder or "", int(item.files), int(item.bytes), int(item.folders), item.moving_to or ""
    )


# With the records


def place_of(record: StoredFile | None) -> tuple[str, str] | None:
    """Owner and folder of a stored file that is counted in a folder's item, or None."""
    if record is None or record.state != "stored" or not record.folder:
        return None
    return str(record.owner), str(record.folder)


def items_of(change: Change) -> set[str]:
    """The ids of the items that a change may touch."""
    places = (place_of(change.before), place_of(change.after))
    return {item_id(*place) for place in places if place}


def adjustments(changes: Iterable[Change]) -> list[Adjustment]:
    """The updates of folders that belong in the transaction of these changes, one per folder."""
    sums: defaultdict[tuple[str, str], Usage] = defaultdict(Usage)
    for change in changes:
        for record, sign in ((change.before, -1), (change.after, 1)):
            if record is not None and (place := place_of(record)):
                sums[place] += Usage(sign, sign * int(record.size or 0))
    return [
        Adjustment(
            FolderItem(item_id(owner, folder), owner=owner, folder=folder),
            [
                FolderItem.files.add(total.files),
                FolderItem.bytes.add(total.bytes),
                FolderItem.changes.add(1),
            ],
            FolderItem.id.exists(),
        )
        for (owner, folder), total in sorted(sums.items())
        if total != Usage()
    ]


# Reading. These functions raise BackendUnavailable.


def get(owner: str, folder: str) -> FolderInfo | None:
    """One folder, read consistently with one GetItem; None if it does not exist."""
    with table_errors():
        try:
            return info_of(FolderItem.get(item_id(owner, folder), consistent_read=True))
        except FolderItem.DoesNotExist:
            return None


def _existing(owner: str, paths: Iterable[str]) -> set[str]:
    """Which of these folders exist: one BatchGetItem."""
    ids = [item_id(owner, folder) for folder in paths]
    items = batch_get(FolderItem, ids, consistent_read=True, attributes_to_get=["id", "folder"])
    return {str(item.folder) for item in items}


def scan() -> Iterator[FolderItem]:
    """All folders of all owners, by scanning the whole table; for commands only."""
    with table_errors():
        yield from FolderItem.scan(FolderItem.id.startswith(PREFIX), consistent_read=True)


# Creating, moving and removing


def ensure(owner: str, folder: str) -> bool:
    """Create a folder and those that contain it; return False if they exist already.

    Raises BackendUnavailable.
    """
    path = folders.with_ancestors(folder)
    for attempt in range(1, ATTEMPTS + 1):
        existing = _existing(owner, path)
        missing = [each for each in path if each not in existing]
        if not missing:
            return False
        if _write(owner, _creation(owner, missing)):
            return True
        _pause(attempt)
    raise _busy(folder)


def remove(owner: str, folder: str) -> bool:
    """Remove a folder if it is empty; return whether it is gone. Raises BackendUnavailable."""
    for attempt in range(1, ATTEMPTS + 1):
        found = get(owner, folder)
        if found is None:
            return True
        if not found.is_empty:
            return False
        condition = (FolderItem.files == 0) & (FolderItem.folders == 0)
        steps = [_Step(item_id(owner, folder), [], condition), *_in_parent(owner, folder, -1)]
        if _write(owner, steps):
            return True
        _pause(attempt)
    raise _busy(folder)


def begin_move(owner: str, folder: str, to: str) -> bool:
    """Create the folder `to` and note in `folder` that its contents are moved there.

    Returns False if either has changed meanwhile: read both and decide again. Raises
    BackendUnavailable.
    """
    ensure(owner, folders.parent_of(to))
    source = _Step(
        item_id(owner, folder),
        [FolderItem.moving_to.set(to), FolderItem.changes.add(1)],
        FolderItem.id.exists() & FolderItem.moving_to.does_not_exist(),
    )
    return _write(owner, [source, *_creation(owner, [to])])


def end_move(owner: str, folder: str) -> None:
    """Remove the note that a folder is being moved. Raises BackendUnavailable."""
    actions: list[Action] = [FolderItem.moving_to.remove(), FolderItem.changes.add(1)]
    _write(owner, [_Step(item_id(owner, folder), actions, FolderItem.id.exists())])


@dataclass(frozen=True)
class _Step:
    """An update of one item on a condition; without actions, its deletion."""

    id: str
    actions: list[Action]
    condition: Condition


def _creation(owner: str, missing: Sequence[str]) -> list[_Step]:
    """What creates these folders, each of which contains the next."""
    steps = [
        _Step(
            item_id(owner, folder),
            [
                FolderItem.owner.set(owner),
                FolderItem.folder.set(folder),
                FolderItem.folder_feed.set(folder_feed(owner, folders.parent_of(folder))),
                FolderItem.name_key.set(folders.folder_sort_key(folder)),
                FolderItem.files.set(0),
                FolderItem.bytes.set(0),
                FolderItem.folders.set(0 if folder == missing[-1] else 1),
                FolderItem.changes.set(1),
            ],
            FolderItem.id.does_not_exist(),
        )
        for folder in missing
    ]
    return [*steps, *_in_parent(owner, missing[0], 1)]


def _in_parent(owner: str, folder: str, by: int) -> list[_Step]:
    """The update of the folder that contains this one, if that is not the root."""
    parent = folders.parent_of(folder)
    actions: list[Action] = [FolderItem.folders.add(by), FolderItem.changes.add(1)]
    return [_Step(item_id(owner, parent), actions, FolderItem.id.exists())] if parent else []


def _write(owner: str, steps: Iterable[_Step]) -> bool:
    """Write all of this, and that the owner's list has changed; False if anything prevents it."""
    listed = counting.list_change(owner)
    with table_errors():
        try:
            with TransactWrite(connection=connection()) as transaction:
                for step in steps:
                    if step.actions:
                        transaction.update(FolderItem(step.id), step.actions, step.condition)
                    else:
                        transaction.delete(FolderItem(step.id), step.condition)
                transaction.update(listed.counter, listed.actions)
        except TransactWriteError as exc:
            if error_code(exc) != "TransactionCanceledException":
                raise
            return False
    return True


def correct(item: FolderItem, expected: FolderInfo) -> bool:
    """Set the counters of a folder, unless it has changed since it was read.

    Returns whether it was set. Raises BackendUnavailable.
    """
    actions: list[Action] = [
        FolderItem.files.set(expected.files),
        FolderItem.bytes.set(expected.bytes),
        FolderItem.folders.set(expected.folders),
        FolderItem.changes.add(1),
    ]
    unchanged = (
        (FolderItem.changes == item.changes)
        & (FolderItem.files == item.files)
        & (FolderItem.bytes == item.bytes)
        & (FolderItem.folders == item.folders)
    )
    return _write(str(item.owner), [_Step(item.id, actions, unchanged)])


def _pause(attempt: int) -> None:
    with table_errors():
        time_limit.pause(backoff.pause(attempt, first=_FIRST_PAUSE, longest=_LONGEST_PAUSE))


def _busy(folder: str) -> BackendUnavailable:
    return BackendUnavailable(f"The folder {folder!r} keeps being changed by other processes.")
