"""Files in the admin: the list, and the detail page with its preview and timeline."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from uploads.accounts import owners
from uploads.accounts.audit.record import Target, record
from uploads.accounts.requests import user_of
from uploads.admin.files import actions, filters, malware
from uploads.admin.files.file_queryset import Selection, row, rows
from uploads.admin.files.purpose import purpose_text
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.content_security import shows_previews
from uploads.core.errors import FileNotFound
from uploads.core.names import display_name
from uploads.core.texts import byte_count, describe, describe_stored, file_size, timestamp
from uploads.files import queries
from uploads.files.actions import preview, sign_download
from uploads.files.listing import find
from uploads.files.record import KEPT_STATES, FileInfo
from uploads.files.states import is_being_purged
from uploads.files.timeline import Entry, timeline
from uploads.models import AuditAction, File

if TYPE_CHECKING:
    FileAdminBase = admin.ModelAdmin[File]
else:
    FileAdminBase = admin.ModelAdmin

PAGE_SIZE = 100

_DESCRIPTION = (
    "name", "folder", "owner_link", "size_exact", "content_type", "state_reason",
    "malware_result", "tags", "context", "destination",
)  # fmt: skip
_OBJECT = ("id", "key", "checksum", "etag", "version_id")


class FileChangeList(ChangeList):
    """A change list that reads a DynamoDB index, which has cursors instead of page numbers."""

    next_url: str | None = None
    previous_url: str | None = None
    #: How many files were searched, if no index covers the filters.
    searched: int | None = None

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> Any:
        self.filter_values, specs = filters.build(request)
        self.filter_specs = specs  # type: ignore[assignment]  # has what the templates use
        names = [name for spec in specs for name in spec.parameters]
        self.has_filters = True
        self.has_active_filters = any(map(self.params.get, names))
        self.clear_all_filters_qs = self.get_query_string(dict.fromkeys((*names, *filters.CURSORS)))
        return Selection()

    def get_results(self, request: HttpRequest) -> None:
        # Actions load their own selection, and end with a redirect.
        files = [] if request.method == "POST" else self._find(request.GET)
        self.result_list = rows(files)
        self.result_count = self.full_result_count = len(files)
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = self.multi_page = False
        self.paginator = Paginator(self.result_list, PAGE_SIZE)
        self.newest_url = self.get_query_string(dict.fromkeys(filters.CURSORS))

    def _find(self, query: Any) -> list[FileInfo]:
        # An id is often pasted with spaces around it; in a name they count.
        pasted = self.query.strip()
        exact = keys.parse_upload_id(pasted) or keys.upload_id_of(pasted)
        if exact:
            info = queries.any_file(exact)
            return [info] if info else []
        after = query.get("after")
        page = find(
            self.filter_values.to_query(self.query),
            limit=PAGE_SIZE,
            cursor=after or query.get("cursor"),
            backwards=bool(after),
        )
        self.searched = page.examined
        if page.next_cursor:
            self.next_url = self.get_query_string({"cursor": page.next_cursor, "after": None})
        if page.previous_cursor:
            self.previous_url = self.get_query_string(
                {"after": page.previous_cursor, "cursor": None}
            )
        return page.files


@admin.register(File)
class FileAdmin(FileAdminBase):
    """The admin of files. Records follow S3, so they cannot be added or edited by hand.

    The permission `change` allows checking files again and changing their owners.
    """

    change_list_template = "admin/uploads/file/change_list.html"
    change_form_template = "admin/uploads/file/change_form.html"
    list_display = (
        "name", "owner", "size_text", "content_type", "state_text", "created", "confirmed",
    )  # fmt: skip
    show_facets = admin.ShowFacets.NEVER
    # Any other order would require reading the whole table.
    sortable_by = ()
    search_fields = ("file_name",)
    search_help_text = _("Enter a part of a name, a full id or a full object key.")
    actions = (*actions.ACTIONS, *malware.ACTIONS)
    fieldsets = ((None, {"fields": _DESCRIPTION}), (_("Object"), {"fields": _OBJECT}))
    readonly_fields = (*_DESCRIPTION, *_OBJECT)

    # The list

    @admin.display(description=_("name"))
    def name(self, file: File) -> str:
        return str(file) if file.file_name else gettext("(deleted before confirmation)")

    @admin.display(description=_("size"))
    def size_text(self, file: File) -> str:
        return file_size(file.size)

    @admin.display(description=_("state"))
    def state_text(self, file: File) -> str:
        name = file.get_state_display()
        return format_html('<span class="file-state {}">{}</span>', file.state, name)

    @admin.display(description=_("created"))
    def created(self, file: File) -> str:
        return formatted_time(file.created_at)

    @admin.display(description=_("confirmed"))
    def confirmed(self, file: File) -> str:
        return formatted_time(file.confirmed_at) if file.confirmed_at else "—"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return FileChangeList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        for problem in filters.parse(request.GET).problems if request.method == "GET" else ():
            self.message_user(request, problem, "warning")
        context = {"title": gettext("Files"), **(extra_context or {})}
        return super().changelist_view(request, context)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        available = super().get_actions(request)
        # Django's own action would delete rows from SQL.
        available.pop("delete_selected", None)
        if not conf().scans:
            available.pop("scan_files", None)
        return available

    # One file

    @admin.display(description=_("owner"))
    def owner_link(self, file: File) -> str:
        files = f"{reverse('admin:uploads_file_changelist')}?{filters.owner_query(file.info.owner)}"
        listed = format_html('<a href="{}">{}</a>', files, gettext("All files of this owner"))
        user = _user_url(file.info.owner)
        name = format_html('<a href="{}">{}</a>', user, file.owner) if user else file.owner
        return format_html("{} · {}", name, listed) if file.owner else "—"

    @admin.display(description=_("folder"))
    def folder(self, file: File) -> str:
        return display_name(file.info.folder) or "—"

    @admin.display(description=_("size"))
    def size_exact(self, file: File) -> str:
        exact = byte_count(file.size)
        return exact if file.size < 1000 else f"{file_size(file.size)} ({exact})"

    @admin.display(description=_("state"))
    def state_reason(self, file: File) -> str:
        return format_html("{} {}", self.state_text(file), file.reason or _purge_text(file.info))

    @admin.display(description=_("malware"))
    def malware_result(self, file: File) -> str:
        return malware.result_text(file.info)

    @admin.display(description=_("tags"))
    def tags(self, file: File) -> str:
        return display_name(", ".join(file.info.tags)) or "—"

    @admin.display(description=_("context"))
    def context(self, file: File) -> str:
        return display_name(file.info.context) or "—"

    @admin.display(description=_("destination"))
    def destination(self, file: File) -> str:
        return purpose_text(file.info)

    @admin.display(description="ETag")
    def etag(self, file: File) -> str:
        return file.info.etag or "—"

    @admin.display(description=_("version"))
    def version_id(self, file: File) -> str:
        return file.info.version_id or "—"

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> File | None:
        info = queries.any_file(object_id)
        return row(info, owners.usernames([info.owner])) if info else None

    @method_decorator(shows_previews)
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        file = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if file is not None and self.has_view_permission(request, file):
            entries = timeline(file.info)
            names = _usernames(entries)
            shown = _preview(file.info)
            if shown is not None:
                _record(request, AuditAction.PREVIEW_SIGNED, file.info)
            context |= {
                "title": str(file),
                "subtitle": None,
                "preview": shown,
                "timeline": [(entry, _describe(entry, names)) for entry in entries],
                "may_delete": self.has_delete_permission(request),
                "may_operate": self.has_operate_permission(request),
                "may_scan": conf().scans and file.state in KEPT_STATES,
            }
        return super().change_view(request, object_id, form_url, context)

    def get_urls(self) -> list[URLPattern]:
        download = path(
            "<path:object_id>/download/", self._guarded_download, name="uploads_file_download"
        )
        return [download, *super().get_urls()]

    def _guarded_download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Require a sign-in that leads to the file's page: a download would leave the form open."""
        if not self.admin_site.has_permission(request):
            file_url = reverse("admin:uploads_file_change", args=[object_id])
            return redirect_to_login(file_url, reverse("admin:login"))
        return self.admin_site.admin_view(self.download_view)(request, object_id)

    def download_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirect to a presigned download, which is recorded like any other."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            info = queries.any_stored_file(object_id)
            url, _expires = sign_download(info, owners.owner_of(user_of(request)))
        except FileNotFound:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        _record(request, AuditAction.DOWNLOAD_SIGNED, info)
        response = HttpResponseRedirect(url)
        response["Cache-Control"] = "no-store"
        return response

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Confirm that one file moves to the trash, like the list's action."""
        if not (self.has_view_permission(request) and self.has_delete_permission(request)):
            raise PermissionDenied
        if request.method != "GET":
            return HttpResponseRedirect(request.path)
        files = Selection().filter(pk__in=[object_id])
        if not len(files):
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        response = actions.trash_files(self, request, files)
        return response or HttpResponseRedirect(reverse("admin:uploads_file_changelist"))

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the log entries of a file, which `actions` stores as codes, as sentences."""
        response = super().history_view(request, object_id, extra_context)
        if isinstance(response, TemplateResponse) and response.context_data:
            for entry in response.context_data["action_list"]:
                entry.change_message = describe_stored(entry.change_message)
        return response

    # Permissions

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # Records are read-only in forms; only actions change them.
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether the user has the permission `change`, which the actions require."""
        return bool(request.user.has_perm("uploads.change_file"))


def _record(request: HttpRequest, action: AuditAction, info: FileInfo) -> None:
    """Record that an operator could read the content of a file."""
    detail = f"by an operator, owner {info.owner}"
    record(request, action, [Target("file", info.id, info.file_name, detail)])


def _preview(info: FileInfo) -> dict[str, Any] | None:
    """What the page's script needs to show a stored file; None if browsers cannot show it."""
    source = preview(info) if info.state == "stored" else None
    if source is None or source.kind is None:
        return None
    return {"name": info.file_name, "size": info.size, "source": asdict(source)}


def _purge_text(info: FileInfo) -> str:
    """When a file in the trash is permanently deleted; "" for others."""
    if info.state != "trashed" or info.purge_at is None:
        return ""
    if is_being_purged(info):
        return gettext("being permanently deleted")
    return gettext("until %(time)s") % {"time": timestamp(info.purge_at)}


def formatted_time(moment: datetime) -> str:
    """Format a time for a column, with seconds in the tooltip."""
    exact = timestamp(moment, seconds=True)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact, timestamp(moment)
    )


def _user_url(owner: str) -> str | None:
    """Return the URL of an owner's page in the admin, if the user and the page exist."""
    user = owners.user_of_owner(owner)
    if user is None:
        return None
    try:
        name = f"admin:{user._meta.app_label}_{user._meta.model_name}_change"
        return reverse(name, args=[user.pk])
    except NoReverseMatch:  # the user model is not registered
        return None


def _usernames(entries: list[Entry]) -> dict[str, str]:
    mentioned = {entry.by for entry in entries}
    mentioned |= {entry.detail for entry in entries if entry.what == "owner_changed"}
    return owners.usernames(mentioned)


def _describe(entry: Entry, names: dict[str, str]) -> str:
    who = names.get(entry.by, entry.by) or gettext("an unknown user")
    new_owner = names.get(entry.detail, entry.detail)
    reason = describe(entry.reason)
    details = {"who": who, "new": new_owner, "detail": reason or display_name(entry.detail)}
    sentences = {
        "signed": gettext("Upload signed for %(who)s"),
        "notified": gettext("S3 reported the object"),
        "confirmed": gettext("Confirmed and stored"),
        "scanned": reason or gettext("Checked for malware: nothing was found"),
        "rejected": gettext("Rejected: %(detail)s"),
        "owner_changed": gettext("Owner changed to %(new)s by %(who)s"),
        "renamed": gettext("Renamed by %(who)s; the name was %(detail)s"),
        "moved": gettext("Moved by %(who)s from the folder %(detail)s")
        if entry.detail
        else gettext("Moved by %(who)s from the top level"),
        "downloads": gettext("Earlier downloads: %(detail)s"),
        "download": gettext("Download signed for %(who)s"),
        "trashed": gettext("Moved to the trash by %(who)s"),
        "expired": gettext("Moved to the trash because its retention ended"),
        "restored": gettext("Restored from the trash by %(who)s"),
        "deletion_requested": gettext("Deletion requested by %(who)s"),
        "purge_started": gettext("Retention in the trash ended"),
        "removed": gettext("Deleted: %(detail)s") if reason else gettext("Deleted"),
    }
    return sentences[entry.what] % details
