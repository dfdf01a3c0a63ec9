"""The filters of the file list: parse them from the URL, and display them in the admin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, QueryDict
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from uploads.accounts import owners
from uploads.core import type_lists
from uploads.core.errors import InvalidRequest
from uploads.core.labels import check_tag
from uploads.core.names import display_name
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

#: Parameters for pagination. Changing a filter resets them.
CURSORS = ("cursor", "after")


@dataclass(frozen=True)
class FilterValues:
    """The valid filters in a URL."""

    state: Any = "stored"
    #: A username, as typed.
    owner: str = ""
    #: An owner string, which links use. It is never mistaken for a username.
    owner_id: str = ""
    kind: Any = None
    #: One of a file's tags, in NFC.
    tag: str = ""
    first: date | None = None
    last: date | None = None
    #: A message for each invalid value.
    problems: tuple[str, ...] = ()

    def to_query(self, name: str) -> FileFilter:
        """Return the query for `files.listing`. Days are UTC, like all times in the admin."""
        owner = self.owner_id or (owners.resolve_owner(self.owner) if self.owner else "")
        return FileFilter(
            state=self.state,
            owner=owner,
            kind=self.kind,
            since=start_of_day(self.first) if self.first else None,
            until=start_of_day(self.last + timedelta(days=1)) if self.last else None,
            name=name,
            tag=self.tag,
        )


def owner_query(owner: str) -> str:
    """Return the query string of a link to an owner's files."""
    return urlencode({"owner_id": owner})


def parse(query: QueryDict) -> FilterValues:
    """Parse the filters in a URL. Invalid values are reported in `problems`."""
    problems: list[str] = []

    def day(name: str) -> date | None:
        text = query.get(name, "")
        if not text:
            return None
        try:
            value = date.fromisoformat(text)
        except ValueError:
            value = date.min
        # The years that ids can represent.
        if not 1970 <= value.year <= 9998:
            problems.append(gettext("“%(text)s” is not a date.") % {"text": text[:40]})
            return None
        return value

    def tag() -> str:
        text = query.get("tag", "").strip()
        try:
            return check_tag(text) if text else ""
        except InvalidRequest:
            shown = display_name(text[:40])
            problems.append(gettext("“%(text)s” is not a tag.") % {"text": shown})
            return ""

    state, kind = query.get("state", ""), query.get("kind", "")
    return FilterValues(
        state=state if state in STATES else "stored",
        owner=query.get("owner", "").strip()[:255],
        owner_id=query.get("owner_id", "").strip()[:255],
        kind=kind if kind in type_lists.KINDS else None,
        tag=tag(),
        first=day("from"),
        last=day("to"),
        problems=tuple(problems),
    )


def start_of_day(day: date) -> datetime:
    """When a day begins, in UTC."""
    return datetime.combine(day, time(), UTC)


class Filter:
    """A filter in the sidebar of the list."""

    title: Any
    template = "admin/filter.html"
    parameters: tuple[str, ...]

    def __init__(self, values: FilterValues) -> None:
        self.values = values

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        """Return the links of this filter."""
        raise NotImplementedError

    def link(self, changelist: ChangeList, display: Any, **values: str | None) -> dict[str, Any]:
        """Return a link to the list with these values, marked as selected if they are current."""
        current = {name: changelist.params.get(name) or None for name in values}
        cleared = dict.fromkeys(CURSORS)
        return {
            "selected": current == values,
            "query_string": changelist.get_query_string({**cleared, **values}),
            "display": display,
        }

    def other_parameters(self, changelist: ChangeList) -> list[tuple[str, str]]:
        """Return the other parameters of the URL, for a form that changes only this filter."""
        own = {*self.parameters, *CURSORS}
        return [(name, value) for name, value in changelist.params.items() if name not in own]


class StateFilter(Filter):
    title = _("state")
    parameters = ("state",)

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        for state in STATES:
            yield {
                **self.link(changelist, STATE_NAMES[state], state=state),
                "selected": state == self.values.state,
            }


class KindFilter(Filter):
    title = _("type")
    parameters = ("kind",)

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        yield self.link(changelist, _("All"), kind=None)
        for kind in type_lists.KINDS:
            yield self.link(changelist, KIND_NAMES[kind], kind=kind)


class OwnerFilter(Filter):
    """A text field, because there may be thousands of owners."""

    title = _("owner")
    all_label = _("All owners")
    template = "admin/uploads/file/owner_filter.html"
    parameters = ("owner", "owner_id")

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        owner_id = self.values.owner_id
        yield {
            "value": owners.usernames([owner_id]).get(owner_id, owner_id) or self.values.owner,
            "hidden": self.other_parameters(changelist),
            "all": changelist.get_query_string(dict.fromkeys((*self.parameters, *CURSORS))),
            "all_label": self.all_label,
        }


class TagFilter(Filter):
    """A text field, because tags are free text."""

    title = _("tag")
    template = "admin/uploads/file/tag_filter.html"
    parameters = ("tag",)

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        yield {
            "value": self.values.tag,
            "hidden": self.other_parameters(changelist),
            "all": changelist.get_query_string({"tag": None, **dict.fromkeys(CURSORS)}),
        }


class DateFilter(Filter):
    title = _("created (UTC)")
    template = "admin/uploads/file/date_filter.html"
    parameters = ("from", "to")

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        today = datetime.now(UTC).date()
        yield self.link(changelist, _("Any date"), **{"from": None, "to": None})
        for display, days in ((_("Today"), 0), (_("Past 7 days"), 6), (_("Past 30 days"), 29)):
            first = (today - timedelta(days=days)).isoformat()
            yield self.link(changelist, display, **{"from": first, "to": None})
        yield {
            "first": self.values.first.isoformat() if self.values.first else "",
            "last": self.values.last.isoformat() if self.values.last else "",
            "hidden": self.other_parameters(changelist),
        }


FILTERS: tuple[type[Filter], ...] = (StateFilter, OwnerFilter, KindFilter, TagFilter, DateFilter)


def build(request: HttpRequest) -> tuple[FilterValues, list[Filter]]:
    """Return the values of the filters in the URL, and the filters that display them."""
    values = parse(request.GET)
    return values, [filter_(values) for filter_ in FILTERS]
