"""The dead-letter queues: look at letters, replay them, discard them.

A receipt is good only for whoever received, and only for a while. So every action receives the
letters anew, goes by their ids, and lets those go that it does not mean. A dead-letter queue has no
dead-letter queue of its own: receiving from it wears nothing out.

SQS's own StartMessageMoveTask moves all letters or none, and returns only those that the queue
itself gave up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from uploads.aws import clients, sqs
from uploads.aws.errors import aws_errors
from uploads.aws.sqs import BATCH
from uploads.core.errors import BackendUnavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

logger = logging.getLogger(__name__)

#: The most letters that are shown at a time.
MAX_SHOWN = 100
#: The most letters that one click goes through. A command may take more.
MAX_PER_ACTION = 1000
#: Seconds for which a received letter is hidden, should this process die with it in hand.
VISIBILITY_SECONDS = 60
#: Seconds that a receive waits while there should be more: long enough for SQS to ask all its
#: servers, and for somebody else's look at the letters to end.
WAIT_SECONDS = 2
#: Bytes that one batch sends at most; SQS takes a MiB in all, and took less before.
BATCH_BYTES = 256 * 1024
#: filehub's own attribute of a letter: why it was set aside. It does not go back with it.
ERROR = "error"


@dataclass(frozen=True)
class DeadLetterMessage:
    """A message in a dead-letter queue, as it was when it was received."""

    id: str
    body: str
    #: SQS's message attributes, by name.
    attributes: Mapping[str, Any]
    sent_at: datetime
    #: How often it was received in its life; each look at it counts too.
    received: int
    receipt: str

    @property
    def error(self) -> str:
        """Why filehub set it aside, or ""."""
        value = self.attributes.get(ERROR, {}).get("StringValue", "")
        return value if isinstance(value, str) else ""


@dataclass(frozen=True)
class Outcome:
    """What became of the letters that were to be replayed or discarded, by their ids."""

    done: tuple[str, ...] = ()
    #: Replayed, but still here as well. To replay them again changes nothing.
    duplicated: tuple[str, ...] = ()
    #: Still here, because SQS refused.
    failed: tuple[str, ...] = ()
    #: Asked for, but not here: gone, or in somebody else's hands.
    missing: tuple[str, ...] = ()
    #: Why it ended early, as a sentence; "" if it did not.
    stopped: str = ""

    @property
    def complete(self) -> bool:
        return not (self.duplicated or self.failed or self.missing or self.stopped)


@dataclass
class _Tally:
    done: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    #: The new ids of what was replayed: it may come straight back.
    sent: set[str] = field(default_factory=set)

    def outcome(self, wanted: Collection[str] | None, stopped: str) -> Outcome:
        found = {*self.done, *self.duplicated, *self.failed}
        rest = [each for each in wanted or () if each not in found]
        return Outcome(
            tuple(self.done),
            tuple(self.duplicated),
            # What it did not come to is not missing.
            (*self.failed, *(rest if stopped else ())),
            () if stopped else tuple(rest),
            stopped,
        )


def peek(
    queue: str, limit: int = MAX_SHOWN, ids: Collection[str] | None = None
) -> list[DeadLetterMessage]:
    """Up to `limit` dead letters of a queue, oldest first; all of them stay, and are visible again.

    With `ids`: only those, as far as they are among the first `limit`. Raises BackendUnavailable.
    """
    dlq = sqs.dead_letter_queue(queue)
    letters: list[DeadLetterMessage] = []
    try:
        for batch in _batches(dlq, limit, sqs.depth(dlq).visible):
            letters += batch
            if _has_all(letters, ids):
                break
    finally:
        _release(dlq, letters)
    chosen = [letter for letter in letters if ids is None or letter.id in ids]
    return sorted(chosen, key=lambda letter: letter.sent_at)


def _has_all(letters: Sequence[DeadLetterMessage], ids: Collection[str] | None) -> bool:
    return ids is not None and {letter.id for letter in letters}.issuperset(ids)


def replay(
    queue: str, ids: Collection[str] | None = None, *, limit: int = MAX_PER_ACTION
) -> Outcome:
    """Send dead letters back to their queue, and only then delete them here.

    Without `ids`: all that were here when it began. Those that come straight back are left alone.
    Dying in between doubles a letter, which changes nothing; it never loses one. Raises
    BackendUnavailable if nothing was done at all.
    """
    return _handle(queue, ids, _replay, limit)


def discard(
    queue: str, ids: Collection[str] | None = None, *, limit: int = MAX_PER_ACTION
) -> Outcome:
    """Delete dead letters, for good. Otherwise as `replay`."""
    return _handle(queue, ids, _discard, limit)


def _handle(
    queue: str,
    ids: Collection[str] | None,
    act: Callable[[str, list[DeadLetterMessage], _Tally], None],
    limit: int,
) -> Outcome:
    dlq = sqs.dead_letter_queue(queue)
    # By this machine's clock. Behind SQS's, it leaves the newest letters for another time; ahead of
    # it, `limit` ends what comes back again and again.
    began = datetime.now(UTC)
    tally = _Tally()
    received: list[DeadLetterMessage] = []
    stopped = ""

    def meant(letter: DeadLetterMessage) -> bool:
        if ids is not None:
            return letter.id in ids
        return letter.sent_at <= began and letter.id not in tally.sent

    try:
        # Those in somebody's hands come back while this waits for them.
        expected = limit if ids is not None else sqs.depth(dlq).total
        for batch in _batches(dlq, limit, expected):
            received += batch
            chosen = [letter for letter in batch if meant(letter)]
            if chosen:
                act(queue, chosen, tally)
            if _has_all(received, ids):
                break
    except BackendUnavailable as exc:
        if not (tally.done or tally.duplicated):
            raise
        logger.error("stopped half way through %s: %r", dlq, exc.__cause__ or exc)
        stopped = exc.message
    finally:
        gone = set(tally.done)
        _release(dlq, [letter for letter in received if letter.id not in gone])
    return tally.outcome(ids, stopped)


def _replay(queue: str, letters: list[DeadLetterMessage], tally: _Tally) -> None:
    for batch in _packed(letters):
        with aws_errors("SQS could not send the dead letters back."):
            answer = clients.sqs().send_message_batch(
                QueueUrl=sqs.url(queue),
                Entries=[
                    {
                        "Id": str(number),
                        "MessageBody": letter.body,
                        "MessageAttributes": _passed_on(letter),
                    }
                    for number, letter in enumerate(batch)
                ],
            )
        tally.sent.update(each["MessageId"] for each in answer.get("Successful", []))
        # What SQS does not say that it has, it does not have.
        taken = {each["Id"] for each in answer.get("Successful", [])}
        _log_refusals(answer.get("Failed", []))
        sent = [letter for number, letter in enumerate(batch) if str(number) in taken]
        tally.failed += [letter.id for letter in batch if letter not in sent]
        try:
            deleted = _delete(sqs.dead_letter_queue(queue), sent)
        except BackendUnavailable:
            tally.duplicated += [letter.id for letter in sent]
            raise
        tally.done += [letter.id for letter in sent if letter.id in deleted]
        tally.duplicated += [letter.id for letter in sent if letter.id not in deleted]


def _discard(queue: str, letters: list[DeadLetterMessage], tally: _Tally) -> None:
    deleted = _delete(sqs.dead_letter_queue(queue), letters)
    tally.done += [letter.id for letter in letters if letter.id in deleted]
    tally.failed += [letter.id for letter in letters if letter.id not in deleted]


def _batches(dlq: str, limit: int, expected: int) -> Iterator[list[DeadLetterMessage]]:
    """Receive up to `limit` letters, each once, until SQS has no more.

    Waits while fewer than `expected` were received. That is SQS's own count, which may be late, so
    that a last look without waiting follows.
    """
    seen: set[str] = set()
    # SQS may deliver twice what it was asked for once: bounded, whatever it does.
    for _ in range(limit):
        room = limit - len(seen)
        if not room:
            return
        with aws_errors("SQS could not look at the dead letters."):
            answer = clients.sqs().receive_message(
                QueueUrl=sqs.url(dlq),
                MaxNumberOfMessages=min(BATCH, room),
                VisibilityTimeout=VISIBILITY_SECONDS,
                WaitTimeSeconds=WAIT_SECONDS if len(seen) < expected else 0,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        letters = [_letter(message) for message in answer.get("Messages", [])]
        if not letters:
            return
        fresh = [letter for letter in letters if letter.id not in seen]
        seen.update(letter.id for letter in fresh)
        if fresh:
            yield fresh


def _letter(message: MessageTypeDef) -> DeadLetterMessage:
    system = message.get("Attributes", {})
    return DeadLetterMessage(
        id=message["MessageId"],
        body=message["Body"],
        attributes=message.get("MessageAttributes", {}),
        # Milliseconds. A letter that the queue gave up keeps the moment in which it was first sent.
        sent_at=datetime(1970, 1, 1, tzinfo=UTC)
        + timedelta(milliseconds=int(system["SentTimestamp"])),
        received=int(system["ApproximateReceiveCount"]),
        receipt=message["ReceiptHandle"],
    )


def _passed_on(letter: DeadLetterMessage) -> dict[str, Any]:
    """The attributes that go back, as SQS takes them."""
    kept = ("DataType", "StringValue", "BinaryValue")
    return {
        name: {key: value[key] for key in kept if key in value}
        for name, value in letter.attributes.items()
        if name != ERROR
    }


def _packed(letters: Sequence[DeadLetterMessage]) -> Iterator[list[DeadLetterMessage]]:
    """Batches that SQS takes: at most BATCH letters, and BATCH_BYTES unless one alone is larger."""
    batch: list[DeadLetterMessage] = []
    size = 0
    for letter in letters:
        # Attributes count as well; they are few and short.
        weight = len(letter.body.encode()) + 1024
        if batch and (len(batch) == BATCH or size + weight > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(letter)
        size += weight
    if batch:
        yield batch


def _delete(dlq: str, letters: Sequence[DeadLetterMessage]) -> set[str]:
    """Delete up to BATCH letters; returns the ids of those that are gone."""
    if not letters:
        return set()
    with aws_errors("SQS could not delete the dead letters."):
        answer = clients.sqs().delete_message_batch(
            QueueUrl=sqs.url(dlq),
            Entries=[
                {"Id": str(number), "ReceiptHandle": letter.receipt}
                for number, letter in enumerate(letters)
            ],
        )
    _log_refusals(answer.get("Failed", []))
    return {letters[int(each["Id"])].id for each in answer.get("Successful", [])}


def _release(dlq: str, letters: Sequence[DeadLetterMessage]) -> None:
    """Make letters visible again. If it cannot be done, they are after VISIBILITY_SECONDS."""
    try:
        for start in range(0, len(letters), BATCH):
            with aws_errors("SQS could not release the dead letters."):
                clients.sqs().change_message_visibility_batch(
                    QueueUrl=sqs.url(dlq),
                    Entries=[
                        {"Id": str(n), "ReceiptHandle": letter.receipt, "VisibilityTimeout": 0}
                        for n, letter in enumerate(letters[start : start + BATCH])
                    ],
                )
    except BackendUnavailable as exc:
        logger.warning("dead letters stay hidden for a minute: %r", exc.__cause__ or exc)


def _log_refusals(failed: Sequence[Mapping[str, Any]]) -> None:
    for each in failed:
        logger.warning("SQS refused: %s %s", each.get("Code"), each.get("Message", ""))
