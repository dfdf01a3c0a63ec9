"""Compare the counters with the records, and repair them.

Both read the whole table, page by page, so only commands use them. IAM: dynamodb:Scan, and
dynamodb:UpdateItem to repair.
"""

from __future__ import annotations

from dataclasses import dataclass

from uploads.aws.dynamodb import table_errors
from uploads.files import usage
from uploads.files.record import KEPT_STATES, StoredFile
from uploads.files.usage import Reading, Usage

#: Attempts to repair counters that keep changing.
ROUNDS = 3


@dataclass(frozen=True)
class Difference:
    """A counter that differs from the records: its value, and the sum of the records."""

    name: str
    counter: Usage
    records: Usage


@dataclass(frozen=True)
class RepairResult:
    """The corrected counters, and how many kept changing and could not be checked."""

    corrected: list[Difference]
    busy: int


def differences() -> list[Difference]:
    """The counters of owners and type groups that differ from the records, sorted by name.

    Changes while this reads may appear as differences. Daily counters are not compared: they count
    arrivals, and the records of removed files are not kept.
    """
    stored = _stored()
    return _compare(dict(usage.scan_stored()), stored)


def repair() -> RepairResult:
    """Set the counters of owners and type groups to the sums of the records, under live traffic.

    A counter changes in the same transaction as the record. So if a counter did not change while
    the records were read, neither did any record that it counts, and their sum is correct; it is
    written on condition that the counter still has not changed. Counters that did change are
    checked again, in up to `ROUNDS` rounds. Raises BackendUnavailable.
    """
    corrected: list[Difference] = []
    busy: list[Difference] = []
    for _ in range(ROUNDS):
        readings = dict(usage.scan_stored())
        differing = _compare(readings, _stored())
        busy = []
        for difference in differing:
            read = readings.get(difference.name, Reading())
            if usage.correct(difference.name, read, difference.records):
                corrected.append(difference)
            else:
                busy.append(difference)
        if not busy:
            break
    return RepairResult(corrected, len(busy))


def _stored() -> dict[str, Usage]:
    """The sums of the records, by counter name."""
    sums = usage.Sums()
    with table_errors():
        for record in StoredFile.scan(
            StoredFile.state.is_in(*KEPT_STATES),
            attributes_to_get=["id", "owner", "contentType", "size", "state"],
            consistent_read=True,
        ):
            sums.add_kept(record)
    return sums.stored


def _compare(counters: dict[str, Reading], stored: dict[str, Usage]) -> list[Difference]:
    compared = [
        Difference(name, counters.get(name, Reading()).usage, stored.get(name, Usage()))
        for name in sorted(stored.keys() | counters.keys())
    ]
    return [difference for difference in compared if difference.counter != difference.records]
