from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from uploads.accounts.audit.record import record
from uploads.accounts.audit.targets import of_user
from uploads.accounts.oidc import accounts
from uploads.accounts.oidc.id_token import is_subject
from uploads.accounts.oidc.provider import provider_of
from uploads.accounts.owners import find_user
from uploads.core.conf import conf
from uploads.core.names import display_name
from uploads.models import AuditAction


class Command(BaseCommand):
    help = (
        "Let a subject of the provider of single sign-on sign in as an existing user, who keeps "
        "all files. Without it, each new subject gets a new user."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="the username here")
        parser.add_argument("subject", help="the claim `sub` of the user at the provider")

    def handle(self, *args: Any, user: str, subject: str, **options: Any) -> None:
        owner = find_user(user)
        if owner is None:
            raise CommandError(f"There is no user “{display_name(user)}”.")
        issuer = conf().oidc_issuer
        if issuer is None:
            raise CommandError("FILEHUB_OIDC_ISSUER is not set, so there is no single sign-on.")
        if not is_subject(subject):
            raise CommandError("The subject must be 1 to 255 ASCII characters.")
        issuer = provider_of(issuer).name
        with transaction.atomic():
            before = accounts.link(owner, issuer, subject)
            what = f"{subject} of {issuer} signs in as this user"
            record(None, AuditAction.RIGHTS_CHANGED, [of_user(owner, what)])
        moved = f" It signed in as user {before.user_id} before." if before else ""
        self.stdout.write(f"{subject} of {issuer} signs in as “{display_name(user)}” now.{moved}")
