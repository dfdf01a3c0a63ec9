"""Counters and records: taking in what an earlier version stored, comparing, and putting right.

All of it reads the whole table, page by page, and so is for commands only. IAM: dynamodb:Scan,
besides what changing a record needs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from pynamodb.expressions.condition import Condition

from uploads.aws.dynamodb import table_errors
from uploads.core.errors import BackendUnavailable
from uploads.files import store, usage
from uploads.files.record import StoredFile, changed
from uploads.files.usage import Reading, Usage

logger = logging.getLogger(__name__)

#: Times that a repair looks at counters which others change all the while.
ROUNDS = 3


@dataclass(frozen=True)
class Recounted:
    """How many files were taken into the counters, and how many could not be."""

    taken: int
    failed: int


@dataclass(frozen=True)
class Difference:
    """A counter that does not agree with the records: what it says, and what they come to."""

    name: str
    counter: Usage
    records: Usage


@dataclass(frozen=True)
class Repaired:
    """Counters that were set to what the records come to, and how many could not be judged."""

    corrected: list[Difference]
    busy: int


def recount() -> Recounted:
    """Take every stored file into the counters that is in none. Safe to repeat and to interrupt.

    Raises BackendUnavailable when the table cannot be read; one record that cannot be changed is
    counted as failed and left to the next time.
    """
    taken = failed = 0
    for upload_id in _uncounted():
        try:
            taken += count(upload_id)
        except BackendUnavailable as exc:
            failed += 1
            logger.warning("%s could not be counted: %r", upload_id, exc.__cause__ or exc)
    return Recounted(taken, failed)


def count(upload_id: str) -> bool:
    """Take a file into the counters that an earlier version stored; False when it is in them."""

    def counted(current: StoredFile | None) -> StoredFile | None:
        if current is None or current.state != "stored" or current.counted:
            return None
        return changed(current)

    return store.change(upload_id, counted)


def differences() -> list[Difference]:
    """The counters of owners and type groups that differ from the records, by name.

    What is stored, deleted or given away while this reads may appear as a difference. The numbers
    of days are not compared: they count what arrived, and records of what is gone are not kept.
    """
    stored = _sums(StoredFile.state == "stored")
    return _compare(dict(usage.scan_stored()), stored)


def repair() -> Repaired:
    """Set the counters of owners and type groups to what the records come to, beside all traffic.

    A counter changes in the transaction that changes a record. So if it did not change while the
    records were read, none of those that it counts did either, and their sum is what it has to be;
    it is written on the condition that this is still so. One that did change is left and looked at
    again, `ROUNDS` times in all. Raises BackendUnavailable.
    """
    corrected: list[Difference] = []
    busy: list[Difference] = []
    for _ in range(ROUNDS):
        readings = dict(usage.scan_stored())
        # Those that are in no counter yet are taken in by `recount`, which adds them.
        found = _compare(
            readings,
            _sums((StoredFile.state == "stored") & (StoredFile.counted == True)),  # noqa: E712
        )
        busy = []
        for each in found:
            read = readings.get(each.name, Reading())
            if usage.correct(each.name, read, each.records):
                corrected.append(each)
            else:
                busy.append(each)
        if not busy:
            break
    return Repaired(corrected, len(busy))


def _sums(condition: Condition) -> dict[str, Usage]:
    sums = usage.Sums()
    with table_errors():
        for record in StoredFile.scan(
            condition,
            attributes_to_get=["id", "owner", "contentType", "size"],
            consistent_read=True,
        ):
            sums.add_stored(record)
    return sums.stored


def _compare(counters: dict[str, Reading], stored: dict[str, Usage]) -> list[Difference]:
    found = [
        Difference(name, counters.get(name, Reading()).usage, stored.get(name, Usage()))
        for name in sorted(stored.keys() | counters.keys())
    ]
    return [each for each in found if each.counter != each.records]


def _uncounted() -> Iterator[str]:
    with table_errors():
        for record in StoredFile.scan(
            (StoredFile.state == "stored") & StoredFile.counted.does_not_exist(),
            attributes_to_get=["id"],
        ):
            yield record.id
