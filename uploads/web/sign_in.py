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
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.core.exceptions import PermissionDenied
from django.dispatch import receiver
from django.http import HttpRequest

from uploads.accounts import addresses
from uploads.accounts.audit.record import Target, record
from uploads.core.conf import conf
from uploads.core.errors import TooManySignIns
from uploads.core.logs import context
from uploads.models import AuditAction, AuditOutcome
from uploads.web import rates

logger = logging.getLogger(__name__)

_LOCAL = f"{ModelBackend.__module__}.{ModelBackend.__qualname__}"
_USER, _ADDRESS, _AUDIT = "sign-in-user", "sign-in-address", "sign-in-audit"
#: Failed attempts in the audit log, of all users and addresses together: a flood of them must not
#: fill the database. The log has them all.
MAX_AUDITED_FAILURES = "1000/h"


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
        rates.seconds_to_wait(_ADDRESS, addresses.network_of(request), conf().sign_in_rate_address),
    )
    if seconds:
        _log("refused, too many failures", request, _known(username))
        raise TooManySignIns(seconds)


def count_failure(request: HttpRequest, username: Any) -> None:
    """Count and log a failed attempt."""
    rates.hit(_USER, _key(username), conf().sign_in_rate_user)
    rates.hit(_ADDRESS, addresses.network_of(request), conf().sign_in_rate_address)
    user = _known(username)
    _log("failed", request, user)
    audit_failure(request, user=user)


def audit_failure(request: HttpRequest, *, user: Any = None, detail: str = "") -> None:
    """Record a failed attempt, as long as these are not too many. `user` is None if unknown."""
    if not rates.hit(_AUDIT, "all", MAX_AUDITED_FAILURES):
        target = Target(detail=detail, outcome=AuditOutcome.REFUSED)
        by = AnonymousUser() if user is None else user
        record(request, AuditAction.SIGN_IN_FAILED, [target], by=by)


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
def _on_success(user: Any, request: HttpRequest | None = None, **_: object) -> None:
    context.add(user_id=str(user.pk))
    forget_failures(user.get_username())
    if request is not None:
        backend = getattr(request, "session", {}).get(BACKEND_SESSION_KEY)
        target = Target(detail="password" if backend == _LOCAL else str(backend))
        record(request, AuditAction.SIGN_IN, [target], by=user)


@receiver(user_logged_out)
def _on_sign_out(user: Any, request: HttpRequest | None = None, **_: object) -> None:
    if request is not None and user is not None:
        record(request, AuditAction.SIGN_OUT, by=user)


def _key(username: Any) -> str:
    """The name under which attempts are counted: as short and plain as each storage needs it."""
    name = get_user_model().normalize_username(str(username or "")).casefold()
    return hashlib.sha256(name.encode(errors="replace")).hexdigest()[:32]


def _known(username: Any) -> Any:
    """The user with exactly this name, or None. Only their names are logged and recorded: people
    also enter their password there.
    """
    model = get_user_model()
    name = str(username or "")
    if not name.isprintable():
        return None
    return model._default_manager.filter(**{model.USERNAME_FIELD: name}).first()


def _log(what: str, request: HttpRequest, user: Any) -> None:
    who = repr(user.get_username()) if user is not None else "an unknown user"
    logger.warning("sign-in %s: %s from %r", what, who, addresses.network_of(request))
