import re
from argparse import ArgumentParser, ArgumentTypeError
from collections import Counter
from collections.abc import Iterable
from threading import Lock
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from uploads.core.conf import conf
from uploads.core.errors import FilehubError
from uploads.core.folders import check_folder
from uploads.core.keys import OWN_PREFIXES
from uploads.core.names import display_name
from uploads.core.texts import describe, file_size
from uploads.files import quotas
from uploads.files.queries import UploadStatus
from uploads.management.owner_option import owner_named
from uploads.management.progress import Progress
from uploads.operations.adoption import adopt
from uploads.operations.adoption.adopt import Outcome
from uploads.operations.adoption.confirmations import Confirmations

Location = tuple[str, str]

#: What the report calls a state, if it is not called the same.
_STATES = {
    "copied": "pending",
    "waiting": "pending",
    "planned": "would copy",
    "present": "adopted before",
}
#: The states of files that were not adopted.
_FAILURES = ("refused", "failed", "rejected", "deleted")


def location(text: str) -> Location:
    """Parse `s3://BUCKET/PREFIX`. A prefix is a directory: `images` does not cover `images2/`."""
    # No URL: a key may have a “?” or a “#”.
    match = re.fullmatch(r"s3://([^/]+)(?:/(.*))?", text, re.DOTALL)
    if match is None:
        raise ArgumentTypeError(f"“{display_name(text)}” is not of the form s3://BUCKET/PREFIX")
    prefix = match[2] or ""
    return match[1], f"{prefix}/" if prefix and not prefix.endswith("/") else prefix


class Command(BaseCommand):
    help = (
        "Copy objects that are in S3 already into filehub, as files of a user: on the server side, "
        "with their types, and with their directories as folders. It waits until the copies are "
        "stored, and exits with 1 if an object was not adopted. Repeating it copies only what is "
        "missing. The originals stay as they are."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "source",
            type=location,
            metavar="s3://BUCKET/PREFIX",
            help="the directory whose objects are copied, with all that are in it",
        )
        parser.add_argument(
            "--owner", required=True, metavar="USER", help="the owner of the new files"
        )
        parser.add_argument(
            "--folder",
            default="",
            metavar="PATH",
            help="the folder for the files and their folders (default: the root)",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="copy nothing; list what would be copied, and what would not and why",
        )
        parser.add_argument(
            "--timeout",
            type=int,
            default=120,
            metavar="SECONDS",
            help="how long to wait at the end until another copy is stored (default: 120)",
        )

    def handle(
        self, *args: Any, source: Location, owner: str, folder: str, dry_run: bool, timeout: int,
        **options: Any,
    ) -> None:  # fmt: skip
        self._counts: Counter[str] = Counter()
        self._copied = 0
        self._lock = Lock()
        bucket, prefix = source
        if bucket == conf().bucket and prefix.startswith(OWN_PREFIXES):
            raise CommandError(f"What is in s3://{bucket}/{prefix} belongs to filehub already.")
        user = owner_named(owner)
        try:
            with Progress(self.stderr) as self._bar:
                plan = adopt.Plan(
                    owner=user,
                    bucket=bucket,
                    prefix=prefix,
                    folder=check_folder(folder),
                    quota=quotas.limit_of_owner(user),
                    dry_run=dry_run,
                    progress=self._add_bytes,
                )
                self._run(plan, timeout)
        except FilehubError as exc:
            cause = f" ({exc.__cause__!r})" if exc.__cause__ else ""
            raise CommandError(display_name(f"{exc.message}{cause}{_advice(dry_run)}")) from exc
        except KeyboardInterrupt:
            raise CommandError(f"Interrupted.{_advice(dry_run)}", returncode=130) from None
        self._summarize(plan, timeout)

    def _run(self, plan: adopt.Plan, timeout: int) -> None:
        confirmations = Confirmations(plan.owner)
        try:
            for outcomes in adopt.adopt(plan):
                confirmations.add(outcomes)
                self._print(outcomes)
                self._print_recorded(confirmations.oldest())
            for recorded in confirmations.wait(timeout):
                self._print_recorded(recorded)
        finally:
            for outcome in confirmations.pending():
                self._print_line(outcome, _STATES[outcome.state])

    def _print(self, outcomes: Iterable[Outcome]) -> None:
        """Print what is certain already. Copies follow when they are recorded."""
        for outcome in outcomes:
            if outcome.state == "planned":
                self._add_bytes(outcome.source.size)
            if outcome.state == "present":
                # Without a line each: a second run would print everything again.
                self._counts[_STATES["present"]] += 1
            elif outcome.state not in {"copied", "waiting"}:
                self._print_line(outcome, _STATES.get(outcome.state, outcome.state))

    def _print_recorded(self, recorded: Iterable[tuple[Outcome, UploadStatus]]) -> None:
        for outcome, status in recorded:
            self._print_line(outcome, status.state, describe(status.reason))

    def _print_line(self, outcome: Outcome, state: str, reason: str = "") -> None:
        """Print id, state, key, place and reason of one object."""
        self._counts[state] += 1
        place = outcome.placement
        fields = [outcome.upload_id or "-" * 36, f"{state:10}", outcome.source.key]
        if place is not None:
            fields += [f"→ {place.path}", *place.changes]
        line = "  ".join(filter(None, [*fields, outcome.reason, reason]))
        self.stdout.write(display_name(line))

    def _add_bytes(self, count: int) -> None:
        """Show that so many bytes more were copied. Called by several threads."""
        with self._lock:
            self._copied += count
            done = sum(self._counts.values())
            self._bar.show(None, f"{done:,} objects, {file_size(self._copied)}")

    def _summarize(self, plan: adopt.Plan, timeout: int) -> None:
        counts, total = self._counts, sum(self._counts.values())
        if not total:
            raise CommandError(f"There are no objects in s3://{plan.bucket}/{plan.prefix}.")
        verb = "would be copied" if plan.dry_run else "copied"
        parts = [f"{count:,} {state}" for state, count in sorted(counts.items())]
        self.stdout.write(
            f"{total:,} objects, {file_size(self._copied)} {verb}: {', '.join(parts)}."
        )
        if failed := sum(counts[state] for state in _FAILURES):
            were = "would not be" if plan.dry_run else "were not"
            raise CommandError(f"{failed:,} of {total:,} objects {were} adopted.")
        if counts["pending"]:
            raise CommandError(
                f"{counts['pending']:,} copies were not recorded within {timeout} s. Check that "
                "the consumer and the worker are running, and run the command again. If their "
                "events are lost, “reconcile --all” records them."
            )


def _advice(dry_run: bool) -> str:
    return "" if dry_run else " What was copied stays. Run the command again to continue."
