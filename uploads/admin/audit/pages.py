"""The list of the audit log, an entry, and the download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from uploads.accounts.audit import search
from uploads.accounts.audit.record import Target, record
from uploads.admin.audit import export
from uploads.admin.audit.filters import FILTERS, criteria_of
from uploads.admin.files import filters
from uploads.admin.files.pages import formatted_time
from uploads.core.conf import conf
from uploads.core.names import display_name
from uploads.models import AuditAction, AuditEntry

if TYPE_CHECKING:
    AuditAdminBase = admin.ModelAdmin[AuditEntry]
else:
    AuditAdminBase = admin.ModelAdmin

PAGE_SIZE = 100


class AuditChangeList(ChangeList):
    """A change list with cursors, which counts nothing: there may be millions of entries."""

    next_url: str | None = None

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> Any:
        specs = [filter_(filters.parse(request.GET)) for filter_ in FILTERS]
        self.filter_specs = specs  # type: ignore[assignment]  # has what the templates use
        names = [name for spec in specs for name in spec.parameters]
        self.has_filters = True
        self.has_active_filters = any(map(self.params.get, names))
        self.clear_all_filters_qs = self.get_query_string(dict.fromkeys((*names, *filters.CURSORS)))
        return AuditEntry.objects.none()

    def get_results(self, request: HttpRequest) -> None:
        found = search.page(criteria_of(request), PAGE_SIZE)
        self.result_list = found.entries  # the templates only iterate
        self.result_count = self.full_result_count = len(found.entries)
        self.show_full_result_count = self.show_admin_actions = False
        self.can_show_all = self.multi_page = False
        self.paginator = Paginator(found.entries, PAGE_SIZE)
        self.newest_url = self.get_query_string(dict.fromkeys(filters.CURSORS))
        self.is_newest = not self.params.get("cursor")
        if found.next_cursor:
            self.next_url = self.get_query_string({"cursor": found.next_cursor})
        query = self.get_query_string(dict.fromkeys(filters.CURSORS))
        self.export_url = reverse("admin:uploads_auditentry_export") + query


@admin.register(AuditEntry)
class AuditEntryAdmin(AuditAdminBase):
    """Entries can be read by those with the permission `view`, and changed by nobody."""

    change_list_template = "admin/uploads/auditentry/change_list.html"
    # The user agent is on the page of an entry, because it is long.
    list_display = ("time", "who", "action_text", "object_text", "detail_text", "address")
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()
    search_fields = ("object_id",)
    search_help_text = _("Enter the full id of a file, a user or a token.")
    actions = None
    fields = readonly_fields = (
        "time", "action_text", "who", "user_key", "token_id", "object_kind", "object_text",
        "object_id", "detail_text", "address", "agent_text", "request_id",
    )  # fmt: skip

    @admin.display(description=_("time"))
    def time(self, entry: AuditEntry) -> str:
        return formatted_time(entry.at)

    @admin.display(description=_("user"))
    def who(self, entry: AuditEntry) -> str:
        name = display_name(entry.user_name) or "—"
        if entry.token_id is None:
            return name
        return gettext("%(user)s, token %(id)s") % {"user": name, "id": entry.token_id}

    @admin.display(description=_("action"))
    def action_text(self, entry: AuditEntry) -> str:
        if entry.outcome == "ok":
            return entry.action_label
        return f"{entry.action_label} ({entry.outcome_label})"

    @admin.display(description=_("object"))
    def object_text(self, entry: AuditEntry) -> str:
        return display_name(entry.object_name or entry.object_id) or "—"

    @admin.display(description=_("detail"))
    def detail_text(self, entry: AuditEntry) -> str:
        return display_name(entry.detail) or "—"

    @admin.display(description=_("user agent"))
    def agent_text(self, entry: AuditEntry) -> str:
        return display_name(entry.agent) or "—"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AuditChangeList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        for problem in filters.parse(request.GET).problems:
            self.message_user(request, problem, "warning")
        context = {
            "title": gettext("Audit log"),
            "is_on": conf().has_audit_log,
            "days": conf().audit_days,
            "most_rows": export.MAX_ROWS,
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export_view)
        return [path("export/", view, name="uploads_auditentry_export"), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """Send the entries that the filters select as CSV, which is recorded, too."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        criteria = criteria_of(request)
        query = request.GET.urlencode()
        record(request, AuditAction.AUDIT_EXPORTED, [Target("audit", detail=query)])
        response = StreamingHttpResponse(
            export.lines(criteria), content_type="text/csv; charset=utf-8"
        )
        response["Content-Disposition"] = 'attachment; filename="filehub-audit.csv"'
        return response

    # Permissions

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return False
