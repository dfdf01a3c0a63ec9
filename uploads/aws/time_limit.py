"""Limit how long a web request waits for AWS in total, and how many requests wait at a time.

botocore's own time-outs apply to each attempt, so a page that makes several calls, each with
retries, would wait for minutes if AWS did not respond. Within `limited`, each attempt waits only
for what is left of the request's time; then the call, and every later one, fails at once. Requests
also share a number of slots, fewer than the web process has threads. Without `limited`, in worker
and commands, nothing changes.

`uploads.aws.clients` attaches this to all clients, including those of PynamoDB and kombu. What
botocore's time-outs do not cover is in `uploads.aws.connections` and `uploads.aws.credentials`.
https://docs.aws.amazon.com/boto3/latest/guide/events.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError
from botocore.session import Session

from uploads.core.slots import Slots

T = TypeVar("T")

#: How many requests of a process may wait for AWS at a time. The Procfile starts the web with more
#: threads, so that health checks, static files and sign-in never wait for AWS.
SLOTS = Slots(8)
_LONG_WAITS = threading.Semaphore(SLOTS.size // 2)
#: Parts of the codes with which AWS refuses too many requests.
_THROTTLED = ("Throttl", "LimitExceeded", "ThroughputExceeded", "SlowDown", "TooManyRequests")


class TimeLimitExceeded(BotoCoreError):
    """The request has waited for AWS for as long as it may."""

    fmt = "AWS did not respond within the time limit of this request"


class TooManyWaiting(BotoCoreError):
    """All slots are taken, by requests that AWS does not answer."""

    fmt = "AWS does not respond, and too many other requests are already waiting for it"


class TimeLimit:
    """How long one request may still wait for AWS. Its threads share it.

    If it is `renewed`, each answer of AWS starts it again, except during a wait that the request
    itself asks for: that wait has a fixed end, however often AWS answers with an error.
    """

    def __init__(
        self,
        seconds: float,
        *,
        renewed: bool = False,
        slots: Slots | None = None,
        outer: TimeLimit | None = None,
    ) -> None:
        self._seconds = seconds
        self._ends_at = time.monotonic() + seconds
        #: The waits that the request asks for at the moment, in seconds.
        self._waits: list[float] = []
        self._renewed = renewed
        self._slots = slots
        self._outer = outer
        self._lock = threading.Lock()
        self._has_slot = False

    def remaining(self) -> float:
        """Seconds; not positive when it has expired."""
        own = self._ends_at + sum(self._waits) - time.monotonic()
        return own if self._outer is None else min(own, self._outer.remaining())

    def before_attempt(self) -> float:
        """Return how many seconds an attempt may take.

        Raises TooManyWaiting and TimeLimitExceeded.
        """
        self._take_slot()
        seconds = self.remaining()
        if seconds <= 0:
            raise TimeLimitExceeded
        return seconds

    def result_of(self, future: Future[T]) -> T:
        """Wait for the result. Raises TooManyWaiting and TimeLimitExceeded."""
        done, _ = wait([future], self.before_attempt())
        if not done:
            raise TimeLimitExceeded
        return future.result()

    def _take_slot(self) -> None:
        if self._outer is not None:
            self._outer._take_slot()
        with self._lock:
            if self._slots is not None and not self._has_slot:
                if not self._slots.acquire():
                    raise TooManyWaiting
                self._has_slot = True

    def answered(self) -> None:
        """Note that AWS has answered."""
        if self._outer is not None:
            self._outer.answered()
        if self._slots is not None:
            self._slots.answered()
        if self._renewed and not self._waits:
            self._ends_at = time.monotonic() + self._seconds

    @contextmanager
    def extended(self, seconds: float) -> Iterator[None]:
        """Allow for a wait that the request itself asks for, of at most this many seconds."""
        started_at = time.monotonic()
        self._waits.append(seconds)
        try:
            yield
        finally:
            now = time.monotonic()
            self._waits.remove(seconds)
            ends_at = self._ends_at + min(now - started_at, seconds)
            # With several waits at a time, their seconds would add up.
            self._ends_at = min(ends_at, now + self._seconds)

    def end(self) -> None:
        """Return the slot."""
        with self._lock:
            if self._slots is not None and self._has_slot:
                self._slots.release(in_vain=self._ends_at <= time.monotonic())
                self._has_slot = False


_current: ContextVar[TimeLimit | None] = ContextVar("time_limit", default=None)


def current() -> TimeLimit | None:
    """The limit that the caller must keep, if there is one."""
    return _current.get()


@contextmanager
def limited(
    seconds: float, *, renewed: bool = False, slots: Slots | None = None
) -> Iterator[TimeLimit]:
    """Limit the total time that the code inside waits for AWS, also in threads of `FanOut`.

    Inside another limit, both apply.
    """
    limit = TimeLimit(seconds, renewed=renewed, slots=slots, outer=_current.get())
    token = _current.set(limit)
    try:
        yield limit
    finally:
        _current.reset(token)
        limit.end()


@contextmanager
def extended(seconds: float) -> Iterator[None]:
    """Allow for a wait that the code inside asks for, such as a long poll."""
    limit = current()
    if limit is None:
        yield
    else:
        with limit.extended(seconds):
            yield


@contextmanager
def long_wait(seconds: float) -> Iterator[None]:
    """The same for a wait of many seconds: only half of the slots may be taken by those.

    With more of them, the code inside has what is left of the request's time.
    """
    if not _LONG_WAITS.acquire(blocking=False):
        yield
        return
    try:
        with extended(seconds):
            yield
    finally:
        _LONG_WAITS.release()


def pause(seconds: float) -> None:
    """Sleep before another attempt. Raises TimeLimitExceeded instead if the time would be up."""
    limit = current()
    if limit is not None and limit.remaining() <= seconds:
        raise TimeLimitExceeded
    time.sleep(seconds)


def _before_send(**event: Any) -> None:
    limit = current()
    if limit is not None:
        # botocore uses this instead of the client's own time-out.
        event["request"].context["read_timeout"] = limit.before_attempt()


def _response_received(**event: Any) -> None:
    limit = current()
    if limit is not None and event["exception"] is None:
        limit.answered()


def _before_retry(**event: Any) -> None:
    """Fail instead of retrying if the pause before the next attempt could outlast the limit."""
    limit = current()
    if limit is None or limit.remaining() > _longest_pause(event["attempts"], event["response"]):
        return
    if event["caught_exception"] is not None:
        raise event["caught_exception"]
    if event["response"] is not None and _is_temporary(*event["response"]):
        raise TimeLimitExceeded


def _longest_pause(attempts: int, response: tuple[Any, Any] | None) -> float:
    """The longest pause of botocore's standard mode, in seconds.

    With AWS_NEW_RETRIES_2026, it adds what AWS asks for, but no more than five seconds.
    """
    longest = 2.0 ** (attempts - 1)
    requested = "" if response is None else response[0].headers.get("x-amz-retry-after", "")
    return longest + min(int(requested) / 1000, 5) if requested.isdecimal() else longest


def _is_temporary(http: Any, parsed: dict[str, Any]) -> bool:
    code = str(parsed.get("Error", {}).get("Code", ""))
    return bool(http.status_code >= 500) or any(part in code for part in _THROTTLED)


def attach(session: Session) -> None:
    """Make the limits apply to the clients of a new session."""
    session.register("before-send", _before_send)
    session.register("response-received", _response_received)
    session.register("needs-retry", _before_retry)
