"""What `make run` does before its processes start: AWS resources, tables, static files, a user.

In one process: four times manage.py would be four times the second that Django takes to begin.
"""

from __future__ import annotations

import os
import sys
from io import StringIO

import django
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

#: What is printed if the demo user was made now, with DEMO_PASSWORD.
MADE = "made"


def main() -> int:
    """Prepare what is missing; returns the exit status."""
    try:
        django.setup()
        call_command("provision", skip_checks=False, stdout=StringIO())
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
    except (CommandError, ImproperlyConfigured) as exc:
        print(exc, file=sys.stderr)  # noqa: T201
        return 1
    if _make_demo_user():
        print(MADE)  # noqa: T201
    return 0


def _make_demo_user() -> bool:
    """False if there is one already."""
    users = get_user_model().objects
    if users.filter(username="demo").exists():
        return False
    users.create_superuser("demo", password=os.environ["DEMO_PASSWORD"])
    return True


if __name__ == "__main__":
    sys.exit(main())
