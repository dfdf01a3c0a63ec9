"""A test run that is told to stop leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest

from tests.support.processes import ROOT

#: Some of them need a local AWS, which each process of parallel tests starts.
TESTS = "tests/ingest"


def servers(run: int) -> list[list[psutil.Process]]:
    """What each process of parallel tests has started, if it has started anything."""
    with suppress(psutil.NoSuchProcess):
        started = [p.children(recursive=True) for p in psutil.Process(run).children()]
        return [children for children in started if children]
    return []


@pytest.mark.exhaustive
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_first_process_stops_the_servers_of_all(signum: signal.Signals) -> None:
    environ = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    environ.pop("STATIC_ROOT_OF_TESTS")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--numprocesses", "2"]
    run = subprocess.Popen(
        [*command, TESTS], cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, start_new_session=True
    )
    found: list[psutil.Process] = []
    try:
        deadline = time.monotonic() + 120
        while len(of_each := servers(run.pid)) < 2:
            assert run.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        found = [process for children in of_each for process in children]
        run.send_signal(signum)
        assert run.wait(60) == pytest.ExitCode.INTERRUPTED
        _, running = psutil.wait_procs(found, timeout=5)
        assert [process.cmdline() for process in running] == []
    finally:
        run.kill()
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.kill()
