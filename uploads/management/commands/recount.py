from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from uploads.core.errors import BackendUnavailable
from uploads.files import recount
from uploads.files.usage import Usage

#: Differences that are named.
MAX_NAMED = 50


class Command(BaseCommand):
    help = "Compare the counters of stored files with all records; exit 1 if they differ."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--repair",
            action="store_true",
            help="set counters that differ from the records to what these come to",
        )
        what.add_argument(
            "--check",
            action="store_true",
            help="change nothing (the default)",
        )

    def handle(self, *args: Any, repair: bool, **options: Any) -> None:
        try:
            if repair:
                self._repair()
            else:
                self._check()
        except BackendUnavailable as exc:
            raise CommandError(f"{exc.message} ({exc.__cause__!r})") from exc

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
