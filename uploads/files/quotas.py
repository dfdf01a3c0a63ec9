"""How much somebody may have stored: the user's own quota, else FILEHUB_USER_QUOTA, else no limit.

Asked twice: before signing, so that nobody sends in vain what will not be kept, and when an object
is recorded, where the answer is exact (`uploads.files.store`). What is stored already is never
asked about again, and what an operator gives to somebody neither.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser
from django.db import Error

from uploads.accounts.owners import pk_of
from uploads.core import policy
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.files import usage
from uploads.models import Quota


def own_limit_of(user: AbstractBaseUser) -> int | None:
    """The user's own quota in bytes, if an operator has given them one."""
    own: Quota | None = getattr(user, "quota", None)
    return own.limit if own else None


def limit_of(user: AbstractBaseUser) -> int | None:
    """How many bytes a user may have stored; None: no limit. At most one SQL query."""
    own = own_limit_of(user)
    return conf().user_quota if own is None else own


def limit_of_owner(owner: str) -> int | None:
    """The same for whomever records name so, also one whose user is gone. One SQL query.

    Raises BackendUnavailable.
    """
    pk = pk_of(owner)
    try:
        own = Quota.objects.filter(user=pk).values_list("limit", flat=True).first()
    except Error as exc:
        raise BackendUnavailable("Django's database does not answer.") from exc
    return conf().user_quota if own is None else own


@dataclass(frozen=True)
class Allowance:
    """What somebody has stored of what they may, in bytes."""

    used: int
    limit: int


def allowance_of(user: AbstractBaseUser) -> Allowance | None:
    """For whoever has a quota: how much of it is used. Raises BackendUnavailable."""
    limit = limit_of(user)
    return None if limit is None else Allowance(usage.of_owner(str(user.pk)).bytes, limit)


def check(owner: str, limit: int | None, size: int | None) -> None:
    """Raise QuotaExceeded if `size` more bytes are too many just now.

    Costs one read if there is a limit. Of a file whose size is not known yet nothing can be said.
    Raises BackendUnavailable.
    """
    if limit is not None and size is not None:
        policy.check_quota(size, used=usage.of_owner(owner).bytes, limit=limit)
