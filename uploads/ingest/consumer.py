"""The loop from the events queue to Celery: receive, queue a task, then delete.

Delivery is at least once: a message is deleted only after its task has been queued, or the message
moved to the dead-letter queue. A crash in between repeats an event, which is harmless.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from uploads.aws import sqs
from uploads.core import backoff, tracing
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.core.reasons import Reason, dump
from uploads.ingest import scan_tasks, tasks
from uploads.ingest.events import ObjectEvent, ParsedMessage, ScanResult, parse_message
from uploads.worker import heartbeat, shutdown
from uploads.worker.queueing_check import QueueingCheck

logger = logging.getLogger(__name__)

#: Messages that are handled together, and seconds after which no more are received: far below the
#: time for which the events queue hides messages (infra/filehub.yaml).
MAX_MESSAGES = 100
MAX_GATHERING = 5.0
#: Seconds without a heartbeat after a batch that failed, unless another one succeeds. Longer than
#: the events queue hides messages (infra/filehub.yaml): if a batch fails each time it is
#: redelivered, the empty polls in between must not count as health.
FAILURE_SECONDS = 75.0


class _Stop(BaseException):
    """Raised by the signal handlers to interrupt a poll or pause, or work that takes too long."""


class Consumer:
    """Reads the events queue until it is stopped."""

    def __init__(self, queue: str | None = None, bucket: str | None = None) -> None:
        self.queue = queue or conf().events_queue
        self.bucket = bucket or conf().bucket
        # Not threading.Event: its lock is not reentrant, and a signal may arrive while it is held.
        self._stopping = False
        self._idle = False
        self._queueing = QueueingCheck(tasks.enqueue_nothing)
        self._failed_at: float | None = None

    def run(self) -> None:
        """Loop until SIGTERM or SIGINT.

        Messages in progress are finished first, within `shutdown.GRACE`; an idle poll or a pause is
        interrupted. Failures do not end the loop: they are logged and followed by growing pauses.
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
            signal.signal(number, self._on_signal)
        logger.info("consuming %s", self.queue)
        try:
            self._loop()
        except _Stop:
            pass
        finally:
            signal.alarm(0)
        logger.info("stopped")

    def _loop(self) -> None:
        failures = 0
        while not self._stopping:
            try:
                self.step()
            except BackendUnavailable as exc:
                failures += 1
                seconds = backoff.pause(failures)
                logger.warning("%r; retrying in %.1f s", exc.__cause__ or exc, seconds)
            except Exception:
                # A bug. The messages reappear, and SQS finally moves them to the dead-letter queue;
                # stopping the loop would block all others.
                failures += 1
                seconds = backoff.pause(failures)
                logger.exception("a batch failed; retrying in %.1f s", seconds)
            else:
                failures = 0
                continue
            with self._interruptible():
                time.sleep(seconds)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if signum == signal.SIGALRM:
            logger.warning(
                "not done after %.0f s: unfinished messages will be redelivered", shutdown.GRACE
            )
            raise _Stop
        if not self._stopping:
            self._stopping = True
            signal.setitimer(signal.ITIMER_REAL, shutdown.GRACE)
        if self._idle:
            raise _Stop

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Allow signals to interrupt this block, in which no message is in progress."""
        self._idle = True
        try:
            if self._stopping:  # a signal arrived since the loop checked
                raise _Stop
            yield
        finally:
            self._idle = False

    def step(self) -> int:
        """Do one long poll, gather the messages that wait, and handle them; return their number.

        Sends a heartbeat if events can flow: the poll and everything after it succeeded, and tasks
        can be queued. Raises BackendUnavailable.
        """
        with self._interruptible():
            messages = sqs.receive(self.queue)
        try:
            if messages:
                messages = self._gather(messages)
                with tracing.span("handle events", "consumer"):
                    self.handle(messages)
            self._queueing.ensure()
        except Exception:
            self._failed_at = time.monotonic()
            self._queueing.failed()
            raise
        if messages:
            self._failed_at = None
        if self._failed_at is None or time.monotonic() - self._failed_at >= FAILURE_SECONDS:
            heartbeat.beat("consumer")
        return len(messages)

    def _gather(self, messages: list[sqs.Message]) -> list[sqs.Message]:
        """Add the messages that are there already while the queue is full: fewer, larger tasks.

        A receive that returns less than it may shows that the queue is not full. Never raises
        BackendUnavailable, since the messages received so far can be handled.
        """
        started_at, count = time.monotonic(), len(messages)
        while (
            count == sqs.BATCH
            and len(messages) < MAX_MESSAGES
            and not self._stopping
            and time.monotonic() - started_at < MAX_GATHERING
        ):
            try:
                more = sqs.receive_more(self.queue)
            except BackendUnavailable as exc:
                logger.warning("no more messages were received: %r", exc.__cause__ or exc)
                break
            messages, count = messages + more, len(more)
        return messages

    def handle(self, messages: list[sqs.Message]) -> None:
        """Queue the events as one task, dead-letter malformed messages, and delete the messages.

        A message that cannot be handled stays in the queue and does not block the others: SQS
        dead-letters it after `maxReceiveCount` (infra/filehub.yaml). Raises BackendUnavailable.
        """
        done: list[sqs.Message] = []
        failure: BackendUnavailable | None = None
        queued = self._queue(self._parse(messages))
        for message, parsed in queued:
            try:
                if parsed.malformed:
                    self._dead_letter(message, parsed.malformed)
            except BackendUnavailable as exc:
                failure = exc
                break
            done.append(message)
        if failure:
            # The valid messages of the rest need not be redelivered.
            rest = queued[len(done) :]
            done += [message for message, parsed in rest if not parsed.malformed]
        undeleted = sqs.delete(self.queue, done) if done else 0
        logger.info(
            "%d messages: %d events queued, %d ignored, %d not deleted",
            len(messages),
            sum(len(parsed.events) + len(parsed.results) for _, parsed in queued),
            sum(parsed.ignored for _, parsed in queued),
            undeleted + len(messages) - len(done),
        )
        if failure:
            raise failure

    def _parse(self, messages: list[sqs.Message]) -> list[tuple[sqs.Message, ParsedMessage]]:
        parsed = []
        for message in messages:
            try:
                parsed.append((message, parse_message(message.body, self.bucket)))
            except Exception:
                logger.exception(
                    "a message could not be parsed and stays in the queue",
                    extra={"message_id": message.id},
                )
        return parsed

    def _queue(
        self, parsed: list[tuple[sqs.Message, ParsedMessage]]
    ) -> list[tuple[sqs.Message, ParsedMessage]]:
        """Queue the events and results; return the messages whose content has been queued."""
        if not any(content.events or content.results for _, content in parsed):
            return parsed
        try:
            _enqueue(parsed)
        except BackendUnavailable:
            raise
        except Exception:
            logger.exception("a batch could not be queued; trying its messages one by one")
        else:
            self._queueing.succeeded()
            return parsed
        queued = []
        for message, content in parsed:
            try:
                _enqueue([(message, content)])
            except BackendUnavailable:
                raise
            except Exception:
                logger.exception(
                    "a message could not be queued and stays in its queue",
                    extra={"message_id": message.id},
                )
            else:
                queued.append((message, content))
        return queued

    def _dead_letter(self, message: sqs.Message, problems: tuple[Reason, ...]) -> None:
        error = dump(*problems)
        while len(error) > sqs.MAX_REASON:
            problems = problems[: len(problems) // 2]
            error = dump(*problems)
        logger.error(
            "moving a malformed message to the dead-letter queue: %s",
            error[:500],
            extra={"message_id": message.id},
        )
        sqs.send_to_dead_letter_queue(self.queue, message.body, error)


def _enqueue(parsed: list[tuple[sqs.Message, ParsedMessage]]) -> None:
    """Queue all events and results, and log which message and which task each is in."""
    events = [(message, event) for message, content in parsed for event in content.events]
    results = [(message, result) for message, content in parsed for result in content.results]
    if events:
        task_ids = tasks.enqueue([event for _, event in events])
        for (message, event), task_id in zip(events, task_ids, strict=True):
            logger.info(
                "queued: %s %s",
                event.upload_id,
                event.kind,
                extra={**_ids(message, event, task_id), "sequencer": event.sequencer},
            )
    if results:
        task_ids = scan_tasks.enqueue_results([result for _, result in results])
        for (message, result), task_id in zip(results, task_ids, strict=True):
            logger.info(
                "queued: %s %s",
                result.upload_id,
                result.status,
                extra=_ids(message, result, task_id),
            )


def _ids(message: sqs.Message, event: ObjectEvent | ScanResult, task_id: str) -> dict[str, str]:
    return {"upload_id": event.upload_id, "task_id": task_id, "message_id": message.id}
