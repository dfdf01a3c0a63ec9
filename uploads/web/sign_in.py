"""Limit failed attempts to sign in, per user and per address, and log them.

`Guard` is the first of AUTHENTICATION_BACKENDS, so the limits apply to every form and every other
caller of Django's `authenticate`. Failed attempts are counted, not successful ones. Known and
unknown users are treated the same.
"""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.core.exceptions import PermissionDenied
from django.dispatch import receiver
from django.http import HttpRequest

from uploads.core.conf import conf
from uploads.core.errors import TooManySignIns
from uploads.core.logs import context
from uploads.web import rates

logger = logging.getLogger(__name__)

_LOCAL = f"{ModelBackend.__module__}.{ModelBackend.__qualname__}"
_USER, _ADDRESS = "sign-in-user", "sign-in-address"


class Guard:
    """Authenticates nobody, and refuses attempts beyond the limits, or all of them.

    It has no `get_user`, so that no session names it as its backend.
    """

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **credentials: Any,
    ) -> None:
        """Raises TooManySignIns, also if the password is right, and PermissionDenied if local
        accounts are off.
        """
        if not conf().has_local_accounts:
            raise PermissionDenied
        name = username or credentials.get(get_user_model().USERNAME_FIELD)
        if request is not None:
            check(request, name)


def is_switched_off(request: HttpRequest) -> bool:
    """Return whether the session began with a password, and local accounts are off meanwhile."""
    return not conf().has_local_accounts and request.session.get(BACKEND_SESSION_KEY) == _LOCAL


def check(request: HttpRequest, username: Any) -> None:
    """Raise TooManySignIns if there were too many failed attempts. Counts nothing."""
    seconds = max(
        rates.seconds_to_wait(_USER, _key(username), conf().sign_in_rate_user),
        rates.seconds_to_wait(_ADDRESS, rates.address_of(request), conf().sign_in_rate_address),
    )
    if seconds:
        _log("refused, too many failures", request, username)
        raise TooManySignIns(seconds)


def count_failure(request: HttpRequest, username: Any) -> None:
    """Count and log a failed attempt."""
    rates.hit(_USER, _key(username), conf().sign_in_rate_user)
    rates.hit(_ADDRESS, rates.address_of(request), conf().sign_in_rate_address)
    _log("failed", request, username)


def forget_failures(username: Any) -> None:
    """Reset the user's count. Not the address's: anyone with an account could reset it."""
    rates.forget(_USER, _key(username), conf().sign_in_rate_user)


@receiver(user_login_failed)
def _on_failure(
    credentials: dict[str, Any], request: HttpRequest | None = None, **_: object
) -> None:
    if request is not None:
        name = credentials.get("username") or credentials.get(get_user_model().USERNAME_FIELD)
        count_failure(request, name)


@receiver(user_logged_in)
def _on_success(user: Any, **_: object) -> None:
    context.add(user_id=str(user.pk))
    forget_failures(user.get_username())


def _key(username: Any) -> str:
    """The name under which attempts are counted: as short and plain as each storage needs it."""
    name = get_user_model().normalize_username(str(username or "")).casefold()
    return hashlib.sha256(name.encode(errors="replace")).hexdigest()[:32]


def _log(what: str, request: HttpRequest, username: Any) -> None:
    """Log an attempt. Only names of existing users: people also enter their password there."""
    model = get_user_model()
    name = str(username or "")
    known = (
        name.isprintable()
        and model._default_manager.filter(**{model.USERNAME_FIELD: name}).exists()
    )
    who = repr(name) if known else "an unknown user"
    logger.warning("sign-in %s: %s from %r", what, who, rates.address_of(request))
