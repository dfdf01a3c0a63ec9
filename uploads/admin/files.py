"""The Django admin over DynamoDB: files, newest first, by cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from uploads import selectors
from uploads.listing import FileInfo, Wanted, find
from uploads.models import STATE_NAMES, STATES, File, State

if TYPE_CHECKING:
    FileAdminBase = admin.ModelAdmin[File]
else:
    FileAdminBase = admin.ModelAdmin

PAGE_SIZE = 100


class FileChangeList(ChangeList):
    """A change list whose rows come from a selector. DynamoDB has cursors, not page numbers."""

    next_url: str | None = None
    state: State = "stored"

    def get_queryset(self, request: HttpRequest, *args: Any) -> QuerySet[File]:
        return File.objects.none()

    def get_results(self, request: HttpRequest) -> None:
        asked = request.GET.get("state", "stored")
        self.state = asked if asked in STATES else "stored"
        page = find(Wanted(self.state), limit=PAGE_SIZE, cursor=request.GET.get("cursor") or None)
        names = selectors.usernames(info.owner for info in page.files)
        self.result_list = [_row(info, names) for info in page.files]
        self.result_count = self.full_result_count = len(page.files)
        self.show_full_result_count = False
        self.show_admin_actions = False
        self.can_show_all = self.multi_page = False
        self.paginator = Paginator(self.result_list, PAGE_SIZE)
        self.states = [
            (state, STATE_NAMES[state], f"?{urlencode({'state': state})}") for state in STATES
        ]
        self.is_first_page = not request.GET.get("cursor")
        if page.next_cursor:
            self.next_url = f"?{urlencode({'state': self.state, 'cursor': page.next_cursor})}"


def _row(info: FileInfo, names: dict[str, str]) -> File:
    return File(
        id=info.id,
        file_name=info.file_name,
        owner=names.get(info.owner, info.owner),
        size=info.size,
        content_type=info.content_type,
        state=info.state,
        reason=info.reason,
        checksum=info.checksum,
        key=info.key,
        created_at=info.created_at,
        confirmed_at=info.confirmed_at,
    )


@admin.register(File)
class FileAdmin(FileAdminBase):
    """Files, to look at. Records follow S3, so nobody adds or edits them by hand."""

    change_list_template = "admin/uploads/file/change_list.html"
    list_display = ("name", "owner", "size_text", "content_type", "state", "created_at")
    # Newest first is the only order that costs a page instead of a table.
    sortable_by = ()
    actions = None
    readonly_fields = (
        "id", "file_name", "owner", "size", "content_type", "checksum",
        "state", "reason", "key", "created_at", "confirmed_at",
    )  # fmt: skip

    @admin.display(description=_("name"))
    def name(self, row: File) -> str:
        return row.file_name or str(_("(removed before it was confirmed)"))

    @admin.display(description=_("size"))
    def size_text(self, row: File) -> str:
        return filesizeformat(row.size)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return FileChangeList

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> File | None:
        info = selectors.any_file(object_id)
        return _row(info, selectors.usernames([info.owner])) if info else None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: File | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: File | None = None) -> bool:
        return False
