from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from uploads.accounts import api_tokens
from uploads.accounts.owners import find_user
from uploads.core.errors import FilehubError
from uploads.core.names import display_name


class Command(BaseCommand):
    help = (
        "Create an API token for an active user and print it. It cannot be shown again. The admin "
        "site can create tokens too."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="the username")
        parser.add_argument("--name", default="", help="what the token is for")

    def handle(self, *args: Any, user: str, name: str, **options: Any) -> None:
        owner = find_user(user)
        if owner is None:
            raise CommandError(f"There is no user “{display_name(user)}”.")
        try:
            self.stdout.write(api_tokens.create(owner, name=name))
        except FilehubError as exc:
            raise CommandError(exc.message) from exc
