"""What the answer to an attempt means for the delivery and its endpoint (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from uploads.core import backoff

#: How long a delivery is tried.
TRIED_FOR = timedelta(days=3)
#: An endpoint at which nothing has succeeded for this time is disabled.
DISABLED_AFTER = timedelta(days=3)
#: Seconds of the first and of the longest pause of a delivery that was refused.
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 4 * 3600.0
#: The same for an endpoint that does not respond, so that it takes little time of the workers.
FIRST_ENDPOINT_PAUSE, LONGEST_ENDPOINT_PAUSE = 30.0, 3600.0
#: Seconds that an endpoint can request at most with Retry-After.
MAX_RETRY_AFTER = 24 * 3600.0

#: Why there was no answer. `address`: it is not public; `name`: the host name cannot be looked up.
Problem = Literal["", "address", "name", "connection", "tls", "timeout", "url"]
DisabledReason = Literal["", "gone", "failing"]


@dataclass(frozen=True)
class Answer:
    """The HTTP status, or why there was none. `retry_after` is in seconds."""

    status: int | None = None
    problem: Problem = ""
    retry_after: float | None = None

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_about_endpoint(self) -> bool:
        """Whether other deliveries to this endpoint would fail too."""
        return self.status in {None, 410, 429, 503}


@dataclass(frozen=True)
class State:
    """A delivery and its endpoint before the attempt."""

    #: Attempts of the delivery, including this one; failures of the endpoint before it.
    attempts: int
    failures: int
    expires_at: datetime
    failing_since: datetime | None


@dataclass(frozen=True)
class Next:
    """What to do. A `next_attempt_at` of None: none, the delivery was successful or has failed."""

    is_delivered: bool
    next_attempt_at: datetime | None = None
    pause_until: datetime | None = None
    disable: DisabledReason = ""


def after(answer: Answer, state: State, now: datetime) -> Next:
    """What follows from an answer."""
    if answer.is_success:
        return Next(is_delivered=True)
    if answer.status == 410:
        return Next(is_delivered=False, disable="gone")
    requested = min(max(answer.retry_after or 0.0, 0.0), MAX_RETRY_AFTER)
    wait = backoff.pause(state.attempts, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
    again = now + timedelta(seconds=max(wait, requested))
    pause = None
    if answer.is_about_endpoint:
        wait = backoff.pause(
            state.failures + 1, first=FIRST_ENDPOINT_PAUSE, longest=LONGEST_ENDPOINT_PAUSE
        )
        pause = now + timedelta(seconds=max(wait, requested))
    is_failing = state.failing_since is not None and now - state.failing_since >= DISABLED_AFTER
    return Next(
        is_delivered=False,
        next_attempt_at=again if again < state.expires_at else None,
        pause_until=pause,
        disable="failing" if is_failing else "",
    )
