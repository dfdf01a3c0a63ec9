"""API tokens: finding and making them, and noting that they are used."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import DatabaseError, connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from uploads.core import policy
from uploads.core.errors import InvalidRequest, NotAllowed
from uploads.models import ApiToken

logger = logging.getLogger(__name__)

#: How fine the time of a token's last use is. It spares a write on every request.
USE_PRECISION = timedelta(minutes=5)
#: How long noting a use waits for a locked SQLite.
NOTE_PATIENCE_MS = 250


@dataclass(frozen=True)
class IssuedToken:
    """A new API token: its row's id, and the token itself, which is kept out of logs."""

    id: int
    secret: str = field(repr=False)


def find(secret: str) -> ApiToken | None:
    """The API token that this is, with its user, if that user is active."""
    return (
        ApiToken.objects.select_related("user__quota")
        .filter(digest=ApiToken.digest_of(secret), user__is_active=True)
        .first()
    )


def holders_for(maker: AbstractBaseUser | AnonymousUser) -> QuerySet[Any]:
    """The users for whom somebody may make API tokens.

    Whoever has a token is its user to the API. So superusers may make tokens for everybody who is
    active, and everybody else for themselves alone: nobody becomes somebody mightier.
    """
    active = get_user_model()._default_manager.filter(is_active=True)
    if getattr(maker, "is_superuser", False):
        return active
    return active.filter(pk__in=[maker.pk])


def issue(
    user: AbstractBaseUser, *, name: str = "", by: AbstractBaseUser | AnonymousUser | None = None
) -> IssuedToken:
    """Make an API token. `name` says what it is for; `by` is who asks, None for the command line.

    Raises NotAllowed if that one may not make tokens for this user, and InvalidRequest for an
    inactive user or an unusable name.
    """
    if by is not None and not holders_for(by).filter(pk=user.pk).exists():
        raise NotAllowed("You may make API tokens only for yourself.")
    if not user.is_active:
        raise InvalidRequest(f"“{user}” is not active: an API token would not work.")
    secret = ApiToken.new_secret()
    token = ApiToken.objects.create(
        user_id=user.pk, name=policy.check_token_name(name), digest=ApiToken.digest_of(secret)
    )
    return IssuedToken(token.pk, secret)


def create(user: AbstractBaseUser, *, name: str = "") -> str:
    """Make an API token for a user and return it: the only time that it can be seen."""
    return issue(user, name=name).secret


def note_use(token: ApiToken) -> None:
    """Remember that a token was used, to within USE_PRECISION.

    It is a note for people: a database that is busy just then is logged, and nothing else.
    """
    now = timezone.now()
    due = now - USE_PRECISION
    if token.last_used_at is not None and token.last_used_at > due:
        return
    # Of several requests at the same time, one writes.
    stale = Q(last_used_at=None) | Q(last_used_at__lte=due)
    try:
        with _short_busy_timeout():
            ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
    except DatabaseError as exc:
        logger.warning("the use of %s was not noted: %r", token, exc)


@contextmanager
def _short_busy_timeout() -> Iterator[None]:
    """With SQLite, wait for other writers a moment only, instead of the settings' 20 seconds."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        (patience,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute(f"PRAGMA busy_timeout = {NOTE_PATIENCE_MS}")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {int(patience)}")
