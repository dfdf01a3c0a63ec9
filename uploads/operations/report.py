"""The storage report: usage by type, owner and day, unfinished uploads, and reconciliations.

It reads counters and bounded lists, so the cost does not depend on the number of files. Each part
is None if its service is unavailable. IAM: as for `usage`, `multipart` and `checkpoints`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from uploads.aws import multipart
from uploads.core import type_lists
from uploads.core.fan_out import FanOut, attempt
from uploads.files import usage
from uploads.files.usage import Day, Usage
from uploads.ingest.reconciliation import checkpoints
from uploads.operations.dashboard import total

#: The most owners whose counters are read.
MAX_OWNERS = 1_000
#: Owners that are listed by name.
NAMED_OWNERS = 20
DAYS = 30
#: Unfinished uploads on a page. Each one costs a request.
UNFINISHED = 20


@dataclass(frozen=True)
class Owners:
    """The largest owners, and the total of all others. `is_cut`: there may be more owners."""

    first: list[tuple[str, Usage]]
    others: int
    others_usage: Usage
    is_cut: bool

    @property
    def count(self) -> int:
        return len(self.first) + self.others


@dataclass(frozen=True)
class Report:
    """All parts. None means that the service is unavailable."""

    kinds: dict[type_lists.Kind, Usage] | None
    owners: Owners | None
    days: list[Day] | None
    unfinished: multipart.UnfinishedPage | None
    runs: list[checkpoints.Run] | None

    @property
    def stored(self) -> Usage | None:
        return None if self.kinds is None else total(self.kinds.values())


def collect(after: multipart.Cursor | None = None) -> Report:
    """Collect all parts concurrently; `after` is the cursor for the unfinished uploads."""
    with FanOut() as fan_out:
        kinds, owners, days = (
            fan_out.submit(usage.by_kind),
            fan_out.submit(_owners),
            fan_out.submit(_days),
        )
        unfinished = fan_out.submit(partial(multipart.list_unfinished, UNFINISHED, after))
        runs = attempt(checkpoints.last_runs)
    return Report(kinds.result(), owners.result(), days.result(), unfinished.result(), runs)


def rank(counters: list[tuple[str, Usage]], *, limit: int, named: int) -> Owners:
    """Sort owners by size, largest first, without those that have no files.

    `limit` is how many counters were read at most.
    """
    ranked = [(owner, used) for owner, used in counters if used.files or used.bytes]
    ranked.sort(key=lambda item: (-item[1].bytes, -item[1].files, item[0]))
    others = ranked[named:]
    return Owners(
        ranked[:named],
        len(others),
        total(used for _, used in others),
        is_cut=len(counters) >= limit,
    )


def _owners() -> Owners:
    return rank(usage.owners(MAX_OWNERS), limit=MAX_OWNERS, named=NAMED_OWNERS)


def _days() -> list[Day]:
    return usage.by_day(datetime.now(UTC).date(), DAYS)
