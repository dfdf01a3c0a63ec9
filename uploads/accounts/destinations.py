"""Which destinations a user may upload to. Destinations of groups take one SQL query."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from uploads.core.conf import conf
from uploads.core.destinations import Destination
from uploads.core.policy import unknown_destination


class Choice:
    """The destinations from which one user may choose. Use one for each request."""

    def __init__(self, user: Any) -> None:
        self._user = user

    def check(self, name: str | None) -> str:
        """Return the name of a destination; "" for none.

        Raises InvalidRequest, whether there is no such destination or it is not for this user.
        """
        if not name:
            return ""
        chosen = conf().destinations.get(name)
        if chosen is None or not self._may_use(chosen):
            raise unknown_destination(name)
        return name

    def available(self) -> list[Destination]:
        """Those that the user may choose, in the order of the settings."""
        return [each for each in conf().destinations.values() if self._may_use(each)]

    def _may_use(self, destination: Destination) -> bool:
        if destination.who == "everyone":
            return True
        if destination.who == "staff":
            return bool(getattr(self._user, "is_staff", False))
        return not self._groups.isdisjoint(destination.who)

    @cached_property
    def _groups(self) -> frozenset[str]:
        # A project's own user model may have no groups.
        groups = getattr(self._user, "groups", None)
        names = groups.values_list("name", flat=True) if groups is not None else ()
        return frozenset(names)
