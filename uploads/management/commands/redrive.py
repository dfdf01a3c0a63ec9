from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from uploads.aws import dead_letters, sqs
from uploads.core.errors import BackendUnavailable
from uploads.operations import queue_status

#: More than any dead-letter queue should ever hold. Again goes on where it stopped.
LIMIT = 100_000


class Command(BaseCommand):
    help = "Send all dead letters back to their queue, to be processed again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--queue", choices=queue_status.KINDS, help="default: both")
        parser.add_argument("--dry-run", action="store_true", help="only count them")

    def handle(
        self, *args: Any, queue: queue_status.Kind | None, dry_run: bool, **options: Any
    ) -> None:
        problems = []
        for kind in (queue,) if queue else queue_status.KINDS:
            try:
                problems += self._redrive(queue_status.queue_name(kind), dry_run)
            except BackendUnavailable as exc:
                problems.append(f"{kind}: {exc.message} ({exc.__cause__!r})")
        if problems:
            raise CommandError("\n".join(problems))

    def _redrive(self, name: str, dry_run: bool) -> list[str]:
        """Replays the dead letters of one queue and prints what it did; returns what went wrong."""
        dlq = sqs.dead_letter_queue(name)
        if dry_run:
            depth = sqs.depth(dlq)
            self.stdout.write(f"{dlq}: {depth.total} dead letters would go back to {name}.")
            return []
        outcome = dead_letters.replay(name, limit=LIMIT)
        replayed = len(outcome.done) + len(outcome.duplicated)
        self.stdout.write(f"{dlq}: {replayed} dead letters went back to {name}.")
        problems = [f"{dlq}: {outcome.stopped}"] if outcome.stopped else []
        if outcome.failed:
            problems.append(
                f"{dlq}: SQS refused {len(outcome.failed)}; they are still here: "
                f"{', '.join(outcome.failed)}"
            )
        if outcome.duplicated:
            problems.append(
                f"{dlq}: {len(outcome.duplicated)} went back but are still here as well, which "
                f"does no harm: {', '.join(outcome.duplicated)}"
            )
        return problems
