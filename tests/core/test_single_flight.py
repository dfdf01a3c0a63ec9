"""Calls that may hang run in threads, at most one for each key."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextvars import ContextVar

import pytest

from tests.support.processes import ROOT
from tests.support.waiting import wait_for
from uploads.core.single_flight import SingleFlight


def test_calls_with_the_same_key_are_one_call() -> None:
    flight: SingleFlight[int] = SingleFlight()
    go_on, calls = threading.Event(), []

    def call() -> int:
        calls.append(1)
        go_on.wait()
        return len(calls)

    first, second, other = (flight.start(key, call) for key in ("a", "a", "b"))
    assert first is second
    assert not first.done()
    wait_for(lambda: len(calls) == 2)
    go_on.set()
    assert {first.result(), other.result()} == {2}
    # The next one is a call of its own.
    assert flight.start("a", call).result() == 3


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1)])
def test_all_callers_get_the_error(error: BaseException) -> None:
    flight: SingleFlight[None] = SingleFlight()

    def fail() -> None:
        raise error

    for _ in range(2):
        assert flight.start("a", fail).exception() is error
    assert flight.start("a", lambda: None).result() is None


def test_a_call_does_not_have_the_context_of_the_caller() -> None:
    variable = ContextVar("variable", default="none")
    variable.set("the caller's")
    flight: SingleFlight[str] = SingleFlight()
    assert flight.start("a", variable.get).result() == "none"


def test_a_call_that_hangs_does_not_keep_the_process_from_ending() -> None:
    code = (
        "import threading\n"
        "from uploads.core.single_flight import SingleFlight\n"
        "SingleFlight().start('a', threading.Event().wait)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
