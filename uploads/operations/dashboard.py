"""The operator's overview: processing times, queues and dead letters, rejections, storage used.

Each part is None if its service is unavailable. The cost does not depend on the number of files.
IAM: dynamodb:Query, dynamodb:BatchGetItem; sqs:GetQueueUrl and sqs:GetQueueAttributes on all
queues.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from uploads.aws import sqs
from uploads.core.conf import conf
from uploads.core.fan_out import FanOut, attempt
from uploads.files import listing, usage
from uploads.files.listing import FileFilter
from uploads.files.record import FileInfo
from uploads.files.usage import Usage
from uploads.integrations.webhooks import deliveries
from uploads.operations import queue_status

#: How many files of the last hour are examined at most, newest first.
NEWEST = 500
WINDOW = timedelta(hours=1)

#: Seconds from S3's event to the record: needs attention if the 95th percentile is higher.
SLOW = 60.0
#: If no event has arrived after this time, it was probably lost.
OVERDUE = timedelta(minutes=5)
#: A queue with more messages than this is falling behind, not just handling a burst.
BACKLOG = 1_000

State = Literal["ok", "attention", "unknown"]


@dataclass(frozen=True)
class Flow:
    """Processing of the files signed and stored within the last hour, `NEWEST` at most.

    Times are seconds from S3's event to the record; None if no file has both.
    """

    files: int
    is_cut: bool
    median: float | None
    #: The 95th percentile.
    slowest: float | None
    #: Files recorded without an event: S3's notification was lost.
    without_event: int
    #: When a file was last recorded, however long ago.
    last_at: datetime | None

    @property
    def state(self) -> State:
        if not self.files:
            return "unknown"
        if self.without_event or (self.slowest is not None and self.slowest > SLOW):
            return "attention"
        return "ok"


@dataclass(frozen=True)
class Queues:
    """The depths of the queues, and the number of dead letters of events and tasks."""

    events: sqs.Depth
    tasks: sqs.Depth
    events_dead: int
    tasks_dead: int
    #: Low-priority tasks: many of them need no attention. None: not used, or unavailable.
    low: sqs.Depth | None = None

    @property
    def dead(self) -> int:
        return self.events_dead + self.tasks_dead

    @property
    def is_behind(self) -> bool:
        return max(self.events.visible, self.tasks.visible) > BACKLOG

    @property
    def state(self) -> State:
        return "attention" if self.dead or self.is_behind else "ok"


@dataclass(frozen=True)
class Rejected:
    """Files rejected today and yesterday (UTC)."""

    today: int
    yesterday: int

    @property
    def state(self) -> State:
        return "attention" if self.today or self.yesterday else "ok"


@dataclass(frozen=True)
class Dashboard:
    """All parts. None means that the service is unavailable."""

    flow: Flow | None
    queues: Queues | None
    rejected: Rejected | None
    stored: Usage | None
    webhooks: deliveries.Counts | None = None


def collect() -> Dashboard:
    """Collect all parts concurrently."""
    with FanOut() as fan_out:
        flow, queues = fan_out.submit(current_flow), fan_out.submit(queue_depths)
        rejected, stored = fan_out.submit(_rejected), fan_out.submit(usage.by_kind)
        # Not in a thread, which would keep its connection to the database.
        webhooks = attempt(deliveries.counts)
    kinds = stored.result()
    return Dashboard(
        flow.result(),
        queues.result(),
        rejected.result(),
        None if kinds is None else total(kinds.values()),
        webhooks,
    )


def total(parts: Iterable[Usage]) -> Usage:
    """Add up files and bytes."""
    return sum(parts, Usage())


def percentile(values: Sequence[float], percent: int) -> float | None:
    """The nearest-rank percentile; None if there are no values."""
    if not values:
        return None
    return sorted(values)[max(math.ceil(len(values) * percent / 100), 1) - 1]


def flow_of(
    files: Sequence[FileInfo], now: datetime, *, is_cut: bool, last: datetime | None
) -> Flow:
    """Summarize the processing of these files, which are sorted newest first."""
    # Clock skew must not give a negative duration.
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


def current_flow() -> Flow:
    """Summarize the last hour. Raises BackendUnavailable."""
    now = datetime.now(UTC)
    page = listing.find(FileFilter(since=now - WINDOW), limit=NEWEST)
    newest = page.files or listing.find(FileFilter(), limit=1).files
    last = max((info.confirmed_at for info in newest if info.confirmed_at), default=None)
    return flow_of(page.files, now, is_cut=page.next_cursor is not None, last=last)


def queue_depths() -> Queues:
    """Read the depths of the queues and dead-letter queues. Raises BackendUnavailable."""
    events, tasks = conf().events_queue, conf().tasks_queue
    return Queues(
        events=sqs.depth(events),
        tasks=sqs.depth(tasks),
        events_dead=sqs.depth(sqs.dead_letter_queue(events)).visible,
        tasks_dead=sqs.depth(sqs.dead_letter_queue(tasks)).visible,
        low=queue_status.low_depth(),
    )


def _rejected() -> Rejected:
    yesterday, today = usage.by_day(datetime.now(UTC).date(), 2)
    return Rejected(today.rejected, yesterday.rejected)
