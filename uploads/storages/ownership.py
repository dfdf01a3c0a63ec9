"""Whose files a storage saves and lists. A storage knows no request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import cast
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from uploads.accounts.owners import owner_of, pk_of

#: A user, or the primary key of one.
Owner = AbstractBaseUser | str | int | UUID
#: A function that returns the owner, or None if it knows none; or the dotted path of one.
GetOwner = str | Callable[[], Owner | None]

_owner: ContextVar[str | None] = ContextVar("filehub_storage_owner", default=None)


@contextmanager
def as_owner(user: Owner) -> Iterator[None]:
    """Save and list files as those of this user, in this thread or asynchronous task only.

    Takes precedence over the options of the storage. Raises ImproperlyConfigured if there is no
    such primary key, such as that of an anonymous user.
    """
    token = _owner.set(_owner_string(user))
    try:
        yield
    finally:
        _owner.reset(token)


def _owner_string(user: object) -> str:
    # Also a lazy `request.user`.
    owner = owner_of(user) if isinstance(user, AbstractBaseUser) else str(user)
    is_key = isinstance(user, AbstractBaseUser | str | int | UUID)
    if not is_key or pk_of(owner) is None:
        raise ImproperlyConfigured(
            f"FilehubStorage: {owner!r} is neither a saved user nor the primary key of one."
        )
    return owner


def current_owner(fixed: Owner | None, get_owner: GetOwner | None) -> str | None:
    """The owner string of the context, or else of these options of a storage; None without any.

    Raises ImproperlyConfigured.
    """
    if (owner := _owner.get()) is not None:
        return owner
    if isinstance(get_owner, str):
        get_owner = cast("Callable[[], Owner | None]", import_string(get_owner))
    found = get_owner() if get_owner is not None else None
    found = fixed if found is None else found
    return None if found is None else _owner_string(found)
