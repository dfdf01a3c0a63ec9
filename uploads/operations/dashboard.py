"""What an operator must see first: is it flowing, what was given up, what was refused, how much.

Each part is None when the service that knows it is unavailable. What it costs does not grow with
what is stored. IAM: dynamodb:Query, dynamodb:BatchGetItem, sqs:GetQueueUrl, sqs:GetQueueAttributes
of the four queues.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from uploads.aws import sqs
from uploads.core.conf import conf
from uploads.core.fan_out import FanOut
from uploads.files import listing, usage
from uploads.files.listing import FileFilter
from uploads.files.record import FileInfo
from uploads.files.usage import Usage

#: What is told of the last hour is told of its newest files, this many at most.
NEWEST = 500
WINDOW = timedelta(hours=1)

#: Seconds from S3's event to the record that are too many for all but the slowest files.
SLOW = 60.0
#: A file that has no event from S3 by now will hardly get one any more.
OVERDUE = timedelta(minutes=5)
#: Messages in a queue that are more than a burst.
BACKLOG = 1_000

State = Literal["fine", "look", "unknown"]


@dataclass(frozen=True)
class Flow:
    """The files that were signed and stored within the last hour, `NEWEST` at most.

    The times are seconds from S3's event to the record; None if no file has both.
    """

    files: int
    is_cut: bool
    median: float | None
    slowest: float | None
    #: Files that were recorded without an event: S3's notification was lost.
    without_event: int
    #: When the newest file of all was recorded.
    last_at: datetime | None

    @property
    def state(self) -> State:
        if not self.files:
            return "unknown"
        if self.without_event or (self.slowest is not None and self.slowest > SLOW):
            return "look"
        return "fine"


@dataclass(frozen=True)
class Queues:
    """The two queues, and how much is in the dead-letter queue of each."""

    events: sqs.Depth
    tasks: sqs.Depth
    events_dead: int
    tasks_dead: int

    @property
    def dead(self) -> int:
        return self.events_dead + self.tasks_dead

    @property
    def is_behind(self) -> bool:
        return max(self.events.visible, self.tasks.visible) > BACKLOG

    @property
    def state(self) -> State:
        return "look" if self.dead or self.is_behind else "fine"


@dataclass(frozen=True)
class Rejected:
    """Files that were rejected today and yesterday (UTC)."""

    today: int
    yesterday: int

    @property
    def state(self) -> State:
        return "look" if self.today or self.yesterday else "fine"


@dataclass(frozen=True)
class Dashboard:
    """All of it. None: the service did not answer."""

    flow: Flow | None
    queues: Queues | None
    rejected: Rejected | None
    stored: Usage | None


def collect() -> Dashboard:
    """Ask for all of it at the same time."""
    with FanOut() as fan_out:
        flowing, depths = fan_out.submit(flow), fan_out.submit(waiting)
        rejected, stored = fan_out.submit(_rejected), fan_out.submit(usage.by_kind)
    kinds = stored.result()
    return Dashboard(
        flowing.result(),
        depths.result(),
        rejected.result(),
        None if kinds is None else total(kinds.values()),
    )


def total(parts: Iterable[Usage]) -> Usage:
    """All of these together."""
    found = list(parts)
    return Usage(sum(part.files for part in found), sum(part.bytes for part in found))


def percentile(values: Sequence[float], percent: int) -> float | None:
    """The smallest value that so many percent of them do not exceed (nearest rank)."""
    if not values:
        return None
    return sorted(values)[max(math.ceil(len(values) * percent / 100), 1) - 1]


def flow_of(
    files: Sequence[FileInfo], now: datetime, *, is_cut: bool, last: datetime | None
) -> Flow:
    """What these files, newest first, say about how it flows."""
    # Two clocks that differ a little are no time travel.
    seconds = [
        max((info.confirmed_at - info.notified_at).total_seconds(), 0.0)
        for info in files
        if info.confirmed_at and info.notified_at
    ]
    return Flow(
        files=len(files),
        is_cut=is_cut,
        median=percentile(seconds, 50),
        slowest=percentile(seconds, 95),
        without_event=sum(
            info.notified_at is None
            and info.confirmed_at is not None
            and now - info.confirmed_at > OVERDUE
            for info in files
        ),
        last_at=last,
    )


def flow() -> Flow:
    """How it flows just now. Raises BackendUnavailable."""
    now = datetime.now(UTC)
    page = listing.find(FileFilter(since=now - WINDOW), limit=NEWEST)
    newest = page.files or listing.find(FileFilter(), limit=1).files
    last = max((info.confirmed_at for info in newest if info.confirmed_at), default=None)
    return flow_of(page.files, now, is_cut=page.next_cursor is not None, last=last)


def waiting() -> Queues:
    """What waits in the queues, and what was given up. Raises BackendUnavailable."""
    events, tasks = conf().events_queue, conf().tasks_queue
    return Queues(
        events=sqs.depth(events),
        tasks=sqs.depth(tasks),
        events_dead=sqs.depth(sqs.dead_letter_queue(events)).visible,
        tasks_dead=sqs.depth(sqs.dead_letter_queue(tasks)).visible,
    )


def _rejected() -> Rejected:
    yesterday, today = usage.by_day(datetime.now(UTC).date(), 2)
    return Rejected(today.rejected, yesterday.rejected)
