from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from uploads.core.errors import BackendUnavailable
from uploads.core.keys import parse_upload_id
from uploads.files import upgrade
from uploads.files.upgrade import Upgraded
from uploads.management.progress import Progress


class Command(BaseCommand):
    help = (
        "Write what this version adds to the records of earlier ones: run it once after an upgrade "
        "that says so. Repeating it is harmless, and it can run beside the other processes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--after", metavar="ID", help="continue after this record, as an earlier run says"
        )
        parser.add_argument(
            "--limit", type=int, metavar="N", help="stop when about N records were written"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="count the outdated records, and change nothing"
        )

    def handle(
        self, *args: Any, after: str | None, limit: int | None, dry_run: bool, **options: Any
    ) -> None:
        if after is not None and parse_upload_id(after) is None:
            raise CommandError("--after takes the id of a record.")
        if limit is not None and limit < 1:
            raise CommandError("--limit takes a number from 1.")
        seen = Upgraded(position=after)
        try:
            with Progress(self.stderr) as bar:

                def show(state: Upgraded) -> None:
                    nonlocal seen
                    seen = state
                    bar.show(None, f"{state.read:,} records read, {state.written:,} outdated")

                seen = upgrade.upgrade(after=after, limit=limit, dry_run=dry_run, progress=show)
        except BackendUnavailable as exc:
            raise CommandError(f"{exc.message} {_resume(seen)}".strip()) from exc
        except KeyboardInterrupt:
            raise CommandError(f"Interrupted. {_resume(seen)}".strip(), returncode=130) from None
        verb = "are outdated" if dry_run else "were written"
        self.stdout.write(f"{seen.read:,} records read, {seen.written:,} {verb}. {_resume(seen)}")
        if seen.failed:
            raise CommandError(
                f"{seen.failed:,} records could not be written, mostly because they were changed "
                "meanwhile. Run it again."
            )


def _resume(seen: Upgraded) -> str:
    return f"Continue with --after {seen.position}" if seen.position else ""
