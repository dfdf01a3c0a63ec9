"""The option `--owner` of commands that create files."""

from __future__ import annotations

from django.core.management.base import CommandError

from uploads.accounts import owners
from uploads.core.names import display_name


def owner_named(username: str) -> str:
    """The owner string of the active user with this username. Raises CommandError."""
    user = owners.find_user(username)
    if user is None or not user.is_active:
        raise CommandError(f"There is no active user “{display_name(username)}”.")
    return owners.owner_of(user)
