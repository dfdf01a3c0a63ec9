from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from uploads import recount
from uploads.exceptions import BackendUnavailable
from uploads.usage import Usage

#: Differences that are named.
MAX_NAMED = 50


class Command(BaseCommand):
    help = "Take files that an earlier version stored into the counters, or check the counters."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="change nothing; compare the counters with all records, exit 1 if they differ",
        )

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        try:
            if check:
                self._check()
            else:
                self._recount()
        except BackendUnavailable as exc:
            raise CommandError(f"{exc.message} ({exc.__cause__!r})") from exc

    def _recount(self) -> None:
        found = recount.recount()
        self.stdout.write(f"{found.taken:,} files were taken into the counters.")
        if found.failed:
            raise CommandError(
                f"{found.failed:,} could not be; the log says why. Run it again to take them in."
            )

    def _check(self) -> None:
        found = recount.differences()
        for difference in found[:MAX_NAMED]:
            self.stdout.write(
                f"{difference.name}: the counter says {_say(difference.counter)}, "
                f"the records come to {_say(difference.records)}"
            )
        if len(found) > MAX_NAMED:
            self.stdout.write(f"… and {len(found) - MAX_NAMED:,} more")
        if found:
            raise CommandError(f"{len(found):,} counters differ from the records.")
        self.stdout.write("The counters agree with the records.")


def _say(usage: Usage) -> str:
    return f"{usage.files:,} files of {usage.bytes:,} bytes"
