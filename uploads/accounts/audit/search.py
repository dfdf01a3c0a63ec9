"""Read the audit log, newest first, page by page, each with one query that an index answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Q

from uploads.core.errors import InvalidRequest
from uploads.models import AuditEntry

#: Entries that an export reads at a time.
CHUNK = 1_000


@dataclass(frozen=True)
class Criteria:
    """Which entries: all that match each of these. Times are `since` <= time < `until`."""

    action: str = ""
    #: An owner string.
    user_key: str = ""
    object_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    #: Only entries after this one in the list: its time and id.
    after: tuple[datetime, int] | None = None


@dataclass(frozen=True)
class Page:
    """Entries, and the cursor of the next page; "" at the end."""

    entries: list[AuditEntry]
    next_cursor: str


def page(criteria: Criteria, limit: int) -> Page:
    """Return a page of at most this many entries. Raises DatabaseError."""
    found = list(_matching(criteria).order_by("-at", "-id")[: limit + 1])
    if len(found) <= limit:
        return Page(found, "")
    last = found[limit - 1]
    return Page(found[:limit], f"{last.at.isoformat()}_{last.pk}")


def entries(criteria: Criteria, limit: int) -> Iterator[AuditEntry]:
    """Return up to this many entries, with short queries instead of one that is open for long."""
    while limit > 0:
        found = page(criteria, min(limit, CHUNK))
        yield from found.entries
        if not found.next_cursor:
            return
        limit -= len(found.entries)
        criteria = replace(criteria, after=cursor_of(found.next_cursor))


def cursor_of(text: str) -> tuple[datetime, int] | None:
    """Parse a cursor; None for "". Raises InvalidRequest."""
    if not text:
        return None
    at, _, pk = text.rpartition("_")
    try:
        time = datetime.fromisoformat(at)
        number = int(pk) if len(pk) < 20 else -1
    except ValueError:
        number = -1
    if number < 0 or time.tzinfo is None or number >= 2**63:
        raise InvalidRequest("The cursor is invalid.", code="invalid_cursor")
    return time, number


def _matching(criteria: Criteria) -> Any:
    found = AuditEntry.objects.all()
    if criteria.action:
        found = found.filter(action=criteria.action)
    if criteria.user_key:
        found = found.filter(user_key=criteria.user_key)
    if criteria.object_id:
        found = found.filter(object_id=criteria.object_id)
    if criteria.since is not None:
        found = found.filter(at__gte=criteria.since)
    if criteria.until is not None:
        found = found.filter(at__lt=criteria.until)
    if criteria.after is not None:
        at, pk = criteria.after
        # The first condition is redundant, and lets the index begin there.
        found = found.filter(Q(at__lte=at) & (Q(at__lt=at) | Q(id__lt=pk)))
    return found
