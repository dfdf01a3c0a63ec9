"""The dead-letter queues: peek at messages, replay them, discard them.

A receipt handle is valid only for a short time and only for the receiver. So every action receives
the messages again, selects them by id, and releases the rest. Receiving has no side effects here:
a dead-letter queue has no dead-letter queue of its own.

SQS's own StartMessageMoveTask moves all messages or none, and returns only those that SQS itself
moved to the dead-letter queue.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from uploads.aws import clients, sqs, time_limit
from uploads.aws.errors import aws_errors
from uploads.aws.sqs import BATCH
from uploads.core.errors import BackendUnavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

logger = logging.getLogger(__name__)

#: The maximum number of messages shown at a time.
MAX_SHOWN = 100
#: The maximum number of messages that one admin action handles. A command may handle more.
MAX_PER_ACTION = 1000
#: Visibility timeout of received messages in seconds, in case this process dies.
VISIBILITY_SECONDS = 60
#: Seconds that a receive waits while more messages are expected: long enough for SQS to query all
#: of its servers, and for another user's peek to end.
WAIT_SECONDS = 2
#: The maximum size of a batch in bytes. SQS allows 1 MiB; its earlier limit was lower.
BATCH_BYTES = 256 * 1024
#: filehub's own message attribute: why the message was rejected. It is removed on replay.
ERROR = "error"


@dataclass(frozen=True)
class DeadLetterMessage:
    """A message in a dead-letter queue, as it was when received."""

    id: str
    body: str
    #: SQS's message attributes, by name.
    attributes: Mapping[str, Any]
    sent_at: datetime
    #: How often it has ever been received; every peek counts too.
    received: int
    receipt: str

    @property
    def error(self) -> str:
        """Why filehub moved it to the dead-letter queue, or ""."""
        value = self.attributes.get(ERROR, {}).get("StringValue", "")
        return value if isinstance(value, str) else ""


@dataclass(frozen=True)
class Outcome:
    """The result of a replay or discard: the ids of the messages, by what happened to them."""

    done: tuple[str, ...] = ()
    #: Replayed, but still in the dead-letter queue as well. Replaying them again is harmless.
    duplicated: tuple[str, ...] = ()
    #: Still in the dead-letter queue, because SQS refused.
    failed: tuple[str, ...] = ()
    #: Requested but not found: deleted, or currently received by another consumer.
    missing: tuple[str, ...] = ()
    #: Why the action ended early, as a sentence; "" if it did not.
    stopped: str = ""

    @property
    def complete(self) -> bool:
        return not (self.duplicated or self.failed or self.missing or self.stopped)


#: The queue to which a dead letter is sent back, by name.
Route = Callable[[DeadLetterMessage], str]


@dataclass
class _Tally:
    done: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    #: The new ids of replayed messages: they may come straight back.
    sent: set[str] = field(default_factory=set)

    def outcome(self, requested: Collection[str] | None, stopped: str) -> Outcome:
        handled = {*self.done, *self.duplicated, *self.failed}
        rest = [message_id for message_id in requested or () if message_id not in handled]
        return Outcome(
            tuple(self.done),
            tuple(self.duplicated),
            # Messages that were not reached are not missing.
            (*self.failed, *(rest if stopped else ())),
            () if stopped else tuple(rest),
            stopped,
        )


def peek(
    queue: str, limit: int = MAX_SHOWN, ids: Collection[str] | None = None
) -> list[DeadLetterMessage]:
    """Up to `limit` dead letters of a queue, oldest first. They stay and become visible again.

    With `ids`, only those that are among the first `limit`. Raises BackendUnavailable.
    """
    dlq = sqs.dead_letter_queue(queue)
    messages: list[DeadLetterMessage] = []
    try:
        for batch in _batches(dlq, limit, sqs.depth(dlq).visible):
            messages += batch
            if _has_all(messages, ids):
                break
    finally:
        _release(dlq, messages)
    chosen = [message for message in messages if ids is None or message.id in ids]
    return sorted(chosen, key=lambda message: message.sent_at)


def _has_all(messages: Sequence[DeadLetterMessage], ids: Collection[str] | None) -> bool:
    return ids is not None and {message.id for message in messages}.issuperset(ids)


def replay(
    queue: str,
    ids: Collection[str] | None = None,
    *,
    limit: int = MAX_PER_ACTION,
    route: Route | None = None,
) -> Outcome:
    """Send dead letters back to their queue, and then delete them from the dead-letter queue.

    `route` names the queue of each, if the dead-letter queue has those of several.

    Without `ids`, all that are present at the start; those that come straight back are left alone.
    A crash in between duplicates a message, which is harmless, but never loses one. Raises
    BackendUnavailable if nothing could be done at all.
    """
    return _handle(queue, ids, partial(_replay, route or (lambda _: queue)), limit)


def discard(
    queue: str, ids: Collection[str] | None = None, *, limit: int = MAX_PER_ACTION
) -> Outcome:
    """Delete dead letters permanently. Otherwise like `replay`."""
    return _handle(queue, ids, _discard, limit)


def _handle(
    queue: str,
    ids: Collection[str] | None,
    act: Callable[[str, list[DeadLetterMessage], _Tally], None],
    limit: int,
) -> Outcome:
    dlq = sqs.dead_letter_queue(queue)
    # The local clock. If it is behind SQS's, the newest messages are left for the next time; if it
    # is ahead, `limit` stops an endless loop of messages that keep coming back.
    started_at = datetime.now(UTC)
    tally = _Tally()
    received: list[DeadLetterMessage] = []
    stopped = ""

    def is_selected(message: DeadLetterMessage) -> bool:
        if ids is not None:
            return message.id in ids
        return message.sent_at <= started_at and message.id not in tally.sent

    try:
        # Messages in flight may become visible while this waits for them.
        expected = limit if ids is not None else sqs.depth(dlq).total
        for batch in _batches(dlq, limit, expected):
            received += batch
            chosen = [message for message in batch if is_selected(message)]
            if chosen:
                act(queue, chosen, tally)
            if _has_all(received, ids):
                break
    except BackendUnavailable as exc:
        if not (tally.done or tally.duplicated):
            raise
        logger.error("stopped halfway through %s: %r", dlq, exc.__cause__ or exc)
        stopped = exc.message
    finally:
        gone = set(tally.done)
        _release(dlq, [message for message in received if message.id not in gone])
    return tally.outcome(ids, stopped)


def _replay(route: Route, queue: str, messages: list[DeadLetterMessage], tally: _Tally) -> None:
    by_target: defaultdict[str, list[DeadLetterMessage]] = defaultdict(list)
    for message in messages:
        by_target[route(message)].append(message)
    for target, chosen in by_target.items():
        _send_back(queue, target, chosen, tally)


def _send_back(queue: str, target: str, messages: list[DeadLetterMessage], tally: _Tally) -> None:
    for batch in _packed(messages):
        with aws_errors("SQS could not send the dead letters back."):
            response = clients.sqs().send_message_batch(
                QueueUrl=sqs.url(target),
                Entries=[
                    {
                        "Id": str(number),
                        "MessageBody": message.body,
                        "MessageAttributes": _attributes_to_send(message),
                    }
                    for number, message in enumerate(batch)
                ],
            )
        tally.sent.update(entry["MessageId"] for entry in response.get("Successful", []))
        # Only what SQS confirms has arrived.
        accepted = {entry["Id"] for entry in response.get("Successful", [])}
        _log_refusals(response.get("Failed", []))
        sent = [message for number, message in enumerate(batch) if str(number) in accepted]
        tally.failed += [message.id for message in batch if message not in sent]
        try:
            deleted = _delete(sqs.dead_letter_queue(queue), sent)
        except BackendUnavailable:
            tally.duplicated += [message.id for message in sent]
            raise
        tally.done += [message.id for message in sent if message.id in deleted]
        tally.duplicated += [message.id for message in sent if message.id not in deleted]


def _discard(queue: str, messages: list[DeadLetterMessage], tally: _Tally) -> None:
    deleted = _delete(sqs.dead_letter_queue(queue), messages)
    tally.done += [message.id for message in messages if message.id in deleted]
    tally.failed += [message.id for message in messages if message.id not in deleted]


def _batches(dlq: str, limit: int, expected: int) -> Iterator[list[DeadLetterMessage]]:
    """Receive up to `limit` messages, each once, until SQS has no more.

    Receives wait while fewer than `expected` messages have arrived. That is SQS's own count, which
    may be out of date, so a final receive follows that does not wait.
    """
    seen: set[str] = set()
    # SQS may deliver a message more than once: bound the loop in any case.
    for _ in range(limit):
        room = limit - len(seen)
        if not room:
            return
        wait = WAIT_SECONDS if len(seen) < expected else 0
        with aws_errors("SQS could not receive the dead letters."), time_limit.extended(wait):
            response = clients.sqs().receive_message(
                QueueUrl=sqs.url(dlq),
                MaxNumberOfMessages=min(BATCH, room),
                VisibilityTimeout=VISIBILITY_SECONDS,
                WaitTimeSeconds=wait,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        messages = [_parse(message) for message in response.get("Messages", [])]
        if not messages:
            return
        fresh = [message for message in messages if message.id not in seen]
        seen.update(message.id for message in fresh)
        if fresh:
            yield fresh


def _parse(message: MessageTypeDef) -> DeadLetterMessage:
    system = message.get("Attributes", {})
    return DeadLetterMessage(
        id=message["MessageId"],
        body=message["Body"],
        attributes=message.get("MessageAttributes", {}),
        # Milliseconds. A message that SQS moved here keeps the time when it was first sent.
        sent_at=datetime(1970, 1, 1, tzinfo=UTC)
        + timedelta(milliseconds=int(system["SentTimestamp"])),
        received=int(system["ApproximateReceiveCount"]),
        receipt=message["ReceiptHandle"],
    )


def _attributes_to_send(message: DeadLetterMessage) -> dict[str, Any]:
    """The attributes to send back, in the form that SQS accepts."""
    kept = ("DataType", "StringValue", "BinaryValue")
    return {
        name: {key: value[key] for key in kept if key in value}
        for name, value in message.attributes.items()
        if name != ERROR
    }


def _packed(messages: Sequence[DeadLetterMessage]) -> Iterator[list[DeadLetterMessage]]:
    """Batches of at most BATCH messages and BATCH_BYTES, unless one message alone is larger."""
    batch: list[DeadLetterMessage] = []
    size = 0
    for message in messages:
        # Attributes count too; they are few and short.
        weight = len(message.body.encode()) + 1024
        if batch and (len(batch) == BATCH or size + weight > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += weight
    if batch:
        yield batch


def _delete(dlq: str, messages: Sequence[DeadLetterMessage]) -> set[str]:
    """Delete up to BATCH messages; return the ids of those that were deleted."""
    if not messages:
        return set()
    with aws_errors("SQS could not delete the dead letters."):
        response = clients.sqs().delete_message_batch(
            QueueUrl=sqs.url(dlq),
            Entries=[
                {"Id": str(number), "ReceiptHandle": message.receipt}
                for number, message in enumerate(messages)
            ],
        )
    _log_refusals(response.get("Failed", []))
    return {messages[int(entry["Id"])].id for entry in response.get("Successful", [])}


def _release(dlq: str, messages: Sequence[DeadLetterMessage]) -> None:
    """Make messages visible again. If this fails, they reappear after VISIBILITY_SECONDS."""
    try:
        for start in range(0, len(messages), BATCH):
            with aws_errors("SQS could not release the dead letters."):
                clients.sqs().change_message_visibility_batch(
                    QueueUrl=sqs.url(dlq),
                    Entries=[
                        {"Id": str(n), "ReceiptHandle": message.receipt, "VisibilityTimeout": 0}
                        for n, message in enumerate(messages[start : start + BATCH])
                    ],
                )
    except BackendUnavailable as exc:
        logger.warning("dead letters remain hidden for a minute: %r", exc.__cause__ or exc)


def _log_refusals(failed: Sequence[Mapping[str, Any]]) -> None:
    for failure in failed:
        logger.warning("SQS refused: %s %s", failure.get("Code"), failure.get("Message", ""))
