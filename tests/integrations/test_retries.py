"""What follows from an answer: when to try again, and when to give up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from uploads.integrations.webhooks import retries
from uploads.integrations.webhooks.retries import Answer, Next, State, after

NOW = datetime(2026, 1, 2, tzinfo=UTC)
DAY = 24 * 3600.0


def state(**more: object) -> State:
    values = {"attempts": 1, "failures": 0, "failing_since": None} | more
    return State(**{"expires_at": NOW + retries.TRIED_FOR, **values})  # type: ignore[arg-type]


def seconds(at: datetime | None) -> float | None:
    return None if at is None else (at - NOW).total_seconds()


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_any_success_ends_a_delivery(status: int) -> None:
    assert after(Answer(status), state(), NOW) == Next(is_delivered=True)


@pytest.mark.parametrize("status", [100, 301, 302, 307, 308, 400, 401, 404, 500, 502])
def test_any_other_status_is_tried_again_and_says_nothing_of_other_deliveries(status: int) -> None:
    follow_up = after(Answer(status), state(), NOW)
    assert not follow_up.is_delivered
    assert 30 <= (seconds(follow_up.next_attempt_at) or 0) <= 60
    assert follow_up.pause_until is None


@pytest.mark.parametrize(
    "answer", [Answer(429), Answer(503), Answer(problem="timeout"), Answer(problem="address")]
)
def test_an_endpoint_that_does_not_respond_is_left_alone_for_a_while(answer: Answer) -> None:
    assert 15 <= (seconds(after(answer, state(), NOW).pause_until) or 0) <= 30
    later = after(answer, state(failures=50), NOW)
    assert 1800 <= (seconds(later.pause_until) or 0) <= 3600


@pytest.mark.parametrize(
    ("attempts", "least", "most"), [(1, 30, 60), (2, 60, 120), (5, 480, 960), (50, 7200, 14400)]
)
def test_the_pauses_grow_to_hours(attempts: int, least: float, most: float) -> None:
    follow_up = after(Answer(500), state(attempts=attempts), NOW)
    assert least <= (seconds(follow_up.next_attempt_at) or 0) <= most


@pytest.mark.parametrize(
    ("requested", "least", "most"),
    [(600.0, 600, 600), (1.0, 30, 60), (-5.0, 30, 60), (1e9, DAY, DAY), (None, 30, 60)],
)
def test_retry_after_is_respected_within_bounds(
    requested: float | None, least: float, most: float
) -> None:
    follow_up = after(Answer(500, retry_after=requested), state(), NOW)
    assert least <= (seconds(follow_up.next_attempt_at) or 0) <= most


def test_gone_ends_the_delivery_and_disables_the_endpoint() -> None:
    assert after(Answer(410), state(), NOW) == Next(is_delivered=False, disable="gone")


def test_after_three_days_a_delivery_has_failed() -> None:
    almost_over = state(expires_at=NOW + timedelta(seconds=20))
    assert after(Answer(500), almost_over, NOW).next_attempt_at is None


@pytest.mark.parametrize(
    ("failing_for", "disable"),
    [(None, ""), (timedelta(days=2, hours=23), ""), (timedelta(days=3), "failing")],
)
def test_an_endpoint_is_disabled_after_three_days_of_failures(
    failing_for: timedelta | None, disable: str
) -> None:
    since = None if failing_for is None else NOW - failing_for
    assert after(Answer(500), state(failing_since=since), NOW).disable == disable
