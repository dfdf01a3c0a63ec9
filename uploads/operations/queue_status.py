"""Depths and ages of the queues, and their dead letters, for the admin. Changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from uploads.aws import cloudwatch, dead_letters, sqs
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.core.fan_out import attempt
from uploads.core.reasons import Reason, load
from uploads.ingest import task_failures
from uploads.ingest.task_failures import TaskFailure
from uploads.operations import dead_letter_summary

logger = logging.getLogger(__name__)

Kind = Literal["events", "tasks"]
KINDS: tuple[Kind, ...] = ("events", "tasks")
#: What a queue has: messages of a kind, the dead letters of one, or low-priority tasks.
Role = Literal["live", "dead", "low"]


@dataclass(frozen=True)
class QueueStatus:
    """The current state of a queue."""

    name: str
    kind: Kind
    role: Role
    #: None: it cannot be reached. That of low-priority tasks must not hide the others.
    depth: sqs.Depth | None
    #: Age of the oldest message; None if unknown.
    oldest: timedelta | None

    @property
    def is_dead_letters(self) -> bool:
        return self.role == "dead"


@dataclass(frozen=True)
class DeadLetter:
    """A dead letter with its summary and error."""

    id: str
    sent_at: datetime
    #: How often it was received, including each time it was shown.
    received: int
    summary: dead_letter_summary.Summary
    #: Why it failed; empty if unknown.
    errors: tuple[Reason, ...]
    #: How often its task failed; 0 if unknown.
    failures: int


@dataclass(frozen=True)
class DeadLetters:
    """Dead letters, oldest first. `total` includes those beyond the limit and those in flight."""

    letters: list[DeadLetter]
    total: int


def queue_name(kind: Kind) -> str:
    """The name of the live queue of this kind."""
    return conf().events_queue if kind == "events" else conf().tasks_queue


def queue_statuses() -> list[QueueStatus]:
    """The status of both queues and of that of low-priority tasks, then of the dead letters.

    Receives nothing from the live queues, which would bring their messages closer to the
    dead-letter queue. Raises BackendUnavailable.
    """
    names = _names()
    ages = cloudwatch.oldest_ages([name for _, _, name in names])
    return [_status(kind, role, name, ages.get(name)) for kind, role, name in names]


def _names() -> list[tuple[Kind, Role, str]]:
    events, tasks = queue_name("events"), queue_name("tasks")
    low: list[tuple[Kind, Role, str]] = [("tasks", "low", conf().low_queue)]
    return [
        ("events", "live", events),
        ("events", "dead", sqs.dead_letter_queue(events)),
        ("tasks", "live", tasks),
        *(low if conf().uses_low_queue else []),
        ("tasks", "dead", sqs.dead_letter_queue(tasks)),
    ]


def _status(kind: Kind, role: Role, name: str, age: timedelta | None) -> QueueStatus:
    depth = low_depth() if role == "low" else sqs.depth(name)
    oldest = _oldest_dead_letter(kind, depth, age) if depth and role == "dead" else age
    return QueueStatus(name, kind, role, depth, oldest)


def low_depth() -> sqs.Depth | None:
    """The depth of the queue of low-priority tasks; None if it is unavailable, or not used."""
    return attempt(lambda: sqs.depth(conf().low_queue)) if conf().uses_low_queue else None


def _oldest_dead_letter(
    kind: Kind, depth: sqs.Depth, reported: timedelta | None
) -> timedelta | None:
    """The age from the messages themselves, or CloudWatch's if there are more than were read."""
    if not depth.visible:
        return reported
    letters = dead_letters.peek(queue_name(kind))
    ages = [datetime.now(UTC) - letters[0].sent_at] if letters else []
    if reported is not None and depth.total > len(letters):
        ages.append(reported)
    return max(ages, default=None)


def list_dead_letters(kind: Kind, ids: Collection[str] | None = None) -> DeadLetters:
    """The dead letters of a queue, or only those with these ids. Raises BackendUnavailable."""
    queue = queue_name(kind)
    limit = dead_letters.MAX_SHOWN if ids is None else dead_letters.MAX_PER_ACTION
    letters = dead_letters.peek(queue, limit, ids)
    read = dead_letter_summary.read_event if kind == "events" else dead_letter_summary.read_task
    summaries = [read(letter.body, conf().bucket) for letter in letters]
    failures = _failures(summary.task_id for summary in summaries)
    total = sqs.depth(sqs.dead_letter_queue(queue)).total
    return DeadLetters(
        [
            _dead_letter(letter, summary, failures.get(summary.task_id))
            for letter, summary in zip(letters, summaries, strict=True)
        ],
        max(total, len(letters)),
    )


def _dead_letter(
    letter: dead_letters.DeadLetterMessage,
    summary: dead_letter_summary.Summary,
    failure: TaskFailure | None,
) -> DeadLetter:
    return DeadLetter(
        letter.id,
        letter.sent_at,
        letter.received,
        summary,
        load(letter.error) or load(failure.error if failure else ""),
        int(failure.attempts) if failure else 0,
    )


def _failures(task_ids: Iterable[str]) -> dict[str, TaskFailure]:
    """The last failure of each task; empty if DynamoDB is unavailable."""
    try:
        return task_failures.last_failures(task_ids)
    except BackendUnavailable as exc:
        logger.warning("the errors of the tasks cannot be read: %r", exc.__cause__ or exc)
        return {}
