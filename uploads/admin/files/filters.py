"""The filters of the file list: from the address to what is wanted, and as the admin shows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, QueryDict
from django.utils.http import urlencode
from django.utils.timezone import localdate
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from uploads.accounts import owners
from uploads.core import media_types
from uploads.files.listing import FileFilter
from uploads.files.record import STATES
from uploads.models import STATE_NAMES

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList

KIND_NAMES = {
    "image": _("Images"),
    "video": _("Videos"),
    "audio": _("Audio"),
    "pdf": _("PDF"),
    "archive": _("Archives"),
    "text": _("Text"),
    "document": _("Documents"),
    "code": _("Code"),
    "other": _("Other"),
}

#: Where a page begins; a change of the filters begins at the first page.
CURSORS = ("cursor", "after")


@dataclass(frozen=True)
class Asked:
    """What the address asks for, as far as it makes sense; the rest is not there."""

    state: Any = "stored"
    #: A username, as somebody types it.
    owner: str = ""
    #: The owner as records name it, in links: no name of a user is taken for it.
    owner_id: str = ""
    kind: Any = None
    first: date | None = None
    last: date | None = None
    #: A sentence for each thing that makes none.
    problems: tuple[str, ...] = ()

    def wanted(self, name: str) -> FileFilter:
        """In the listing's terms. Days are UTC, as all times in the admin are."""
        owner = self.owner_id or (owners.owner_named(self.owner) if self.owner else "")
        return FileFilter(
            state=self.state,
            owner=owner,
            kind=self.kind,
            since=_midnight(self.first) if self.first else None,
            until=_midnight(self.last + timedelta(days=1)) if self.last else None,
            name=name,
        )


def of_owner(owner: str) -> str:
    """The query of a link to an owner's files, the owner as records name it."""
    return urlencode({"owner_id": owner})


def asked(query: QueryDict) -> Asked:
    """Read the address. Nothing in it raises."""
    problems: list[str] = []

    def day(name: str) -> date | None:
        text = query.get(name, "")
        if not text:
            return None
        try:
            # The years that ids can have.
            found = date.fromisoformat(text)
        except ValueError:
            found = date.min
        if not 1970 <= found.year <= 9998:
            problems.append(gettext("“%(text)s” is not a date.") % {"text": text[:40]})
            return None
        return found

    state, kind = query.get("state", ""), query.get("kind", "")
    return Asked(
        state=state if state in STATES else "stored",
        owner=query.get("owner", "").strip()[:255],
        owner_id=query.get("owner_id", "").strip()[:255],
        kind=kind if kind in media_types.KINDS else None,
        first=day("from"),
        last=day("to"),
        problems=tuple(problems),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


class Filter:
    """One box of the admin's filter column."""

    title: Any
    template = "admin/filter.html"
    parameters: tuple[str, ...]

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        """The links in the box."""
        raise NotImplementedError

    def link(self, changelist: ChangeList, display: Any, **values: str | None) -> dict[str, Any]:
        """A link to the list with these values; the present one is selected."""
        present = {name: changelist.params.get(name) or None for name in values}
        cleared = dict.fromkeys(CURSORS)
        return {
            "selected": present == values,
            "query_string": changelist.get_query_string({**cleared, **values}),
            "display": display,
        }

    def others(self, changelist: ChangeList) -> list[tuple[str, str]]:
        """The rest of the address, for a form that changes only this filter."""
        own = {*self.parameters, *CURSORS}
        return [(name, value) for name, value in changelist.params.items() if name not in own]


class StateFilter(Filter):
    title = _("state")
    parameters = ("state",)

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        for state in STATES:
            yield {
                **self.link(changelist, STATE_NAMES[state], state=state),
                "selected": state == self.asked.state,
            }


class KindFilter(Filter):
    title = _("type")
    parameters = ("kind",)

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        yield self.link(changelist, _("All"), kind=None)
        for kind in media_types.KINDS:
            yield self.link(changelist, KIND_NAMES[kind], kind=kind)


class OwnerFilter(Filter):
    """A field: there may be thousands of owners."""

    title = _("owner")
    template = "admin/uploads/file/owner_filter.html"
    parameters = ("owner", "owner_id")

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        owner_id = self.asked.owner_id
        yield {
            "value": owners.usernames([owner_id]).get(owner_id, owner_id) or self.asked.owner,
            "hidden": self.others(changelist),
            "all": changelist.get_query_string(dict.fromkeys((*self.parameters, *CURSORS))),
        }


class DateFilter(Filter):
    title = _("created")
    template = "admin/uploads/file/date_filter.html"
    parameters = ("from", "to")

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        today = localdate()
        yield self.link(changelist, _("Any date"), **{"from": None, "to": None})
        for display, days in ((_("Today"), 0), (_("Past 7 days"), 6), (_("Past 30 days"), 29)):
            first = (today - timedelta(days=days)).isoformat()
            yield self.link(changelist, display, **{"from": first, "to": None})
        yield {
            "first": self.asked.first.isoformat() if self.asked.first else "",
            "last": self.asked.last.isoformat() if self.asked.last else "",
            "hidden": self.others(changelist),
        }


FILTERS: tuple[type[Filter], ...] = (StateFilter, OwnerFilter, KindFilter, DateFilter)


def specs(request: HttpRequest) -> tuple[Asked, list[Filter]]:
    """What the address asks for, and the filters that show it."""
    found = asked(request.GET)
    return found, [filter_(found) for filter_ in FILTERS]
