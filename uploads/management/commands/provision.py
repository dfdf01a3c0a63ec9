from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from uploads.aws.cloudformation import Choices, ProvisioningError, deploy
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.core.names import display_name
from uploads.management.commands.reconcile import duration
from uploads.operations import repair as repairs

_PACKAGE = Path(__file__).resolve().parents[2]
#: In the installed package, or else in the checkout.
TEMPLATE = next(
    (path for path in [_PACKAGE / "infra" / "filehub.yaml"] if path.is_file()),
    _PACKAGE.parent / "infra" / "filehub.yaml",
)


def pair(text: str) -> tuple[str, str]:
    """Parse KEY=VALUE."""
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise ArgumentTypeError(f"{text!r} is not of the form KEY=VALUE")
    return key, value


class Command(BaseCommand):
    help = (
        "Create or update the bucket, queues, table, alarms and IAM policies with CloudFormation, "
        "and print the stack's outputs. If it fails, it names the resource and the reason."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--stack", help="name of the stack (default: FILEHUB_PREFIX)")
        parser.add_argument(
            "--parameter", type=pair, action="append", default=[], metavar="KEY=VALUE",
            help="a parameter of infra/filehub.yaml; later runs keep its value",
        )  # fmt: skip
        parser.add_argument(
            "--tag", type=pair, action="append", default=[], metavar="KEY=VALUE",
            help="a tag of everything in the stack; later runs keep it",
        )  # fmt: skip
        parser.add_argument(
            "--existing-table",
            action="store_true",
            help="use the table FILEHUB_TABLE, which exists already; later runs do so too",
        )
        parser.add_argument(
            "--replace",
            action="store_true",
            help="make new, empty resources in place of those whose names have changed",
        )
        parser.add_argument(
            "--repair",
            action="store_true",
            help="also create again what was deleted, and undo manual changes, of bucket, queues "
            "and table; prints each request as an AWS CLI command",
        )
        parser.add_argument(
            "--timeout", type=duration, metavar="DURATION",
            help="with --repair: how long to wait for the indexes of the table, such as 30m "
            "(default: as long as DynamoDB needs); run it again to wait on",
        )  # fmt: skip

    def handle(self, *args: Any, stack: str | None, repair: bool, **options: Any) -> None:
        parameters = dict(options["parameter"])
        if options["existing_table"]:
            parameters["ExistingTable"] = "true"
        choices = Choices(parameters, dict(options["tag"]), options["replace"])
        try:
            outputs = deploy(stack or conf().prefix, TEMPLATE.read_text(), choices)
            if repair:
                self._repair(options["timeout"])
        except ProvisioningError as exc:
            raise CommandError(display_name(str(exc))) from exc
        except BackendUnavailable as exc:
            raise CommandError(exc.message) from exc
        for name, value in sorted(outputs.items()):
            self.stdout.write(display_name(f"{name} = {value}"))
        if not conf().cors_origins:
            self.stderr.write(
                "FILEHUB_CORS_ORIGINS is empty, so browsers cannot upload. "
                "Set it to the site's origin and run provision again."
            )

    def _repair(self, timeout: timedelta | None) -> None:
        for request in repairs.repair(timeout=timeout, on_wait=self._write_progress):
            self.stdout.write(display_name(f"repaired: {request}"))
            self.stdout.flush()

    def _write_progress(self, line: str) -> None:
        self.stderr.write(display_name(f"waiting for DynamoDB: {line}"))
