"""filehub's processes as the Procfile starts them: start, kill, restart, stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
from honcho.environ import parse_procfile

from tests.chaos.plan import Victim

ROOT = Path(__file__).resolve().parent.parent.parent
NAMES = ("web", "consumer", "worker", "beat")


class Processes:
    """The four processes, each the leader of its own process group, which is killed as a whole."""

    def __init__(
        self,
        directory: Path,
        environment: dict[str, str],
        extra_environment: dict[str, dict[str, str]],
    ) -> None:
        self._commands = parse_procfile((ROOT / "Procfile").read_text()).processes
        self._environment = environment
        #: Variables of one process alone.
        self._extra_environment = extra_environment
        self._directory = directory
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._commands_running: dict[subprocess.Popen[bytes], tuple[str, float]] = {}
        self.kills: Counter[str] = Counter()
        #: Processes that ended by themselves, with their status.
        self.exited: list[tuple[str, int]] = []

    def log(self, name: str) -> Path:
        return self._directory / f"{name}.log"

    def start(self, name: str) -> None:
        with self.log(name).open("ab") as output:
            self._running[name] = subprocess.Popen(
                self._commands[name],
                shell=True,
                cwd=ROOT,
                env=self._environment | self._extra_environment.get(name, {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def command(self, arguments: tuple[str, ...], killed_after: float) -> None:
        """Start a command of manage.py with the worker's environment."""
        with self.log("operator").open("ab") as output:
            child = subprocess.Popen(
                [sys.executable, "manage.py", *arguments],
                cwd=ROOT,
                env=self._environment | self._extra_environment.get("worker", {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._commands_running[child] = (arguments[0], time.monotonic() + killed_after)

    def watch_commands(self, *, run_now: bool = False) -> None:
        """Kill the commands whose time is over, or all."""
        for child, (name, until) in list(self._commands_running.items()):
            if child.poll() is None and time.monotonic() < until and not run_now:
                continue
            if child.poll() is None:
                self.kills[name] += 1
            self._end_group(child)
            del self._commands_running[child]

    def start_all(self) -> None:
        for name in NAMES:
            if name not in self._running:
                self.start(name)

    def watch(self) -> None:
        """Record and restart the processes that ended without having been killed."""
        for name, child in list(self._running.items()):
            if (status := child.poll()) is not None:
                self.exited.append((name, status))
                self._end_group(child)
                self.start(name)

    def kill(self, victim: Victim) -> str | None:
        """Send SIGKILL; return the process that has to be restarted, if any."""
        if victim == "child":
            self._kill_child()
            return None
        child = self._running.pop(victim, None)
        if child is None:
            return None
        self._end_group(child)
        self.kills[victim] += 1
        return victim

    def _kill_child(self) -> None:
        """Kill a process of the worker's pool."""
        worker = self._running.get("worker")
        with suppress(psutil.Error):
            children = psutil.Process(worker.pid).children() if worker else []
            if children:
                children[-1].kill()
                self.kills["child"] += 1

    def _end_group(self, child: subprocess.Popen[bytes]) -> None:
        """Kill the whole group, as when a container is killed."""
        deadline = time.monotonic() + 60
        # The leader's id is the group's, and is not reused while the group has a member.
        while time.monotonic() < deadline:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                break
            child.poll()
            time.sleep(0.01)
        child.wait(60)

    def stop(self, *names: str, timeout: float = 60) -> dict[str, int]:
        """Send SIGTERM and return the statuses; SIGKILL (a negative status) for those that stay."""
        selected = {n: c for n in names or NAMES if (c := self._running.pop(n, None)) is not None}
        for child in selected.values():
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGTERM)
        deadline = time.monotonic() + timeout
        statuses = {}
        for name, child in selected.items():
            with suppress(subprocess.TimeoutExpired):
                child.wait(max(0.1, deadline - time.monotonic()))
            if child.poll() is not None:
                statuses[name] = child.returncode
            self._end_group(child)
            statuses.setdefault(name, child.returncode)
        return statuses

    def end(self) -> None:
        """Kill everything that still runs."""
        self.watch_commands(run_now=True)
        for child in self._running.values():
            self._end_group(child)
        self._running.clear()
