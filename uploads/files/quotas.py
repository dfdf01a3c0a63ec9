"""Quotas: how much a user may store. Their own quota, else FILEHUB_USER_QUOTA, else no limit.

A quota is checked twice: before signing, to avoid pointless uploads, and exactly when an object is
recorded (`uploads.files.store`). It applies neither to files that are already stored nor to files
that an operator assigns to a user.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
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
    """The user's own quota in bytes, if an operator has set one."""
    own: Quota | None = getattr(user, "filehub_quota", None)
    return own.limit if own else None


def limit_of(user: AbstractBaseUser) -> int | None:
    """How many bytes a user may store; None: no limit. At most one SQL query."""
    own = own_limit_of(user)
    return conf().user_quota if own is None else own


def limit_of_owner(owner: str) -> int | None:
    """Like `limit_of`, for the owner string of a record. Raises BackendUnavailable."""
    return limits_of_owners([owner])[owner]


def limits_of_owners(owners: Iterable[str]) -> dict[str, int | None]:
    """Like `limit_of`, for owner strings of records; users may be deleted. One SQL query.

    Raises BackendUnavailable.
    """
    pks = {owner: pk_of(owner) for owner in owners}
    try:
        own = dict(Quota.objects.filter(user__in=pks.values()).values_list("user", "limit"))
    except Error as exc:
        raise BackendUnavailable("Django's database is temporarily unavailable.") from exc
    return {owner: own.get(pk, conf().user_quota) for owner, pk in pks.items()}


@dataclass(frozen=True)
class Allowance:
    """What a user has stored, and their limit, in bytes."""

    used: int
    limit: int


def allowance_of(user: AbstractBaseUser) -> Allowance | None:
    """How much of their quota a user has used; None without one. Raises BackendUnavailable."""
    limit = limit_of(user)
    return None if limit is None else Allowance(usage.of_owner(str(user.pk)).bytes, limit)


def allowances(owners: Collection[str]) -> dict[str, Allowance]:
    """How much of their quotas these owners (at most 100) have used; without those who have none.

    Costs one SQL query, and one consistent read if anybody has a quota. Raises BackendUnavailable.
    """
    if not owners:
        return {}
    limits = limits_of_owners(owners)
    used = usage.usage_of(
        (owner for owner, limit in limits.items() if limit is not None), consistent_read=True
    )
    return {
        owner: Allowance(used[owner].bytes, limit)
        for owner, limit in limits.items()
        if limit is not None
    }


def check(owner: str, limit: int | None, size: int | None) -> None:
    """Raise QuotaExceeded if `size` more bytes would exceed the limit at this moment.

    Costs one read if there is a limit. Does nothing if the size is not known yet. Raises
    BackendUnavailable.
    """
    Room(owner, limit).take(size)


class Room:
    """What is left of an owner's quota for several files, which are admitted one after the other.

    `limit` is in bytes; None: no limit. The usage is read once, when the first file needs it.
    """

    def __init__(self, owner: str, limit: int | None) -> None:
        self._owner = owner
        self._limit = limit
        self._used: int | BackendUnavailable | None = None

    def take(self, size: int | None) -> None:
        """Admit a file of `size` bytes; None if its size is not known yet.

        Raises QuotaExceeded if it does not fit beside those admitted before, and
        BackendUnavailable.
        """
        if self._limit is None or size is None:
            return
        if self._used is None:
            self._used = self._read()
        if isinstance(self._used, BackendUnavailable):
            raise self._used
        policy.check_quota(size, used=self._used, limit=self._limit)
        self._used += size

    def _read(self) -> int | BackendUnavailable:
        """The usage, or the error, so that an outage costs one wait and not one for each file."""
        try:
            return usage.of_owner(self._owner).bytes
        except BackendUnavailable as exc:
            return exc
