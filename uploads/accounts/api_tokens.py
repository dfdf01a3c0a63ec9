"""Create API tokens, look them up, and record when they were last used."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import DatabaseError, connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from uploads.accounts import token_cache
from uploads.core import policy
from uploads.core.errors import InvalidRequest, NotAllowed
from uploads.core.names import display_name
from uploads.models import ApiToken, Scope

logger = logging.getLogger(__name__)

#: Precision of `last_used_at`. Saves a write on every request.
USE_PRECISION = timedelta(minutes=5)
#: Milliseconds that `record_use` waits for a locked SQLite database.
RECORD_USE_TIMEOUT_MS = 250


@dataclass(frozen=True)
class IssuedToken:
    """A new API token: the id of its row and the secret, which `repr` leaves out."""

    id: int
    secret: str = field(repr=False)


def find(secret: str) -> ApiToken | None:
    """Return the API token with this secret; None if it is unknown or its user inactive.

    It is shared by all threads and at most `token_cache.SECONDS` old. It may have expired.
    """
    return token_cache.cache.get(ApiToken.digest_of(secret), _read)


def _read(digest: str) -> ApiToken | None:
    return (
        ApiToken.objects.select_related("user__filehub_quota")
        .filter(digest=digest, user__is_active=True)
        .first()
    )


def assignable_users(issuer: AbstractBaseUser | AnonymousUser) -> QuerySet[Any]:
    """Return the active users that `issuer` may create API tokens for.

    A token grants its user's access to the API. To rule out privilege escalation, only superusers
    may create tokens for other users.
    """
    active = get_user_model()._default_manager.filter(is_active=True)
    if getattr(issuer, "is_superuser", False):
        return active
    return active.filter(pk__in=[issuer.pk])


def issue(
    user: AbstractBaseUser,
    *,
    name: str = "",
    scopes: Iterable[Scope] = tuple(Scope),
    expires_on: date | None = None,
    by: AbstractBaseUser | AnonymousUser | None = None,
) -> IssuedToken:
    """Create an API token. `name` describes its purpose; `by` is None for the command line.

    It works up to and including the day `expires_on` (UTC), or until it is revoked. Raises
    NotAllowed if `by` may not create tokens for this user, and InvalidRequest for an inactive user,
    an invalid name, no scopes, or an expiry in the past.
    """
    if by is not None and not assignable_users(by).filter(pk=user.pk).exists():
        raise NotAllowed("You can create API tokens only for yourself.")
    if not user.is_active:
        raise InvalidRequest(f"“{user}” is inactive, so an API token would not work.")
    stored_scopes = ApiToken.join_scopes(scopes)
    if not stored_scopes:
        raise InvalidRequest("An API token needs at least one scope.")
    secret = ApiToken.new_secret()
    token = ApiToken.objects.create(
        user_id=user.pk,
        name=policy.check_token_name(name),
        digest=ApiToken.digest_of(secret),
        scopes=stored_scopes,
        expires_on=check_expiry(expires_on),
    )
    return IssuedToken(token.pk, secret)


def parse_scopes(text: str) -> list[Scope]:
    """Parse names of scopes, separated by commas or spaces. Raises InvalidRequest."""
    names = text.replace(",", " ").split()
    for name in names:
        if name not in Scope.values:
            known = ", ".join(Scope.values)
            raise InvalidRequest(f"“{display_name(name)}” is not a scope. The scopes are: {known}.")
    return [Scope(name) for name in names]


def check_expiry(expires_on: date | None) -> date | None:
    """Return the last day of a new token, or raise InvalidRequest if it is over (UTC)."""
    if expires_on is not None and expires_on < datetime.now(UTC).date():
        raise InvalidRequest("The expiry date is in the past.")
    return expires_on


def create(user: AbstractBaseUser, **details: Any) -> str:
    """As `issue`, but return only the secret, which cannot be retrieved later."""
    return issue(user, **details).secret


def record_use(token: ApiToken) -> None:
    """Update `last_used_at` if it is older than USE_PRECISION, also in the token itself.

    Best effort: if the database is busy, log a warning and carry on.
    """
    now = timezone.now()
    threshold = now - USE_PRECISION
    if token.last_used_at is not None and token.last_used_at > threshold:
        return
    # Only one of several concurrent requests writes.
    stale = Q(last_used_at=None) | Q(last_used_at__lte=threshold)
    try:
        with _short_busy_timeout():
            ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
        token.last_used_at = now
    except DatabaseError as exc:
        logger.warning("Cannot record the use of %s: %r", token, exc)


@contextmanager
def _short_busy_timeout() -> Iterator[None]:
    """On SQLite, wait only briefly for other writers instead of the 20 s in the settings."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        (busy_timeout,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute(f"PRAGMA busy_timeout = {RECORD_USE_TIMEOUT_MS}")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {int(busy_timeout)}")
