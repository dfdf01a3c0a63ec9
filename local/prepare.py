"""Prepare `make run`: AWS resources, database tables, static files and the demo user.

In one process, because Django takes about a second to start.
"""

from __future__ import annotations

import os
import sys
from io import StringIO

import django
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

#: Printed if the demo user was created, with the password DEMO_PASSWORD.
CREATED = "created"


def main() -> int:
    """Create what is missing. Returns the exit status."""
    try:
        django.setup()
        # Local CloudFormation ignores some settings, which --repair adds.
        call_command("provision", repair=True, skip_checks=False, stdout=StringIO())
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
    except (CommandError, ImproperlyConfigured) as exc:
        print(exc, file=sys.stderr)  # noqa: T201
        return 1
    if _create_demo_user():
        print(CREATED)  # noqa: T201
    return 0


def _create_demo_user() -> bool:
    """Create the demo user. Returns False if it exists."""
    users = get_user_model().objects
    if users.filter(username="demo").exists():
        return False
    users.create_superuser("demo", password=os.environ["DEMO_PASSWORD"])
    return True


if __name__ == "__main__":
    sys.exit(main())
