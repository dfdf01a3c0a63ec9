"""What is retried, and after which pause."""

from __future__ import annotations

import pytest

from filehub_client import ConnectionFailed, FilehubError, LocalFileError, RateLimited, Retries
from filehub_client.flow import Flow, Request, Response, send
from filehub_client.retry import retrying
from tests.filehub_client.flows import Run, in_turn, ok

LOST = ConnectionFailed("lost")
RATE = RateLimited("slow", status=429, retry_after=30)


def test_pauses_double_up_to_a_limit_with_jitter() -> None:
    retries = Retries(attempts=50, first_pause=1, longest_pause=8)
    for failures, most in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 8), (49, 8)]:
        pauses = [retries.pause_after(failures, LOST) or 0.0 for _ in range(50)]
        assert most / 2 <= min(pauses) <= max(pauses) <= most
        assert len(set(pauses)) > 1


@pytest.mark.parametrize(
    ("error", "failures", "is_retried"),
    [
        (LOST, 1, True),
        (LOST, 5, True),
        (LOST, 6, False),
        (RATE, 1, True),
        (RateLimited("later", status=429, retry_after=121), 1, False),
        (LocalFileError("gone"), 1, False),
        (FilehubError("no"), 1, False),
    ],
)
def test_only_temporary_errors_are_retried_and_only_for_a_while(
    error: FilehubError, failures: int, is_retried: bool
) -> None:
    assert (Retries().pause_after(failures, error) is not None) == is_retried


def test_the_server_may_ask_for_a_longer_pause() -> None:
    assert Retries().pause_after(1, RATE) == 30


def test_the_last_error_is_raised_when_nothing_helps() -> None:
    def attempt() -> Flow[Response]:
        return (yield from send(Request("GET", "https://a.example")))

    run = Run(in_turn(LOST))
    with pytest.raises(ConnectionFailed):
        run(retrying(attempt, Retries()))
    assert (len(run.requests), len(run.pauses)) == (6, 5)
    run = Run(in_turn(LOST, LOST, ok({})))
    assert run(retrying(attempt, Retries())).status == 200
