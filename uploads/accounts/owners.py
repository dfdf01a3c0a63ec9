"""Map users to the owner strings of records and back. An owner is a user's primary key, as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError


def owner_of(user: AbstractBaseUser) -> str:
    """Return a user's owner string: the primary key, because usernames can change."""
    return str(user.pk)


def pk_of(owner: str) -> Any:
    """Map an owner string back to a primary key; None if it is not a valid one."""
    field: Any = get_user_model()._meta.pk
    try:
        pk = field.clean(owner, None)
    except (ValidationError, OverflowError):  # the record was written under an earlier user model
        return None
    return pk if str(pk) == owner else None


def usernames(owners: Iterable[str]) -> dict[str, str]:
    """Return owner -> username for the users that still exist, with one SQL query."""
    pks = [pk for owner in set(owners) if (pk := pk_of(owner)) is not None]
    users = get_user_model()._default_manager.filter(pk__in=pks)
    return {owner_of(user): user.get_username() for user in users}


def user_of_owner(owner: str) -> AbstractBaseUser | None:
    """Return the user with this owner string, or None if it no longer exists."""
    pk = pk_of(owner)
    return get_user_model()._default_manager.filter(pk=pk).first() if pk is not None else None


def find_user(username: str) -> AbstractBaseUser | None:
    """Return the user with this username, however its characters were typed; None if none has it.

    Django stores usernames in the form NFKC (`normalize_username`), while keyboards and terminals
    also produce others. A username that something else wrote in another form is found as it is.
    """
    model = get_user_model()
    if not username.isprintable():  # PostgreSQL rejects NUL characters
        return None
    for spelling in dict.fromkeys((model.normalize_username(username), username)):
        try:
            user: AbstractBaseUser = model._default_manager.get_by_natural_key(spelling)
        except model.DoesNotExist:
            continue
        return user
    return None


def owner_of_username(username: str) -> str | None:
    """Return the owner string of the user with this username, or None."""
    user = find_user(username)
    return owner_of(user) if user else None


def resolve_owner(text: str) -> str:
    """Return the owner for what an operator typed: a username, or an owner string."""
    return owner_of_username(text) or text
