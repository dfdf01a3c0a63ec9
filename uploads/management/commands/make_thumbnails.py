from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from uploads.core.conf import conf
from uploads.core.errors import FilehubError
from uploads.core.keys import SHARDS
from uploads.management.commands.reconcile import duration
from uploads.management.progress import Progress
from uploads.thumbnails import rebuild
from uploads.thumbnails.rebuild import Plan, Position, Result


class Command(BaseCommand):
    help = (
        "Make the thumbnails of stored images and PDFs that have none, and delete thumbnails "
        "without a file. Workers make those of new files."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--missing",
            action="store_true",
            help="only of files that have none and were never tried (the default)",
        )
        what.add_argument(
            "--all",
            action="store_true",
            help="of all images and PDFs, again; resumes where it was interrupted",
        )
        parser.add_argument(
            "--since",
            type=duration,
            metavar="24h",
            help="only of files that were signed within this time: 90m, 24h, 7d",
        )
        parser.add_argument(
            "--restart", action="store_true", help="with --all: start over instead of resuming"
        )

    def handle(
        self,
        *args: Any,
        all: bool,  # noqa: A002  # named as the option
        since: timedelta | None,
        restart: bool,
        **options: Any,
    ) -> None:
        if restart and (not all or since is not None):
            raise CommandError("--restart requires --all, without --since.")
        if not conf().makes_thumbnails:
            raise CommandError("FILEHUB_THUMBNAILS is off.")
        plan = Plan(again=all, since=since, restart=restart)
        try:
            self._say_where_it_resumes(plan)
            with Progress(self.stderr) as bar:
                result = rebuild.run(plan, _ProgressBar(bar))
        except FilehubError as exc:
            cause = f" ({exc.__cause__!r})" if exc.__cause__ else ""
            raise CommandError(f"{exc.message}{cause} {_advice(plan)}") from exc
        except KeyboardInterrupt:
            raise CommandError(f"Interrupted. {_advice(plan)}", returncode=130) from None
        self._print_result(result)

    def _say_where_it_resumes(self, plan: Plan) -> None:
        if not plan.is_resumable or plan.restart:
            return
        if position := rebuild.interrupted():
            self.stderr.write(
                f"Resuming after {position.last_id} in shard {position.shard}.", style_func=str
            )

    def _print_result(self, result: Result) -> None:
        made = _count(result.made, "thumbnail was", "thumbnails were")
        deleted = _count(result.deleted, "without a file was", "without a file were")
        none = _count(result.none, "file", "files")
        self.stdout.write(f"{made} made, and {deleted} deleted. {none} cannot have one.")
        if result.failed:
            raise CommandError(
                f"{result.failed:,} failed; see the log for the reasons. "
                "Run it again once the cause is fixed."
            )


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _advice(plan: Plan) -> str:
    if plan.restart:
        how = "without --restart to resume"
    else:
        how = "to start over" if plan.again and plan.since else "to resume"
    return f"What was made stays. Run it again {how}."


class _ProgressBar:
    """Shows the shard, of which each has about a sixteenth of the files."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar

    def __call__(self, position: Position, result: Result) -> None:
        fraction = SHARDS.index(position.shard) / len(SHARDS)
        failed = f", {result.failed:,} failed" if result.failed else ""
        self._bar.show(fraction, f"{result.made:,} made{failed}")
