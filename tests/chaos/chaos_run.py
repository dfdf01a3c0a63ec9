"""A chaos run: faults between filehub and AWS, kills, mangled events, unruly clients.

    python -m tests.chaos.chaos_run --seed 7 --minutes 3

When the faults have ended, what the uploaders know, what is in the bucket and what is recorded must
agree (tests/chaos/invariants.py).
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.chaos.download_watch import DownloadWatch
from tests.chaos.event_mangler import EventMangler
from tests.chaos.expectations import Expectations
from tests.chaos.final_check import FinalCheck
from tests.chaos.http_client import Unanswered, request
from tests.chaos.installation import (
    BUCKET,
    DELIVER_WEBHOOKS,
    EVENTS,
    NOTIFICATIONS,
    OWNERS,
    PURGE,
    SWEEP_SCANS,
    TASKS,
    Installation,
)
from tests.chaos.plan import Plan
from tests.chaos.report import Report
from tests.chaos.unruly_scanner import UnrulyScanner
from tests.chaos.uploaders import Uploader

UPLOADERS = 6
#: Seconds until everything must have come to rest.
REST_TIMEOUT = 240


class ChaosRun:
    """One run in a directory of its own, which keeps the logs."""

    def __init__(
        self, seed: int, seconds: float, directory: Path, *, has_scanner: bool = True
    ) -> None:
        self.plan = Plan(seed, seconds)
        self._scanner = UnrulyScanner(self.plan) if has_scanner else None
        self.report = Report(self.plan)
        self._expectations = Expectations()
        self._installation = Installation(directory, self.plan, self.report, self._scanner)
        self._mangler: EventMangler | None = None
        self._watch: DownloadWatch | None = None

    @property
    def mangler(self) -> EventMangler:
        assert self._mangler is not None, "the queues do not exist yet"
        return self._mangler

    def run(self) -> Report:
        began = time.monotonic()
        try:
            self._installation.start()
            for phase in (self._prepare, self._inject_faults, self._recover, self._check):
                started = time.monotonic()
                phase()
                self.report.phases[phase.__name__.strip("_")] = time.monotonic() - started
        finally:
            if self._mangler is not None:
                self._mangler.stop()
            self._installation.stop()
            self.report.seconds = time.monotonic() - began
        return self.report

    def _prepare(self) -> None:
        installation = self._installation
        installation.prepare()
        self._mangler = EventMangler(
            installation.sqs,
            installation.queue_urls[NOTIFICATIONS],
            installation.queue_urls[EVENTS],
            self.plan,
        )

    def _inject_faults(self) -> None:
        installation = self._installation
        installation.processes.start_all()
        self._wait_for("the site", self._is_ready, 120)
        self.mangler.start()
        began = time.monotonic()
        until = began + self.plan.seconds
        installation.proxy.start_faults()
        self._start_scanner_faults()
        uploaders = self._start_uploaders(until)
        self._kill_until(until, began)
        installation.proxy.stop_faults()
        if self._scanner is not None:
            self._scanner.stop_faults()
        self._faults_ended_at = time.monotonic()
        installation.processes.watch_commands(run_now=True)
        installation.processes.start_all()
        for uploader in uploaders:
            uploader.thread.join(REST_TIMEOUT)
            if uploader.thread.is_alive():
                self.report.problems.append(f"{uploader.name} does not end")
            if uploader.error is not None:
                self.report.problems.append(f"{uploader.name} failed: {uploader.error!r}")

    def _start_scanner_faults(self) -> None:
        """If files are checked for malware, let the scanner fail, and watch for downloads."""
        if self._scanner is None:
            return
        self._scanner.start_faults()
        installation = self._installation
        self._watch = DownloadWatch(
            installation.site, installation.api_tokens, self._expectations, installation.record,
            self.plan.random("downloads"),
        )  # fmt: skip
        self._watch.start()

    def _start_uploaders(self, until: float) -> list[Uploader]:
        tokens = list(self._installation.api_tokens.items())
        uploaders = [
            Uploader(
                number,
                self.plan.random("uploader", number),
                self._installation.site,
                *tokens[number % len(OWNERS)],
                self._expectations,
                until,
                self._delete_object,
                self._installation.make_due,
                sends_malware=self._scanner is not None,
            )
            for number in range(UPLOADERS)
        ]
        for uploader in uploaders:
            uploader.thread.start()
        return uploaders

    def _delete_object(self, upload_id: str) -> None:
        """Delete an object as an operator does with the AWS command line, at any moment."""
        self._installation.s3.delete_object(
            Bucket=BUCKET, Key=f"uploads/{upload_id[-1]}/{upload_id}"
        )

    def _kill_until(self, until: float, began: float) -> None:
        processes = self._installation.processes
        kills, commands = list(self.plan.kills), list(self.plan.commands)
        starts: list[float] = []
        while (now := time.monotonic()) < until:
            while kills and began + kills[0].at <= now:
                kill = kills.pop(0)
                if processes.kill(kill.victim):
                    starts.append(now + kill.down)
            if starts and min(starts) <= now:
                starts = [at for at in starts if at > now]
                processes.start_all()
            while commands and began + commands[0].at <= now:
                command = commands.pop(0)
                processes.command(command.arguments, command.killed_after)
            processes.watch_commands()
            processes.watch()
            if self.mangler.error is not None:
                raise self.mangler.error
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            return request("GET", f"{self._installation.site}/readyz", {}).status == 200
        except Unanswered:
            return False

    def _recover(self) -> None:
        """Without faults: wait until everything is at rest, and reconcile all files once."""
        self.mangler.stop_mangling()
        self._wait_for("the site after the faults", self._is_ready, 60)
        # Beat would keep queueing reconciliations, and the queues would never stay empty.
        self._installation.processes.stop("beat")
        self._wait_for_rest("the faults")
        self._replay()
        self._wait_for_rest("the replay")
        self._wait_for_verdicts()
        self.report.recovered = time.monotonic() - self._faults_ended_at
        # What fell due after beat was stopped.
        self._installation.run_script(PURGE)
        self._wait_for_rest("the purge")
        self._installation.manage("reconcile", "--all", "--restart", "--min-age", "0m")
        self._wait_for_rest("the reconciliation")
        self._installation.run_script(DELIVER_WEBHOOKS)
        self.mangler.stop()
        if self.mangler.error is not None:
            self.report.problems.append(f"the event mangler failed: {self.mangler.error!r}")

    def _wait_for_verdicts(self) -> None:
        """Every file is checked, once the scanner works. Until then, downloads are watched."""
        if self._scanner is None or self._watch is None:
            return
        if self._scanner.error is not None:
            self.report.problems.append(f"the scanner failed: {self._scanner.error!r}")
        deadline = time.monotonic() + REST_TIMEOUT
        while waiting := self._installation.scanning():
            if time.monotonic() > deadline:
                self.report.problems.append(f"{waiting} files still wait for their verdict")
                break
            # Beat was stopped.
            self._installation.run_script(SWEEP_SCANS)
            time.sleep(2)
        self.report.scanner = self._scanner.counts
        self._watch.stop()
        if self._watch.error is not None:
            self.report.problems.append(f"the watch of downloads failed: {self._watch.error!r}")

    def _replay(self) -> None:
        self.report.dead["tasks"] = self._installation.depth(f"{TASKS}-dlq")
        if self.report.dead["tasks"]:
            self._installation.manage("redrive", "--queue", "tasks")

    def _wait_for_rest(self, what: str) -> None:
        """Wait until all queues are empty, several times in a row."""
        queues = (NOTIFICATIONS, EVENTS, TASKS)
        times_empty = 0

        def is_at_rest() -> bool:
            nonlocal times_empty
            self._installation.processes.watch()
            is_empty = self.mangler.is_empty and not any(map(self._installation.depth, queues))
            times_empty = times_empty + 1 if is_empty else 0
            return times_empty >= 3

        # Each look costs up to three requests, which the local AWS answers with the same processor.
        if not self._wait_for(f"rest after {what}", is_at_rest, REST_TIMEOUT, interval=0.3):
            depths = {queue: self._installation.depth(queue) for queue in queues}
            self.report.problems.append(f"no rest after {what}: {depths}")

    def _wait_for(
        self, what: str, condition: Callable[[], bool], timeout: float, *, interval: float = 0.1
    ) -> bool:
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                self.report.problems.append(f"waited {timeout:.0f} s for {what} in vain")
                return False
            time.sleep(interval)
        return True

    def _check(self) -> None:
        FinalCheck(self._installation, self._expectations, self.mangler, self.report).run()


def main() -> int:
    # On SIGTERM it ends as with Ctrl-C, so that its processes are stopped too.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    parser = argparse.ArgumentParser(
        description="A chaos run over filehub; exits 1 if an invariant does not hold."
    )
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--directory", type=Path, default=None, help="where the logs are kept")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    directory = options.directory or Path(tempfile.mkdtemp(prefix=f"chaos-{seed}-"))
    directory.mkdir(parents=True, exist_ok=True)
    run = ChaosRun(seed, options.minutes * 60, directory.resolve())
    print(f"{run.plan}\n  logs: {directory}", flush=True)
    report = run.run()
    print(report, flush=True)
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
