"""Send dead letters back to the queue that they came from.

IAM: as for `uploads.aws.dead_letters`; sqs:SendMessage on the live queues.
"""

from __future__ import annotations

from collections.abc import Collection

from uploads.aws import dead_letters
from uploads.aws.dead_letters import MAX_PER_ACTION, DeadLetterMessage, Outcome
from uploads.core.conf import conf
from uploads.operations import dead_letter_summary
from uploads.operations.queue_status import Kind, queue_name
from uploads.worker.broker import LOW_TASKS


def replay(
    kind: Kind, ids: Collection[str] | None = None, *, limit: int = MAX_PER_ACTION
) -> Outcome:
    """Replay these dead letters, or all of them. Raises BackendUnavailable."""
    route = _queue_of if kind == "tasks" else None
    return dead_letters.replay(queue_name(kind), ids, limit=limit, route=route)


def _queue_of(dead_letter: DeadLetterMessage) -> str:
    """The queue of a task. After a replay, low-priority tasks must not delay the others."""
    is_low = dead_letter_summary.read_task(dead_letter.body, conf().bucket).title in LOW_TASKS
    # Workers may not receive from that queue. In the other one, the task ends at once.
    return conf().low_queue if is_low and conf().uses_low_queue else queue_name("tasks")
