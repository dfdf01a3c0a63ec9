"""The storage report in the Django admin, and the end of uploads that nobody goes on with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from django.contrib import admin, messages
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from uploads.accounts import owners
from uploads.admin import chart
from uploads.admin.files.filters import KIND_NAMES, of_owner
from uploads.aws import multipart
from uploads.core import keys
from uploads.core.errors import BackendUnavailable, InvalidRequest
from uploads.files.usage import Day, Usage
from uploads.models import StorageReport
from uploads.operations import report
from uploads.operations.dashboard import total

if TYPE_CHECKING:
    ReportAdminBase = admin.ModelAdmin[StorageReport]
else:
    ReportAdminBase = admin.ModelAdmin

RUN_NAMES = {
    "recent": _("recent uploads"),
    "multipart": _("uploads in parts"),
    "all": _("everything"),
    "since": _("since a moment"),
    "inventory": _("an inventory"),
}

Measure = Literal["bytes", "files"]


@dataclass(frozen=True)
class Row:
    """A line of what is stored: of a group or an owner. `percent` is its part of all bytes."""

    name: str
    url: str
    usage: Usage
    percent: float
    #: The owner's user is gone.
    is_gone: bool = False

    @property
    def bar(self) -> int:
        """The length of its bar, of 100. Whatever is there can be seen."""
        return max(round(self.percent), 1) if self.usage.bytes else 0


@admin.register(StorageReport)
class StorageReportAdmin(ReportAdminBase):
    """One page instead of a list; `delete` is the permission to end unfinished uploads."""

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
        found = report.collect(after)
        measure: Measure = "files" if request.GET.get("days") == "files" else "bytes"
        files_url = (
            reverse(f"{self.admin_site.name}:uploads_file_changelist")
            if request.user.has_perm("uploads.view_file")
            else ""
        )
        context = {
            **self._context(request, _("Storage report")),
            "report": found,
            "most_owners": report.MOST_OWNERS,
            "kinds": _kinds(found, files_url),
            "owners": _owners(found, files_url),
            "runs": [(RUN_NAMES.get(run.kind, run.kind), run) for run in found.runs or []],
            "measure": measure,
            "days": found.days and _days(found.days, measure),
            "is_first_page": after is None,
            "next_url": _next_url(found.unfinished, measure),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/uploads/storagereport/change_list.html", context)

    # --- Unfinished uploads ---------------------------------------------------------------------

    def abort_view(self, request: HttpRequest) -> HttpResponse:
        """Ask whether the chosen uploads are to be ended, and end them."""
        if not self.has_delete_permission(request):
            raise PermissionDenied
        overview_url = reverse(f"{self.admin_site.name}:uploads_storagereport_changelist")
        chosen = _chosen(request)
        if not chosen:
            if request.method == "POST":
                messages.warning(request, gettext("Choose at least one unfinished upload."))
            return HttpResponseRedirect(overview_url)
        try:
            found = {each: multipart.find_unfinished(*each) for each in chosen}
            uploads = [upload for upload in found.values() if upload]
            if "confirmed" in request.POST or not uploads:
                self._abort(request, uploads)
                _tell_gone(request, len(found) - len(uploads))
                return HttpResponseRedirect(overview_url)
        except BackendUnavailable as exc:
            # What was ended before that is in the log, and is not asked for again.
            messages.error(request, exc.message)
            return HttpResponseRedirect(overview_url)
        context = {
            **self._context(request, _("End unfinished uploads?")),
            "page": multipart.UnfinishedPage(uploads, None),
            "gone": len(found) - len(uploads),
            "overview_url": overview_url,
        }
        return TemplateResponse(request, "admin/uploads/storagereport/abort.html", context)

    def _abort(self, request: HttpRequest, uploads: list[multipart.UnfinishedUpload]) -> None:
        ended: list[multipart.UnfinishedUpload] = []
        gone = 0
        try:
            for upload in uploads:
                if multipart.abort_key(upload.key, upload.s3_upload_id):
                    self._log(request, upload)
                    ended.append(upload)
                else:
                    gone += 1
        finally:
            if ended:
                text = ngettext(
                    "%(n)s unfinished upload was ended: %(size)s are free.",
                    "%(n)s unfinished uploads were ended: %(size)s are free.",
                    len(ended),
                ) % {
                    "n": len(ended),
                    "size": filesizeformat(sum(upload.bytes for upload in ended)),
                }
                messages.success(request, text)
            _tell_gone(request, gone)

    def _log(self, request: HttpRequest, upload: multipart.UnfinishedUpload) -> None:
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


def _chosen(request: HttpRequest) -> list[tuple[str, str]]:
    """Key and S3's id of the uploads that were chosen: one by its button, or some by their boxes.

    A form names an upload by S3's id, a space, and the key: that id never has a space.
    """
    values = request.POST.getlist("only") or request.POST.getlist("upload")
    chosen = [(key, s3_id) for s3_id, space, key in (value.partition(" ") for value in values)]
    if len(chosen) > report.UNFINISHED or not all(
        key.startswith(keys.PREFIX) and s3_id for key, s3_id in chosen
    ):
        raise InvalidRequest("This is no choice of unfinished uploads.")
    return list(dict.fromkeys(chosen))


def _tell_gone(request: HttpRequest, count: int) -> None:
    if count:
        text = ngettext(
            "%(n)s upload was not there any more: it was completed or ended meanwhile.",
            "%(n)s uploads were not there any more: they were completed or ended meanwhile.",
            count,
        )
        messages.warning(request, text % {"n": count})


# --- What the templates show ---------------------------------------------------------------------


def _row(name: str, used: Usage, all_bytes: int, url: str, *, is_gone: bool = False) -> Row:
    return Row(name, url, used, used.bytes * 100 / all_bytes if all_bytes else 0.0, is_gone)


def _kinds(found: report.Report, files_url: str) -> list[Row]:
    """The groups that have files, largest first."""
    if found.kinds is None or found.stored is None:
        return []
    rows = [
        _row(
            str(KIND_NAMES[kind]),
            used,
            found.stored.bytes,
            files_url and f"{files_url}?{urlencode({'kind': kind})}",
        )
        for kind, used in found.kinds.items()
        if used.files or used.bytes
    ]
    return sorted(rows, key=lambda row: (-row.usage.bytes, -row.usage.files))


def _owners(found: report.Report, files_url: str) -> list[Row]:
    """The largest owners. Who is no user any more is named as records name owners."""
    if found.owners is None:
        return []
    names = owners.usernames(owner for owner, _ in found.owners.first)
    everybody = total([*(used for _, used in found.owners.first), found.owners.others_usage])
    return [
        _row(
            names.get(owner, owner),
            used,
            everybody.bytes,
            files_url and f"{files_url}?{of_owner(owner)}",
            is_gone=owner not in names,
        )
        for owner, used in found.owners.first
    ]


def _days(days: list[Day], measure: Measure) -> dict[str, Any]:
    """The days as drawings, for wide and for narrow screens, and as a table.

    Two drawings, since one that shrinks has text that nobody can read.
    """
    points = [chart.Point(day.date, getattr(day, measure), day.rejected) for day in days]
    unit = 1024 if measure == "bytes" else 1
    drawings = {
        "wide": chart.draw(points, slot=27, height=190, every=3, unit=unit),
        "narrow": chart.draw(points, slot=8, height=150, every=10, unit=unit),
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
