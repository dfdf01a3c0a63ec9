from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from uploads.accounts import api_tokens
from uploads.accounts.audit.record import record
from uploads.accounts.audit.targets import of_token
from uploads.accounts.owners import find_user
from uploads.core.errors import FilehubError
from uploads.core.names import display_name
from uploads.models import ApiToken, AuditAction, Scope


class Command(BaseCommand):
    help = (
        "Create an API token for an active user and print it. It cannot be shown again. Users can "
        "create their own on the account page, and the admin site can create tokens too."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="the username")
        parser.add_argument("--name", default="", help="what the token is for")
        parser.add_argument(
            "--scopes",
            default=",".join(Scope.values),
            help="what the token permits, separated by commas: upload, read, delete; default: all",
        )
        parser.add_argument(
            "--expires",
            type=_date,
            metavar="DATE",
            help="the last day (UTC) on which it works, such as 2027-01-31; default: no expiry",
        )

    def handle(
        self, *args: Any, user: str, name: str, scopes: str, expires: date | None, **options: Any
    ) -> None:
        owner = find_user(user)
        if owner is None:
            raise CommandError(f"There is no user “{display_name(user)}”.")
        try:
            with transaction.atomic():
                issued = api_tokens.issue(
                    owner, name=name, scopes=api_tokens.parse_scopes(scopes), expires_on=expires
                )
                token = ApiToken.objects.select_related("user").get(pk=issued.id)
                record(None, AuditAction.TOKEN_CREATED, [of_token(token)])
        except FilehubError as exc:
            raise CommandError(exc.message) from exc
        self.stdout.write(issued.secret)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(
            f"“{display_name(text)}” is not a date such as 2027-01-31"
        ) from None
