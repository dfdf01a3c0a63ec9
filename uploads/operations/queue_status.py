"""What waits in the queues and what died there, put together for the operator. Changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from uploads.aws import cloudwatch, dead_letters, sqs
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.ingest import task_failures
from uploads.ingest.task_failures import TaskFailure
from uploads.operations import dead_letter_summary

logger = logging.getLogger(__name__)

Kind = Literal["events", "tasks"]
KINDS: tuple[Kind, ...] = ("events", "tasks")


@dataclass(frozen=True)
class QueueStatus:
    """One queue as it is now."""

    name: str
    kind: Kind
    is_dead_letters: bool
    depth: sqs.Depth
    #: How long the oldest message has been there, or None: nobody knows.
    oldest: timedelta | None


@dataclass(frozen=True)
class DeadLetter:
    """One dead letter, for people."""

    id: str
    sent_at: datetime
    #: How often it was received in its life; each look at it counts too.
    received: int
    summary: dead_letter_summary.Summary
    #: Why it is here; "" when nobody said.
    error: str
    #: How often its task failed; 0 when that is not known.
    failures: int


@dataclass(frozen=True)
class DeadLetters:
    """Dead letters, oldest first. `total` also counts those beyond the bound, or in use."""

    letters: list[DeadLetter]
    total: int


def queue_name(kind: Kind) -> str:
    """The live queue of a kind."""
    return conf().events_queue if kind == "events" else conf().tasks_queue


def queue_statuses() -> list[QueueStatus]:
    """Both queues, each with its dead-letter queue after it. Raises BackendUnavailable.

    Nothing is received from the live queues: that would count against their messages.
    """
    names = [
        (kind, is_dead, sqs.dead_letter_queue(queue_name(kind)) if is_dead else queue_name(kind))
        for kind in KINDS
        for is_dead in (False, True)
    ]
    depths = {name: sqs.depth(name) for _, _, name in names}
    ages = cloudwatch.oldest_ages([name for _, _, name in names])
    return [
        QueueStatus(
            name,
            kind,
            is_dead,
            depths[name],
            _oldest_letter(kind, depths[name], ages.get(name)) if is_dead else ages.get(name),
        )
        for kind, is_dead, name in names
    ]


def _oldest_letter(kind: Kind, depth: sqs.Depth, reported: timedelta | None) -> timedelta | None:
    """Exact, from the letters themselves; CloudWatch may know of an older one beyond the bound."""
    if not depth.visible:
        return reported
    found = dead_letters.peek(queue_name(kind))
    ages = [datetime.now(UTC) - found[0].sent_at] if found else []
    if reported is not None and depth.total > len(found):
        ages.append(reported)
    return max(ages, default=None)


def list_dead_letters(kind: Kind, ids: Collection[str] | None = None) -> DeadLetters:
    """The dead letters of a queue, or those of them with these ids. Raises BackendUnavailable."""
    queue = queue_name(kind)
    limit = dead_letters.MAX_SHOWN if ids is None else dead_letters.MAX_PER_ACTION
    found = dead_letters.peek(queue, limit, ids)
    read = dead_letter_summary.read_event if kind == "events" else dead_letter_summary.read_task
    summaries = [read(letter.body, conf().bucket) for letter in found]
    known = _failures(summary.task_id for summary in summaries)
    total = sqs.depth(sqs.dead_letter_queue(queue)).total
    return DeadLetters(
        [
            _dead_letter(letter, summary, known.get(summary.task_id))
            for letter, summary in zip(found, summaries, strict=True)
        ],
        max(total, len(found)),
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
        letter.error or (failure.error if failure else ""),
        int(failure.attempts) if failure else 0,
    )


def _failures(task_ids: Iterable[str]) -> dict[str, TaskFailure]:
    """Task -> its last failure. The letters are shown even if these cannot be read."""
    try:
        return task_failures.last_failures(task_ids)
    except BackendUnavailable as exc:
        logger.warning("the tasks' errors cannot be read: %r", exc.__cause__ or exc)
        return {}
