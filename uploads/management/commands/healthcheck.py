from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from uploads.worker import heartbeat


class Command(BaseCommand):
    help = (
        "Exit with 1 unless the consumer, worker or beat of this machine has worked recently. For "
        "the health checks of ECS, Kubernetes and systemd."
    )
    # Run every few seconds: it looks at one file and nothing else.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("process", choices=heartbeat.PROCESSES, help="the process to check")
        parser.add_argument(
            "--max-age",
            type=float,
            default=heartbeat.MAX_AGE,
            metavar="SECONDS",
            help="how long ago its last heartbeat may be (default: %(default).0f)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        process = options["process"]
        age = heartbeat.age(process)
        if age is None:
            raise CommandError(f"The {process} has sent no heartbeat yet.")
        text = f"The last heartbeat of the {process} is {age:.0f} s old."
        if age > options["max_age"]:
            raise CommandError(text)
        self.stdout.write(text)
