from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from uploads.core.errors import BackendUnavailable
from uploads.files import recount
from uploads.files.usage import Usage

#: Differences that are named.
MAX_NAMED = 50


class Command(BaseCommand):
    help = (
        "Add files that are in no counter yet to the counters of what is stored; with options, "
        "compare the counters with the records, or repair them. May run beside uploads."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--repair",
            action="store_true",
            help="also set counters that differ to the sum of the records",
        )
        what.add_argument(
            "--check",
            action="store_true",
            help="change nothing; compare the counters with all records, exit with 1 if any differ",
        )

    def handle(self, *args: Any, check: bool, repair: bool, **options: Any) -> None:
        try:
            if check:
                self._check()
            else:
                self._recount()
            if repair:
                self._repair()
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
        self._name(found)
        if found:
            raise CommandError(f"{len(found):,} counters differ from the records.")
        self.stdout.write("The counters agree with the records.")

    def _repair(self) -> None:
        found = recount.repair()
        self._name(found.corrected)
        self.stdout.write(
            f"{len(found.corrected):,} counters were set to what the records come to."
        )
        if found.busy:
            raise CommandError(
                f"{found.busy:,} more may differ: they changed while the records were read. "
                "Run it again when less is uploaded."
            )

    def _name(self, found: list[recount.Difference]) -> None:
        for each in found[:MAX_NAMED]:
            self.stdout.write(
                f"{each.name}: the counter says {_say(each.counter)}, "
                f"the records come to {_say(each.records)}"
            )
        if len(found) > MAX_NAMED:
            self.stdout.write(f"… and {len(found) - MAX_NAMED:,} more")


def _say(usage: Usage) -> str:
    return f"{usage.files:,} files of {usage.bytes:,} bytes"
