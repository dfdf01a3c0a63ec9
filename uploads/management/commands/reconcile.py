import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.errors import FilehubError
from uploads.ingest.decide import Finding
from uploads.ingest.reconciliation import checkpoints, reconcile
from uploads.ingest.reconciliation.checkpoints import Checkpoint, Counts
from uploads.ingest.reconciliation.inventory import objects as listed
from uploads.management.progress import Progress

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}

#: Ids that a dry run lists.
MAX_NAMED = 50

_FINDINGS: dict[Finding, str] = {
    "confirmed": "an object without a record",
    "missing": "a record without an object",
    "rejected": "an object that breaks a rule",
    "corrected": "a record of another object",
}


def duration(text: str) -> timedelta:
    """Parse a duration such as `90m`, `24h` or `7d`."""
    match = re.fullmatch(r"(\d{1,4})([mhd])", text)
    if match is None:
        raise ArgumentTypeError(f"{text!r} is not a duration such as 90m, 24h or 7d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


class Command(BaseCommand):
    help = (
        "Make records and objects agree where S3's notifications were lost, in both directions. "
        "It stops if most objects seem to be gone, or the bucket has no file of this "
        "installation. Beat runs it every five minutes, and daily for "
        "the last seven days."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--since",
            type=duration,
            metavar="24h",
            help="check what was signed within this time: 90m, 24h, 7d (default: "
            "FILEHUB_URL_EXPIRY and an hour)",
        )
        what.add_argument(
            "--all",
            action="store_true",
            help="check the whole bucket; resumes where it was interrupted",
        )
        what.add_argument(
            "--inventory",
            metavar="s3://BUCKET/PREFIX/manifest.json",
            help="check the objects of an S3 Inventory (CSV or Parquet) instead of listing them",
        )
        parser.add_argument(
            "--restart", action="store_true", help="with --all: start over instead of resuming"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would change")
        parser.add_argument(
            "--force",
            action="store_true",
            help="mark records deleted even if most objects seem to be gone, or all",
        )
        parser.add_argument(
            "--min-age",
            type=duration,
            metavar="2m",
            default=reconcile.MIN_AGE,
            help="leave younger changes alone: their event may be on its way (default: 2m)",
        )

    def handle(
        self,
        *args: Any,
        since: timedelta | None,
        all: bool,  # noqa: A002  # named as the option
        inventory: str | None,
        restart: bool,
        dry_run: bool,
        force: bool,
        min_age: timedelta,
        **options: Any,
    ) -> None:
        if restart and not all:
            raise CommandError("--restart requires --all.")
        plan = reconcile.Plan(
            "inventory" if inventory else "all" if all else "since",
            since=since if all or since is not None else reconcile.window(),
            min_age=min_age,
            resumable=all,
            dry_run=dry_run,
            force=force,
        )
        details: list[str] = []

        def on_finding(upload_id: str, finding: Finding) -> None:
            if dry_run and len(details) < MAX_NAMED:
                details.append(f"{upload_id}  {_FINDINGS[finding]}")

        try:
            if plan.resumable and not (restart or dry_run) and (at := checkpoints.load("all")):
                self.stderr.write(
                    f"Resuming the run of {at.started_at:%Y-%m-%d %H:%M} UTC "
                    f"after {at.last_id} in shard {at.shard}.",
                    style_func=str,
                )
            with Progress(self.stderr) as bar:
                if inventory:
                    result = reconcile.check_objects(
                        plan, listed(inventory), on_finding=on_finding, progress=_ProgressBar(bar)
                    )
                else:
                    result = reconcile.run(
                        plan, restart=restart, on_finding=on_finding, progress=_ProgressBar(bar)
                    )
        except FilehubError as exc:
            cause = f" ({exc.__cause__!r})" if exc.__cause__ else ""
            raise CommandError(f"{exc.message}{cause}{_advice(plan)}") from exc
        except KeyboardInterrupt:
            raise CommandError(f"Interrupted.{_advice(plan)}", returncode=130) from None
        self._print_result(result, details, dry_run=dry_run, force=force)
        if result.aborted:
            raise CommandError(
                f"{result.aborted} Check FILEHUB_BUCKET and FILEHUB_TABLE. "
                "If these objects were really deleted, run it again with --force."
            )

    def _print_result(
        self, result: reconcile.Result, details: list[str], *, dry_run: bool, force: bool
    ) -> None:
        counts = result.counts
        for line in details:
            self.stdout.write(line)
        differing = _differing(counts)
        if dry_run and differing > len(details):
            self.stdout.write(f"… and {differing - len(details):,} more")
        self.stdout.write(
            f"Checked {counts.objects:,} objects and {counts.records:,} records; "
            f"{counts.too_recent:,} differences were too recent to judge."
        )
        self.stdout.write(
            f"{'Would fix' if dry_run else 'Fixed'}: "
            f"{counts.orphaned:,} objects without a record, "
            f"{counts.missing:,} records without an object, "
            f"{counts.rejected:,} objects that break a rule, "
            f"{counts.corrected:,} records of another object."
        )
        if dry_run and not force:
            self._print_warning(result)
        if counts.failed:
            raise CommandError(
                f"{counts.failed:,} could not be checked; see the log for the reasons. "
                "Run it again once the cause is fixed."
            )

    def _print_warning(self, result: reconcile.Result) -> None:
        """Say whether the run would have been aborted if it were not a dry one."""
        counts = result.counts
        if result.is_wrong_bucket:
            self.stdout.write(
                f"The bucket {conf().bucket} has no file of this installation; without --force it "
                "would change nothing."
            )
        elif not reconcile.is_plausible(counts.missing, counts.records):
            self.stdout.write(
                "So many records without an object are implausible; without --force it would stop."
            )


def _differing(counts: Counts) -> int:
    return counts.orphaned + counts.missing + counts.rejected + counts.corrected


def _advice(plan: reconcile.Plan) -> str:
    """What to do after a run that did not finish."""
    if plan.dry_run:
        return ""
    again = "resume" if plan.resumable else "start over"
    return f" What was fixed stays fixed. Run it again to {again}."


class _ProgressBar:
    """Shows the progress of a run. Within a shard, ids are sorted from the oldest to now."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._shard = ""
        self._oldest = datetime.now(UTC)

    def __call__(self, checkpoint: Checkpoint) -> None:
        position = keys.created_at(checkpoint.last_id)
        if checkpoint.shard != self._shard:
            self._shard, self._oldest = checkpoint.shard, position
        fraction = None
        if checkpoint.shard:
            age = datetime.now(UTC) - self._oldest
            inside = (position - self._oldest) / age if age else 0
            fraction = (keys.SHARDS.index(checkpoint.shard) + inside) / len(keys.SHARDS)
        counts = checkpoint.counts
        self._bar.show(fraction, f"{counts.examined:,} checked, {_differing(counts):,} differ")
