from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from uploads.aws.cloudformation import ProvisioningError, deploy
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.operations import repair as repairs

TEMPLATE = Path(settings.BASE_DIR) / "infra" / "filehub.yaml"


class Command(BaseCommand):
    help = (
        "Create or update the bucket, queues, table and IAM policies with CloudFormation, and "
        "print the stack's outputs. If it fails, it names the resource and the reason."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--stack", default="filehub", help="name of the stack (default: filehub)"
        )

        parser.add_argument(
            "--repair",
            action="store_true",
            help="also create again what was deleted, and undo manual changes, of bucket, queues "
            "and table; prints each request as an AWS CLI command",
        )

    def handle(self, *args: Any, stack: str, repair: bool, **options: Any) -> None:
        try:
            outputs = deploy(stack, TEMPLATE.read_text())
            if repair:
                self._repair()
        except ProvisioningError as exc:
            raise CommandError(str(exc)) from exc
        except BackendUnavailable as exc:
            raise CommandError(exc.message) from exc
        for name, value in sorted(outputs.items()):
            self.stdout.write(f"{name} = {value}")
        if not conf().cors_origins:
            self.stderr.write(
                "FILEHUB_CORS_ORIGINS is empty, so browsers cannot upload. "
                "Set it to the site's origin and run provision again."
            )

    def _repair(self) -> None:
        for request in repairs.repair():
            self.stdout.write(f"repaired: {request}")
