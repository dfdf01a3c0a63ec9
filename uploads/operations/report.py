"""What is stored, whose, since when; what is unfinished; what reconciliation found.

Everything comes from counters and from lists that are cut, so that the report of a large
installation costs what that of a small one does. Each part is None when the service that knows it
is unavailable. IAM: that of `usage`, `multipart` and `checkpoints`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from uploads.aws import multipart
from uploads.core import media_types
from uploads.core.fan_out import FanOut, attempt
from uploads.files import usage
from uploads.files.usage import Day, Usage
from uploads.ingest.reconciliation import checkpoints
from uploads.operations.dashboard import total

#: Owners whose counters are read.
MOST_OWNERS = 1_000
#: Owners that are named.
NAMED_OWNERS = 20
DAYS = 30
#: Unfinished uploads on a page: each costs a request.
UNFINISHED = 20


@dataclass(frozen=True)
class Owners:
    """Who has most, and what all others have. `is_cut`: there may be more than were looked at."""

    first: list[tuple[str, Usage]]
    others: int
    others_usage: Usage
    is_cut: bool

    @property
    def count(self) -> int:
        return len(self.first) + self.others


@dataclass(frozen=True)
class Report:
    """All of it. None: the service did not answer."""

    kinds: dict[media_types.Kind, Usage] | None
    owners: Owners | None
    days: list[Day] | None
    unfinished: multipart.UnfinishedPage | None
    runs: list[checkpoints.Run] | None

    @property
    def stored(self) -> Usage | None:
        return None if self.kinds is None else total(self.kinds.values())


def collect(after: multipart.Cursor | None = None) -> Report:
    """Ask for all of it at the same time; `after` is where the unfinished uploads go on."""
    with FanOut() as fan_out:
        kinds, owners, days = (
            fan_out.submit(usage.by_kind),
            fan_out.submit(_owners),
            fan_out.submit(_days),
        )
        unfinished = fan_out.submit(partial(multipart.list_unfinished, UNFINISHED, after))
        runs = attempt(checkpoints.last_runs)
    return Report(kinds.result(), owners.result(), days.result(), unfinished.result(), runs)


def rank(found: list[tuple[str, Usage]], *, limit: int, named: int) -> Owners:
    """The largest first. Who has nothing any more is no owner; `limit` is how many were read."""
    having = [(owner, used) for owner, used in found if used.files or used.bytes]
    having.sort(key=lambda each: (-each[1].bytes, -each[1].files, each[0]))
    others = having[named:]
    return Owners(
        having[:named],
        len(others),
        total(used for _, used in others),
        is_cut=len(found) >= limit,
    )


def _owners() -> Owners:
    return rank(usage.owners(MOST_OWNERS), limit=MOST_OWNERS, named=NAMED_OWNERS)


def _days() -> list[Day]:
    return usage.by_day(datetime.now(UTC).date(), DAYS)
