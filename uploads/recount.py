"""Counters and records: taking in what an earlier version stored, and comparing the two.

Both read the whole table, page by page, and so are for commands only. IAM: dynamodb:Scan, besides
what changing a record needs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from uploads import confirmation, usage
from uploads.exceptions import BackendUnavailable
from uploads.models import StoredFile
from uploads.table import table_errors
from uploads.usage import Usage

logger = logging.getLogger(__name__)


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


def recount() -> Recounted:
    """Take every stored file into the counters that is in none. Safe to repeat and to interrupt.

    Raises BackendUnavailable when the table cannot be read; one record that cannot be changed is
    counted as failed and left to the next time.
    """
    taken = failed = 0
    for upload_id in _uncounted():
        try:
            taken += confirmation.count(upload_id)
        except BackendUnavailable as exc:
            failed += 1
            logger.warning("%s could not be counted: %r", upload_id, exc.__cause__ or exc)
    return Recounted(taken, failed)


def differences() -> list[Difference]:
    """The counters of owners and type groups that differ from the records, by name.

    What is stored, deleted or given away while this reads may appear as a difference. The numbers
    of days are not compared: they count what arrived, and records of what is gone are not kept.
    """
    sums = usage.Sums()
    with table_errors():
        for record in StoredFile.scan(
            StoredFile.state == "stored",
            attributes_to_get=["id", "owner", "contentType", "size"],
            consistent_read=True,
        ):
            sums.add_stored(record)
    counters = dict(usage.scan_stored())
    return [
        Difference(name, counters.get(name, Usage()), sums.stored.get(name, Usage()))
        for name in sorted(sums.stored.keys() | counters.keys())
        if counters.get(name, Usage()) != sums.stored.get(name, Usage())
    ]


def _uncounted() -> Iterator[str]:
    with table_errors():
        for record in StoredFile.scan(
            (StoredFile.state == "stored") & StoredFile.counted.does_not_exist(),
            attributes_to_get=["id"],
        ):
            yield record.id
