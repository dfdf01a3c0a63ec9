"""The filters of the audit log: parse them from the URL, and display them in the admin."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from uploads.accounts import owners
from uploads.accounts.audit.search import Criteria, cursor_of
from uploads.admin.files import filters
from uploads.admin.files.filters import CURSORS, DateFilter, Filter, OwnerFilter
from uploads.core import keys
from uploads.models import AuditAction

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList


class ActionFilter(Filter):
    """A selection, because there are many actions."""

    title = _("action")
    template = "admin/uploads/auditentry/action_filter.html"
    parameters = ("action",)

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        yield {
            "value": changelist.params.get("action", ""),
            "actions": AuditAction.choices,
            "hidden": self.other_parameters(changelist),
        }


class UserFilter(OwnerFilter):
    title = _("user")
    all_label = _("All users")


class TimeFilter(DateFilter):
    title = _("time (UTC)")


FILTERS: tuple[type[Filter], ...] = (ActionFilter, UserFilter, TimeFilter)


def criteria_of(request: HttpRequest) -> Criteria:
    """The entries that a URL asks for. Raises InvalidRequest for an invalid cursor."""
    values = filters.parse(request.GET)
    action = request.GET.get("action", "")
    owner = values.owner_id or (owners.resolve_owner(values.owner) if values.owner else "")
    return Criteria(
        action=action if action in AuditAction.values else "",
        user_key=owner,
        object_id=_object_id(request.GET.get("q", "")),
        since=filters.start_of_day(values.first) if values.first else None,
        until=filters.start_of_day(values.last + timedelta(days=1)) if values.last else None,
        after=cursor_of(request.GET.get(CURSORS[0], "")),
    )


def _object_id(text: str) -> str:
    """What was searched for: an id, perhaps with spaces around it, or the key of an object."""
    pasted = text.strip()
    return keys.parse_upload_id(pasted) or keys.upload_id_of(pasted) or pasted
