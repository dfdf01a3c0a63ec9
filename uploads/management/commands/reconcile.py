import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from uploads import reconcile
from uploads.exceptions import BackendUnavailable

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> timedelta:
    """`90m`, `24h`, `7d`."""
    match = re.fullmatch(r"(\d{1,4})([mhd])", text)
    if match is None:
        raise ArgumentTypeError(f"{text!r} is not a duration such as 90m, 24h or 7d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


class Command(BaseCommand):
    help = "Confirm recent objects that have no record because their event was lost."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since", type=duration, metavar="24h", help="default: URL expiry + 1 h"
        )

    def handle(self, *args: Any, since: timedelta | None, **options: Any) -> None:
        try:
            healed = reconcile.reconcile_recent(since)
        except BackendUnavailable as exc:
            raise CommandError(f"{exc.message} ({exc.__cause__!r})") from exc
        self.stdout.write(f"{healed} objects had no record and were confirmed.")
