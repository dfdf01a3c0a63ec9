"""The storage report in the admin, and aborting unfinished uploads."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from django.contrib import admin, messages
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from uploads.accounts import owners
from uploads.accounts.audit.record import Target, check_writable, record
from uploads.admin import chart
from uploads.admin.files.filters import KIND_NAMES, owner_query
from uploads.aws import multipart
from uploads.core import keys
from uploads.core.errors import BackendUnavailable, InvalidRequest
from uploads.core.texts import describe_error, file_size
from uploads.files.usage import Day, Usage
from uploads.models import AuditAction, StorageReport
from uploads.operations import report
from uploads.operations.dashboard import total
from uploads.operations.doctor import expected

if TYPE_CHECKING:
    ReportAdminBase = admin.ModelAdmin[StorageReport]
else:
    ReportAdminBase = admin.ModelAdmin

logger = logging.getLogger(__name__)

RUN_NAMES = {
    "recent": _("recent uploads"),
    "multipart": _("multipart uploads"),
    "all": _("all files"),
    "since": _("since a specific time"),
    "inventory": _("inventory"),
}

Measure = Literal["bytes", "files"]


@dataclass(frozen=True)
class Row:
    """The usage of a type group or an owner. `percent` is its share of all bytes."""

    name: str
    url: str
    usage: Usage
    percent: float
    #: Whether the owner's user has been deleted.
    is_deleted_user: bool = False

    @property
    def bar(self) -> int:
        """The length of the bar, from 0 to 100. It is at least 1 unless there are no bytes."""
        return max(round(self.percent), 1) if self.usage.bytes else 0


@admin.register(StorageReport)
class StorageReportAdmin(ReportAdminBase):
    """A single page instead of a list. `delete` allows aborting unfinished uploads."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="uploads_storagereport_changelist"),
            path("abort/", view(self.abort_view), name="uploads_storagereport_abort"),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: StorageReport | None = None) -> bool:
        return False

    # --- The report -----------------------------------------------------------------------------

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        after = _cursor(request)
        data = report.collect(after)
        measure: Measure = "files" if request.GET.get("days") == "files" else "bytes"
        files_url = (
            reverse(f"{self.admin_site.name}:uploads_file_changelist")
            if request.user.has_perm("uploads.view_file")
            else ""
        )
        context = {
            **self._context(request, _("Storage report")),
            "report": data,
            "most_owners": report.MAX_OWNERS,
            "day_count": report.DAYS,
            "abort_after": expected.ABORT_AFTER,
            "kinds": _kinds(data, files_url),
            "owners": _owners(data, files_url),
            "runs": [(RUN_NAMES.get(run.kind, run.kind), run) for run in data.runs or []],
            "measure": measure,
            "days": data.days and _days(data.days, measure),
            "is_first_page": after is None,
            "next_url": _next_url(data.unfinished, measure),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/uploads/storagereport/change_list.html", context)

    # --- Unfinished uploads ---------------------------------------------------------------------

    def abort_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for confirmation to abort the selected uploads, then abort them."""
        if not self.has_delete_permission(request):
            raise PermissionDenied
        overview_url = reverse(f"{self.admin_site.name}:uploads_storagereport_changelist")
        selected = _selected_uploads(request)
        if not selected:
            if request.method == "POST":
                messages.warning(request, gettext("Select at least one unfinished upload."))
            return HttpResponseRedirect(overview_url)
        try:
            candidates = [multipart.find_unfinished(key, s3_id) for key, s3_id in selected]
            uploads = [upload for upload in candidates if upload]
            if "confirmed" in request.POST or not uploads:
                self._abort(request, uploads)
                _warn_missing(request, len(selected) - len(uploads))
                return HttpResponseRedirect(overview_url)
        except BackendUnavailable as exc:
            # Uploads that were already aborted are logged, and no longer listed.
            logger.error("Cannot abort uploads: %r", exc.__cause__ or exc)
            messages.error(request, describe_error(exc))
            return HttpResponseRedirect(overview_url)
        context = {
            **self._context(request, _("Abort unfinished uploads?")),
            "page": multipart.UnfinishedPage(uploads, None),
            "missing": len(selected) - len(uploads),
            "overview_url": overview_url,
        }
        return TemplateResponse(request, "admin/uploads/storagereport/abort.html", context)

    def _abort(self, request: HttpRequest, uploads: list[multipart.UnfinishedUpload]) -> None:
        aborted: list[multipart.UnfinishedUpload] = []
        missing = 0
        check_writable()
        try:
            for upload in uploads:
                if multipart.abort_key(upload.key, upload.s3_upload_id):
                    self._log(request, upload)
                    aborted.append(upload)
                else:
                    missing += 1
        finally:
            if aborted:
                text = ngettext(
                    "%(n)s unfinished upload was aborted, which freed %(size)s.",
                    "%(n)s unfinished uploads were aborted, which freed %(size)s.",
                    len(aborted),
                ) % {
                    "n": len(aborted),
                    "size": file_size(sum(upload.bytes for upload in aborted)),
                }
                messages.success(request, text)
            _warn_missing(request, missing)

    def _log(self, request: HttpRequest, upload: multipart.UnfinishedUpload) -> None:
        detail = f"by an operator, {upload.parts} parts, {upload.bytes} bytes"
        target = Target("file", upload.upload_id or upload.key, detail=detail)
        record(request, AuditAction.UPLOAD_ABORTED, [target])
        LogEntry.objects.create(
            user_id=str(request.user.pk),
            content_type=ContentType.objects.get_for_model(StorageReport, for_concrete_model=False),
            object_id=upload.key,
            object_repr=f"unfinished upload {upload.upload_id or upload.key}"[:200],
            action_flag=DELETION,
            change_message=f"{upload.parts} parts, {upload.bytes} bytes; {upload.s3_upload_id}",
        )

    def _context(self, request: HttpRequest, title: Any) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "may_abort": self.has_delete_permission(request),
        }


def _cursor(request: HttpRequest) -> multipart.Cursor | None:
    key, s3_upload_id = request.GET.get("key", ""), request.GET.get("upload", "")
    is_one = key.startswith(keys.PREFIX) and bool(s3_upload_id)
    return multipart.Cursor(key, s3_upload_id) if is_one else None


def _next_url(page: multipart.UnfinishedPage | None, measure: Measure) -> str:
    if page is None or page.next_cursor is None:
        return ""
    query = {
        "days": measure,
        "key": page.next_cursor.key,
        "upload": page.next_cursor.s3_upload_id,
    }
    return f"?{urlencode(query)}#unfinished"


def _selected_uploads(request: HttpRequest) -> list[tuple[str, str]]:
    """Return (key, S3's upload id) of the selected uploads: of one button, or of the checkboxes.

    The form's values consist of S3's upload id, a space, and the key. The id has no spaces.

    Raises InvalidRequest for forged values.
    """
    values = request.POST.getlist("only") or request.POST.getlist("upload")
    selected = [(key, s3_id) for s3_id, space, key in (value.partition(" ") for value in values)]
    if len(selected) > report.UNFINISHED or not all(
        key.startswith(keys.PREFIX) and s3_id for key, s3_id in selected
    ):
        raise InvalidRequest("The selection of unfinished uploads is invalid.")
    return list(dict.fromkeys(selected))


def _warn_missing(request: HttpRequest, count: int) -> None:
    if count:
        text = ngettext(
            "%(n)s upload no longer exists: it was completed or aborted in the meantime.",
            "%(n)s uploads no longer exist: they were completed or aborted in the meantime.",
            count,
        )
        messages.warning(request, text % {"n": count})


# --- Template context ----------------------------------------------------------------------------


def _row(name: str, used: Usage, all_bytes: int, url: str, *, is_deleted_user: bool = False) -> Row:
    return Row(name, url, used, used.bytes * 100 / all_bytes if all_bytes else 0.0, is_deleted_user)


def _kinds(data: report.Report, files_url: str) -> list[Row]:
    """Return the type groups that have files, largest first."""
    if data.kinds is None or data.stored is None:
        return []
    rows = [
        _row(
            str(KIND_NAMES[kind]),
            used,
            data.stored.bytes,
            files_url and f"{files_url}?{urlencode({'kind': kind})}",
        )
        for kind, used in data.kinds.items()
        if used.files or used.bytes
    ]
    return sorted(rows, key=lambda row: (-row.usage.bytes, -row.usage.files))


def _owners(data: report.Report, files_url: str) -> list[Row]:
    """Return the largest owners. Deleted users appear as owner strings."""
    if data.owners is None:
        return []
    names = owners.usernames(owner for owner, _ in data.owners.first)
    all_owners = total([*(used for _, used in data.owners.first), data.owners.others_usage])
    return [
        _row(
            names.get(owner, owner),
            used,
            all_owners.bytes,
            files_url and f"{files_url}?{owner_query(owner)}",
            is_deleted_user=owner not in names,
        )
        for owner, used in data.owners.first
    ]


def _days(days: list[Day], measure: Measure) -> dict[str, Any]:
    """Return the days as charts for wide and narrow screens, and as rows of a table.

    There are two charts, because the text of a scaled-down one would be illegible.
    """
    points = [chart.Point(day.date, getattr(day, measure), day.rejected) for day in days]
    drawings = {
        "wide": chart.draw(points, slot=27, height=190, label_every=3),
        "narrow": chart.draw(points, slot=8, height=150, label_every=10),
    }
    return {
        "rows": days[::-1],
        "files": sum(day.files for day in days),
        "bytes": sum(day.bytes for day in days),
        "rejected": sum(day.rejected for day in days),
        "most": max(days, key=lambda day: getattr(day, measure)),
        "is_empty": not any(day.files or day.bytes or day.rejected for day in days),
        "drawings": [
            (size, drawing, list(zip(drawing.bars, days, strict=True)))
            for size, drawing in drawings.items()
        ],
    }
