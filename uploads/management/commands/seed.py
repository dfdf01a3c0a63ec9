import random
import time
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from uploads.accounts.owners import owner_of
from uploads.core.errors import FilehubError
from uploads.management import fake_data


def positive(text: str) -> int:
    """Parse a whole number above zero."""
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return int(text)


class Command(BaseCommand):
    help = (
        "Write fake records without objects, for tests and benchmarks. Works on a local AWS only."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("count", type=positive, help="number of records")
        parser.add_argument(
            "--owners",
            type=positive,
            default=10,
            help="how many owners: existing users first, then invented ones (default: 10)",
        )
        parser.add_argument(
            "--days",
            type=positive,
            default=30,
            help="how many days they are spread over (default: 30)",
        )
        parser.add_argument(
            "--seed",
            type=int,
            default=None,
            help="random seed: the same number writes the same records",
        )

    def handle(
        self, *args: Any, count: int, owners: int, days: int, seed: int | None, **options: Any
    ) -> None:
        users = get_user_model()._default_manager.order_by("pk")[:owners]
        began = time.monotonic()
        try:
            seeded = fake_data.seed(
                count,
                owners=fake_data.fake_owners(owners, map(owner_of, users)),
                days=days,
                rng=random.Random(seed),
            )
        except FilehubError as exc:
            cause = f" ({exc.__cause__!r})" if exc.__cause__ else ""
            raise CommandError(f"{exc.message}{cause}") from exc
        self.stdout.write(
            f"{seeded.stored:,} stored, {seeded.trashed:,} trashed, {seeded.rejected:,} rejected "
            f"and {seeded.deleted:,} deleted records written in {time.monotonic() - began:.1f} s."
        )
