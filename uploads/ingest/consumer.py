"""The loop from the events queue to Celery: receive, queue one task, then delete.

At least once: a message is deleted only after its task is queued (or it is in the dead-letter
queue). Dying in between repeats an event, which changes nothing.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from uploads.aws import sqs
from uploads.core import backoff
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.ingest import tasks
from uploads.ingest.events import ParsedMessage, parse_message
from uploads.worker import heartbeat, shutdown

logger = logging.getLogger(__name__)


class _Stop(BaseException):
    """Raised by the signal handlers: leave an idle poll or a pause, or what takes too long."""


class Consumer:
    """Reads the events queue until told to stop."""

    def __init__(self, queue: str | None = None, bucket: str | None = None) -> None:
        self.queue = queue or conf().events_queue
        self.bucket = bucket or conf().bucket
        # Not threading.Event: its lock is not reentrant, and a signal may come while it is held.
        self._stopping = False
        self._idle = False

    def run(self) -> None:
        """Loop until SIGTERM or SIGINT. What is in hand is finished first, within
        `shutdown.GRACE`; an idle poll and a pause are left at once. No failure ends the loop: it
        is logged, and followed by a pause that grows."""
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
                logger.warning("%r; again in %.1f s", exc.__cause__ or exc, seconds)
            except Exception:
                # A fault of filehub's own. Its messages come again, and SQS gives up in the end
                # what cannot be handled; to die of it would hold back all others.
                failures += 1
                seconds = backoff.pause(failures)
                logger.exception("a batch failed; again in %.1f s", seconds)
            else:
                failures = 0
                continue
            with self._interruptible():
                time.sleep(seconds)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if signum == signal.SIGALRM:
            logger.warning(
                "not done after %.0f s: the messages in hand will come again", shutdown.GRACE
            )
            raise _Stop
        if not self._stopping:
            self._stopping = True
            signal.setitimer(signal.ITIMER_REAL, shutdown.GRACE)
        if self._idle:
            raise _Stop

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Nothing is in hand: whoever tells it to stop need not wait."""
        self._idle = True
        try:
            if self._stopping:  # told so since the loop looked
                raise _Stop
            yield
        finally:
            self._idle = False

    def step(self) -> int:
        """One long poll and all that follows from it; returns how many messages were handled."""
        with self._interruptible():
            messages = sqs.receive(self.queue)
        heartbeat.beat("consumer")
        if messages:
            self.handle(messages)
        return len(messages)

    def handle(self, messages: list[sqs.Message]) -> None:
        """Queue what the messages say as one task, set malformed ones aside, delete them all.

        A message that cannot be dealt with stays in the queue, and none waits for it: SQS gives it
        up after `maxReceiveCount` (infra/filehub.yaml). Raises BackendUnavailable.
        """
        done: list[sqs.Message] = []
        trouble: BackendUnavailable | None = None
        queued = self._queue(self._parse(messages))
        for message, parsed in queued:
            try:
                if parsed.malformed:
                    self._set_aside(message, " ".join(parsed.malformed))
            except BackendUnavailable as exc:
                trouble = exc
                break
            done.append(message)
        if trouble:
            # The good ones among the rest need not come again.
            rest = queued[len(done) :]
            done += [message for message, parsed in rest if not parsed.malformed]
        undeleted = sqs.delete(self.queue, done) if done else 0
        logger.info(
            "%d messages: %d events queued, %d ignored, %d not deleted",
            len(messages),
            sum(len(parsed.events) for _, parsed in queued),
            sum(parsed.ignored for _, parsed in queued),
            undeleted + len(messages) - len(done),
        )
        if trouble:
            raise trouble

    def _parse(self, messages: list[sqs.Message]) -> list[tuple[sqs.Message, ParsedMessage]]:
        parsed = []
        for message in messages:
            try:
                parsed.append((message, parse_message(message.body, self.bucket)))
            except Exception:
                logger.exception("a message cannot be read, and is left in the queue")
        return parsed

    def _queue(
        self, parsed: list[tuple[sqs.Message, ParsedMessage]]
    ) -> list[tuple[sqs.Message, ParsedMessage]]:
        """Queue the events; returns those messages whose events are safe now."""
        events = [event for _, each in parsed for event in each.events]
        if not events:
            return parsed
        try:
            tasks.enqueue(events)
        except BackendUnavailable:
            raise
        except Exception:
            logger.exception("a batch cannot be queued; its messages are tried one by one")
        else:
            return parsed
        safe = []
        for message, each in parsed:
            try:
                tasks.enqueue(each.events)
            except BackendUnavailable:
                raise
            except Exception:
                logger.exception("a message cannot be queued, and is left in its queue")
            else:
                safe.append((message, each))
        return safe

    def _set_aside(self, message: sqs.Message, error: str) -> None:
        logger.error("malformed message set aside: %s", error[:500])
        sqs.send_to_dead_letter_queue(self.queue, message.body, error)
