from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from uploads.accounts.audit.record import Target, check_writable, record
from uploads.aws import sqs
from uploads.core.errors import BackendUnavailable
from uploads.core.names import display_name
from uploads.models import AuditAction
from uploads.operations import queue_status, replay

#: More than any dead-letter queue should ever hold. Another run handles the rest.
LIMIT = 100_000


class Command(BaseCommand):
    help = (
        "Send all dead letters back to the queue that they came from, to be processed again, and "
        "print how many. Exits with 1 if some could not be sent back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--queue", choices=queue_status.KINDS, help="only this queue's (default: both)"
        )
        parser.add_argument("--dry-run", action="store_true", help="only count the dead letters")

    def handle(
        self, *args: Any, queue: queue_status.Kind | None, dry_run: bool, **options: Any
    ) -> None:
        problems = []
        for kind in (queue,) if queue else queue_status.KINDS:
            try:
                problems += self._redrive(kind, dry_run)
            except DatabaseError as exc:
                problems.append(f"{kind}: this cannot be recorded in the audit log: {exc!r}")
            except BackendUnavailable as exc:
                problems.append(f"{kind}: {exc.message} ({exc.__cause__!r})")
        if problems:
            raise CommandError("\n".join(map(display_name, problems)))

    def _redrive(self, kind: queue_status.Kind, dry_run: bool) -> list[str]:
        """Replay the dead letters of a kind and print the result. Returns the problems."""
        dlq = sqs.dead_letter_queue(queue_status.queue_name(kind))
        if dry_run:
            depth = sqs.depth(dlq)
            self.stdout.write(f"{dlq}: would move {depth.total} dead letters back.")
            return []
        check_writable()
        outcome = replay.replay(kind, limit=LIMIT)
        replayed = len(outcome.done) + len(outcome.duplicated)
        if replayed:
            detail = f"Replayed {replayed} dead letters"
            record(None, AuditAction.DEAD_LETTERS_REPLAYED, [Target("queue", dlq, dlq, detail)])
        self.stdout.write(f"{dlq}: moved {replayed} dead letters back.")
        problems = [f"{dlq}: {outcome.stopped}"] if outcome.stopped else []
        if outcome.failed:
            problems.append(
                f"{dlq}: SQS refused {len(outcome.failed)}, which remain in {dlq}: "
                f"{', '.join(outcome.failed)}"
            )
        if outcome.duplicated:
            problems.append(
                f"{dlq}: {len(outcome.duplicated)} were sent back but not deleted from {dlq}, "
                f"which is harmless: {', '.join(outcome.duplicated)}"
            )
        return problems
