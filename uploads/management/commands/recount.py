from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from uploads.core.errors import BackendUnavailable
from uploads.core.names import display_name
from uploads.files import recount
from uploads.files.usage import Usage

#: Differences that are listed.
MAX_NAMED = 50


class Command(BaseCommand):
    help = "Compare the counters of stored files with the records. Exits 1 if they differ."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--repair",
            action="store_true",
            help="set counters that differ to the totals of the records",
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
        differences = recount.differences()
        self._print(differences)
        if differences:
            raise CommandError(f"{len(differences):,} counters differ from the records.")
        self.stdout.write("The counters agree with the records.")

    def _repair(self) -> None:
        result = recount.repair()
        self._print(result.corrected)
        self.stdout.write(f"{len(result.corrected):,} counters corrected.")
        if result.busy:
            raise CommandError(
                f"{result.busy:,} more may differ: they changed while the records were read. "
                "Run it again when there are fewer uploads."
            )

    def _print(self, differences: list[recount.Difference]) -> None:
        for item in differences[:MAX_NAMED]:
            name = display_name(item.name)
            self.stdout.write(
                f"{name}: counter {_format(item.counter)}, records {_format(item.records)}"
                f"{_subfolders(item.subfolders)}"
            )
        if len(differences) > MAX_NAMED:
            self.stdout.write(f"… and {len(differences) - MAX_NAMED:,} more")


def _subfolders(numbers: tuple[int, int] | None) -> str:
    if numbers is None:
        return ""
    counted, expected = numbers
    found = "no such folder" if counted < 0 else f"{counted:,} subfolders"
    return f"; {found}, {expected:,} expected"


def _format(usage: Usage) -> str:
    text = f"{usage.files:,} files with {usage.bytes:,} bytes"
    if usage.trashed_files or usage.trashed_bytes:
        text += f" ({usage.trashed_files:,} with {usage.trashed_bytes:,} in the trash)"
    return text
