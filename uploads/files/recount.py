"""Compare the counters with the records, and repair them.

Both read the whole table, page by page, and so are for commands only. IAM: dynamodb:Scan, and to
repair dynamodb:UpdateItem.
"""

from __future__ import annotations

from dataclasses import dataclass

from uploads.aws.dynamodb import table_errors
from uploads.files import usage
from uploads.files.record import StoredFile
from uploads.files.usage import Reading, Usage

#: Times that a repair looks at counters which others change all the while.
ROUNDS = 3


@dataclass(frozen=True)
class Difference:
    """A counter that does not agree with the records: what it says, and what they come to."""

    name: str
    counter: Usage
    records: Usage


@dataclass(frozen=True)
class RepairResult:
    """Counters that were set to what the records come to, and how many could not be judged."""

    corrected: list[Difference]
    busy: int


def differences() -> list[Difference]:
    """The counters of owners and type groups that differ from the records, by name.

    What is stored, deleted or given away while this reads may appear as a difference. The numbers
    of days are not compared: they count what arrived, and records of what is gone are not kept.
    """
    stored = _stored()
    return _compare(dict(usage.scan_stored()), stored)


def repair() -> RepairResult:
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
        found = _compare(readings, _stored())
        busy = []
        for each in found:
            read = readings.get(each.name, Reading())
            if usage.correct(each.name, read, each.records):
                corrected.append(each)
            else:
                busy.append(each)
        if not busy:
            break
    return RepairResult(corrected, len(busy))


def _stored() -> dict[str, Usage]:
    """What the records come to, by the name of the counter."""
    sums = usage.Sums()
    with table_errors():
        for record in StoredFile.scan(
            StoredFile.state == "stored",
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
