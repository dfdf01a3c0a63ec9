import json
import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from uploads.core.names import display_name
from uploads.operations import doctor
from uploads.operations.doctor.expected import REPAIR


def seconds(text: str) -> float:
    """Parse a number of seconds, above 0 and at most 3600."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value <= 3600:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds between 0 and 3600")
    return value


@contextmanager
def handled_by(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on the first SIGINT or SIGTERM; a second one interrupts at once.

    A signal that is ignored, as SIGINT is in a background job, stays ignored.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    handled = {n: old for n, old in before.items() if old not in {None, signal.SIG_IGN}}

    def restore() -> None:
        for number, handler in handled.items():
            signal.signal(number, handler)

    def on_signal(*_: object) -> None:
        restore()
        stop()

    for number in handled:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        restore()


class Command(BaseCommand):
    help = (
        "Check the configuration, then run a test file through the whole pipeline, from the upload "
        "to the deletion. Prints a line for each check, with how to fix what is wrong, and exits "
        "with 1 if a check fails."
    )
    # doctor runs the system checks itself.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--timeout", type=seconds, default=60, metavar="SECONDS",
            help="how long the test file may take to be recorded, and again to be removed "
            "(default: 60)",
        )  # fmt: skip
        parser.add_argument("--no-upload", action="store_true", help="send no test file")
        parser.add_argument(
            "--json", action="store_true", help="print all findings as one JSON array"
        )

    def handle(self, *args: Any, timeout: float, no_upload: bool, **options: Any) -> None:
        # Until the test file is sent, SIGTERM and SIGINT stop the command at once. From then on,
        # `handled_by` takes over: the first signal ends the round trip early, which still removes
        # the test file, and only a second one stops the command at once.
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            findings = self._examine(timeout, no_upload, as_json=options["json"])
        except KeyboardInterrupt:
            self.stderr.write("Stopped.")
            sys.exit(130)
        finally:
            signal.signal(signal.SIGTERM, before)
        failed = sum(finding.level == "FAIL" for finding in findings)
        repairable = any(finding.calls for finding in findings)
        if repairable:
            self.stderr.write(f"{REPAIR} fixes what an AWS command above would fix.")
        if failed:
            raise CommandError(f"{failed} of {len(findings)} checks failed.")

    def _examine(self, timeout: float, no_upload: bool, *, as_json: bool) -> list[doctor.Finding]:
        findings = []
        for finding in doctor.examine():
            findings.append(finding)
            self._show(finding, as_json)
        if not no_upload:
            self.stderr.write(f"Uploading a test file, which takes up to {2 * timeout:g} s …")
            self.stderr.flush()
            trip = doctor.RoundTrip(timeout)
            with handled_by(trip.stop):
                results = trip.run()
            for finding in results:
                findings.append(finding)
                self._show(finding, as_json)
        if as_json:
            self.stdout.write(json.dumps([_as_json(finding) for finding in findings], indent=1))
        return findings

    def _show(self, finding: doctor.Finding, as_json: bool) -> None:
        if not as_json:
            style = {"FAIL": self.style.ERROR, "warn": self.style.WARNING}.get(finding.level, str)
            self.stdout.write(style(display_name(str(finding))))
            self.stdout.flush()


def _as_json(finding: doctor.Finding) -> dict[str, str]:
    """The fields of a finding. The fix is kept as `mend` for compatibility."""
    return {
        "level": finding.level,
        "subject": finding.subject,
        "text": finding.text,
        "mend": finding.fix,
    }
