"""Map users to the owner strings of records, and back: a user's primary key, as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError


def owner_of(user: AbstractBaseUser) -> str:
    """How a record names its owner: the primary key, for a username may change."""
    return str(user.pk)


def pk_of(owner: str) -> Any:
    """The primary key that records write so; None for what no user can have."""
    field: Any = get_user_model()._meta.pk
    try:
        pk = field.clean(owner, None)
    except (ValidationError, OverflowError):  # an owner from before another user model was chosen
        return None
    return pk if str(pk) == owner else None


def usernames(owners: Iterable[str]) -> dict[str, str]:
    """Owner -> username for those who still exist, in one SQL query."""
    wanted = [pk for owner in set(owners) if (pk := pk_of(owner)) is not None]
    users = get_user_model()._default_manager.filter(pk__in=wanted)
    return {owner_of(user): user.get_username() for user in users}


def user_of_owner(owner: str) -> AbstractBaseUser | None:
    """The user whom records name so, if there still is one."""
    pk = pk_of(owner)
    return get_user_model()._default_manager.filter(pk=pk).first() if pk is not None else None


def owner_of_username(username: str) -> str | None:
    """How records name the user with this name; None when there is none."""
    model = get_user_model()
    if not username.isprintable():  # PostgreSQL would not even be asked for a NUL
        return None
    try:
        return owner_of(model._default_manager.get_by_natural_key(username))
    except model.DoesNotExist:
        return None


def owner_named(text: str) -> str:
    """What an operator means by a name: a user, or an owner whose user is gone."""
    return owner_of_username(text) or text
