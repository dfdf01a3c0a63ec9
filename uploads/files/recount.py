"""Compare the counters with the records, and repair them.

Both read the whole table, page by page, so only commands use them. IAM: dynamodb:Scan, and
dynamodb:UpdateItem and dynamodb:BatchGetItem to repair.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property

from uploads.aws.dynamodb import table_errors
from uploads.core import folders
from uploads.files import counting, folder_items, usage
from uploads.files.folder_items import FolderInfo, FolderItem
from uploads.files.record import KEPT_STATES, StoredFile
from uploads.files.usage import Reading, Usage

#: Attempts to repair counters that keep changing.
ROUNDS = 3


@dataclass(frozen=True)
class Difference:
    """A counter that differs from the records: its value, and the sum of the records.

    `subfolders` are the same two numbers, of a folder's subfolders.
    """

    name: str
    counter: Usage
    records: Usage
    subfolders: tuple[int, int] | None = None


@dataclass(frozen=True)
class RepairResult:
    """The corrected counters, and how many kept changing and could not be checked."""

    corrected: list[Difference]
    busy: int


@dataclass(frozen=True)
class _Stored:
    """The sums of the records: by counter, and by owner and folder without the root."""

    sums: dict[str, Usage]
    places: dict[tuple[str, str], Usage]


@dataclass(frozen=True)
class _Table:
    """All counters, and then the sums of all records."""

    readings: dict[str, Reading]
    items: dict[str, FolderItem]
    sums: dict[str, Usage]
    places: dict[tuple[str, str], Usage]

    def differences(self) -> list[Difference]:
        """The counters that differ, by name."""
        expected = self.expected_folders
        names = sorted(self.sums.keys() | self.readings.keys())
        counters = [
            Difference(name, self.readings.get(name, Reading()).usage, self.sums.get(name, Usage()))
            for name in names
        ]
        found = [self._folder(name, expected[name]) for name in sorted(expected)]
        return [
            each
            for each in (*counters, *found)
            if each.counter != each.records or len(set(each.subfolders or ())) > 1
        ]

    @cached_property
    def expected_folders(self) -> dict[str, FolderInfo]:
        """The folders that exist or have to, by the id of their item, with correct counters."""
        paths = {(owner, path) for owner, folder in self.places for path in _path(folder)}
        paths |= {(str(item.owner), str(item.folder)) for item in self.items.values()}
        inner = Counter((owner, folders.parent_of(folder)) for owner, folder in paths)
        return {
            folder_items.item_id(owner, folder): FolderInfo(
                folder, total.files, total.bytes, inner[owner, folder]
            )
            for owner, folder in paths
            for total in [self.places.get((owner, folder), Usage())]
        }

    def missing_folders(self) -> list[tuple[str, str]]:
        """Owners and paths of folders that have files but no item."""
        return [
            (owner, folder)
            for owner, folder in sorted(self.places)
            if any(folder_items.item_id(owner, path) not in self.items for path in _path(folder))
        ]

    def _folder(self, name: str, expected: FolderInfo) -> Difference:
        item = self.items.get(name)
        found = folder_items.info_of(item) if item else FolderInfo(expected.folder)
        return Difference(
            name,
            Usage(found.files, found.bytes),
            Usage(expected.files, expected.bytes),
            # A missing item differs from an empty folder.
            (found.folders if item else -1, expected.folders),
        )


def differences() -> list[Difference]:
    """The counters of owners, type groups and folders that differ from the records.

    Changes while this reads may appear as differences. Daily counters are not compared: they count
    arrivals, and the records of removed files are not kept.
    """
    return _read().differences()


def repair() -> RepairResult:
    """Set the counters to the sums of the records, under live traffic; create missing folders.

    A counter changes in the same transaction as the record. So if a counter did not change while
    the records were read, neither did any record that it counts, and their sum is correct; it is
    written on condition that the counter still has not changed. Counters that did change are
    checked again, in up to `ROUNDS` rounds. Raises BackendUnavailable.
    """
    corrected: list[Difference] = []
    busy: list[Difference] = []
    for _ in range(ROUNDS):
        table = _read()
        if missing := table.missing_folders():
            for owner, folder in missing:
                folder_items.ensure(owner, folder)
            table = _read()
        busy = []
        for difference in table.differences():
            (corrected if _correct(table, difference) else busy).append(difference)
        if not busy:
            break
    return RepairResult(corrected, len(busy))


def _correct(table: _Table, difference: Difference) -> bool:
    name = difference.name
    if difference.subfolders is None:
        return usage.correct(name, table.readings.get(name, Reading()), difference.records)
    item = table.items.get(name)
    return item is not None and folder_items.correct(item, table.expected_folders[name])


def _read() -> _Table:
    """The counters first: a change of a record while these are read changes a counter again."""
    readings = dict(usage.scan_stored())
    items = {item.id: item for item in folder_items.scan()}
    stored = _stored()
    return _Table(readings, items, stored.sums, stored.places)


def _stored() -> _Stored:
    """The sums of all stored files."""
    sums = counting.Sums()
    places: defaultdict[tuple[str, str], Usage] = defaultdict(Usage)
    with table_errors():
        for record in StoredFile.scan(
            StoredFile.state.is_in(*KEPT_STATES),
            attributes_to_get=["id", "owner", "contentType", "size", "state", "folder"],
            consistent_read=True,
        ):
            sums.add_kept(record)
            if place := folder_items.place_of(record):
                places[place] += Usage(1, int(record.size or 0))
    return _Stored(sums.stored, places)


def _path(folder: str) -> list[str]:
    return folders.with_ancestors(folder)
