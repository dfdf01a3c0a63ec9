"""The loop from the events queue to Celery: receive, queue one task, then delete.

At least once: a message is deleted only after its task is queued (or it is in the dead-letter
queue). Dying in between repeats an event, which changes nothing.
"""

from __future__ import annotations

import logging
import random
import signal
import threading
from types import FrameType

from uploads import queues, tasks
from uploads.conf import env
from uploads.events import ObjectEvent, parse_message
from uploads.exceptions import BackendUnavailable

logger = logging.getLogger(__name__)

MAX_BACKOFF = 30.0


class _Stop(BaseException):
    """Raised by the signal handler to leave an idle poll."""


class Consumer:
    """Reads the events queue until told to stop."""

    def __init__(self, queue: str | None = None, bucket: str | None = None) -> None:
        self.queue = queue or env().filehub_events_queue
        self.bucket = bucket or env().filehub_bucket
        self._stopping = threading.Event()
        self._polling = False

    def run(self) -> None:
        """Loop until SIGTERM or SIGINT. What is in hand is finished first; an idle poll is left at
        once. Failures are logged and retried with growing, jittered pauses."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        failures = 0
        logger.info("consuming %s", self.queue)
        while not self._stopping.is_set():
            try:
                self.step()
                failures = 0
            except _Stop:
                break
            except BackendUnavailable as exc:
                failures += 1
                pause = min(MAX_BACKOFF, 2.0**failures) * random.uniform(0.5, 1)
                logger.warning("%r; again in %.1f s", exc.__cause__ or exc, pause)
                self._stopping.wait(pause)
        logger.info("stopped")

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        self._stopping.set()
        if self._polling:
            raise _Stop

    def step(self) -> int:
        """One long poll and all that follows from it; returns how many messages were handled."""
        self._polling = True
        try:
            messages = queues.receive(self.queue)
        finally:
            self._polling = False
        if messages:
            self.handle(messages)
        return len(messages)

    def handle(self, messages: list[queues.Message]) -> None:
        """Queue what the messages say as one task, set malformed ones aside, delete them all."""
        events: list[ObjectEvent] = []
        ignored = 0
        for message in messages:
            parsed = parse_message(message.body, self.bucket)
            events.extend(parsed.events)
            ignored += parsed.ignored
            if parsed.malformed:
                error = " ".join(parsed.malformed)
                logger.error("malformed message set aside: %s", error[:500])
                queues.send_to_dead_letters(self.queue, message.body, error)
        if events:
            tasks.enqueue(events)
        undeleted = queues.delete(self.queue, messages)
        logger.info(
            "%d messages: %d events queued, %d ignored, %d not deleted",
            len(messages),
            len(events),
            ignored,
            undeleted,
        )
