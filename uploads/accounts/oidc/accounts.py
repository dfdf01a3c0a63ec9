"""Accounts of users who sign in at the provider. Issuer and subject alone say whose one is."""

from __future__ import annotations

import logging
from itertools import count
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, Group
from django.core.exceptions import FieldDoesNotExist
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from uploads.accounts.audit.record import record
from uploads.accounts.audit.targets import of_user
from uploads.accounts.oidc.claims import Profile, is_permitted, profile
from uploads.accounts.oidc.errors import INACTIVE, NOT_PERMITTED, SETUP, SignInFailed
from uploads.accounts.oidc.flow import SignedIn
from uploads.core.conf import conf
from uploads.models import AuditAction, Identity

logger = logging.getLogger(__name__)

#: Attempts, if others create the same user or name at the same time.
_TRIES = 5
#: Fields of users that are rights.
_RIGHTS = {"is_staff", "is_superuser"}


def account_of(person: SignedIn, request: HttpRequest | None = None) -> AbstractBaseUser:
    """Return the user with this subject, up to date with the claims; a new one at first.

    A change of their rights is recorded in the audit log, as part of this request. Neither an equal
    e-mail address nor an equal username leads to an existing user. Raises SignInFailed for users
    who may not sign in; then nothing has changed.
    """
    if not is_permitted(person.claims, conf()):
        raise SignInFailed(NOT_PERMITTED, "no claim of FILEHUB_OIDC_REQUIRED")
    wanted = profile(person.claims, conf())
    for _ in range(_TRIES):
        try:
            with transaction.atomic():
                return _update_or_create(person, wanted, request)
        except IntegrityError:
            continue
    raise SignInFailed(SETUP, "the user cannot be stored: another one is in the way")


def link(user: AbstractBaseUser, issuer: str, subject: str) -> Identity | None:
    """Make `subject` sign in as `user`. Return the link to another user that it had, or None."""
    with transaction.atomic():
        before = Identity.objects.filter(issuer=issuer, subject=subject).first()
        if before is not None:
            Identity.objects.filter(pk=before.pk).update(user_id=user.pk)
        else:
            Identity.objects.create(user_id=user.pk, issuer=issuer, subject=subject)
    return before if before is not None and before.user_id != user.pk else None


def _update_or_create(
    person: SignedIn, wanted: Profile, request: HttpRequest | None
) -> AbstractBaseUser:
    identity = (
        Identity.objects.select_related("user")
        .filter(issuer=person.issuer, subject=person.subject)
        .first()
    )
    is_new = identity is None
    if identity is None:
        identity = Identity(issuer=person.issuer, subject=person.subject, user=_create(wanted))
        logger.info("sign-in: user %s was created for a new subject", identity.user_id)
    user: Any = identity.user
    if not user.is_active:
        raise SignInFailed(INACTIVE, f"user {user.pk} is inactive")
    changed = _set(
        user, _details(user, wanted) | _renamed(user, identity.suggested_username, wanted)
    )
    if identity.suggested_username != wanted.username:
        identity.suggested_username = wanted.username
        identity.save()
    has_other_groups = _join_groups(user, wanted)
    if is_new or has_other_groups or _RIGHTS.intersection(changed):
        what = "created by single sign-on" if is_new else "changed by single sign-on"
        record(request, AuditAction.RIGHTS_CHANGED, [of_user(user, what)], by=user)
    return identity.user


def _create(wanted: Profile) -> Any:
    model: Any = get_user_model()
    user = model(**{model.USERNAME_FIELD: _free_username(wanted.username)})
    user.set_unusable_password()
    user.save()
    return user


def _free_username(name: str, own_pk: Any = None) -> str:
    """Return the name, or with a number if another user has it, in upper or lower case."""
    model: Any = get_user_model()
    others = model._default_manager.exclude(pk=own_pk)
    for number in count(1):
        candidate = name if number == 1 else f"{name}-{number}"
        if not others.filter(**{f"{model.USERNAME_FIELD}__iexact": candidate}).exists():
            return candidate
    raise AssertionError


def _renamed(user: Any, suggested_before: str, wanted: Profile) -> dict[str, Any]:
    """A new username if the provider suggests another one than before, else nothing.

    What an operator has changed here stays until then.
    """
    if suggested_before in ("", wanted.username):
        return {}
    return {user.USERNAME_FIELD: _free_username(wanted.username, user.pk)}


def _details(user: Any, wanted: Profile) -> dict[str, Any]:
    """What the provider says of the user. The rest is left as it is."""
    details = {
        "first_name": wanted.first_name or None,
        "last_name": wanted.last_name or None,
        "email": wanted.email or None,
        "is_staff": wanted.is_staff,
        "is_superuser": wanted.is_superuser,
    }
    return {
        name: value
        for name, value in details.items()
        if value is not None and _has_field(user, name)
    }


def _set(user: Any, fields: dict[str, Any]) -> list[str]:
    """Save what differs, and only that: an operator may be deactivating the user at this moment.

    Returns the names of these fields.
    """
    changed = [name for name, value in fields.items() if getattr(user, name) != value]
    for name in changed:
        setattr(user, name, fields[name])
    if changed:
        user.save(update_fields=changed)
    return changed


def _has_field(user: Any, name: str) -> bool:
    """Whether the project's user model has this field."""
    try:
        user._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True


def _join_groups(user: Any, wanted: Profile) -> bool:
    """Add the user to the groups that the claims name, and remove them from the others.

    Returns whether that changed anything.
    """
    names = wanted.groups | wanted.other_groups
    if not names:
        return False
    found = {group.name: group for group in Group.objects.filter(name__in=names)}
    if missing := sorted(names - set(found)):
        logger.warning("sign-in: FILEHUB_OIDC_GROUPS names groups that do not exist: %r", missing)
    current = set(user.groups.filter(name__in=names).values_list("name", flat=True))
    joined = wanted.groups.intersection(found) - current
    left = wanted.other_groups & current
    user.groups.add(*(found[name] for name in joined))
    user.groups.remove(*(found[name] for name in left))
    return bool(joined or left)
