"""Actions on files in the admin: confirmed first, then applied, counted and logged."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import CHANGE, DELETION
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from uploads.accounts import owners
from uploads.accounts.audit.record import check_writable
from uploads.accounts.requests import user_of
from uploads.admin.files.applying import (
    ActionSkipped,
    Confirmation,
    Together,
    apply,
    change_together,
    confirm_page,
    is_confirmed,
)
from uploads.admin.files.file_queryset import Selection
from uploads.admin.files.history import log
from uploads.core.conf import conf
from uploads.core.reasons import Reason
from uploads.files import actions, trash
from uploads.files.manifest import manifest
from uploads.ingest import confirm
from uploads.models import File


@admin.action(description=_("Move selected files to the trash"), permissions=["delete"])
def trash_files(
    model_admin: admin.ModelAdmin[File], request: HttpRequest, files: Selection
) -> HttpResponse:
    """Move stored files to the trash. Without a trash, delete them permanently."""
    if not conf().trash_days:
        return delete_files(model_admin, request, files)
    text = ngettext(
        "The files disappear from their owners’ lists and can be restored for %(n)d day. "
        "After that they are permanently deleted.",
        "The files disappear from their owners’ lists and can be restored for %(n)d days. "
        "After that they are permanently deleted.",
        conf().trash_days,
    )
    confirmation = Confirmation(
        "trash_files",
        _("Move files to the trash"),
        text % {"n": conf().trash_days},
        _("Move to the trash"),
    )
    together = Together(
        trash.move_to_trash,
        Reason("trashed"),
        DELETION,
        gettext("The file is not stored."),
        lambda n: (
            ngettext("%(n)d file is now in the trash.", "%(n)d files are now in the trash.", n)
            % {"n": n}
        ),
    )
    return change_together(model_admin, request, files, confirmation, together)


@admin.action(description=_("Restore selected files from the trash"), permissions=["delete"])
def restore_files(
    model_admin: admin.ModelAdmin[File], request: HttpRequest, files: Selection
) -> HttpResponse:
    """Restore files from the trash."""
    confirmation = Confirmation(
        "restore_files",
        _("Restore files"),
        _("The files return from the trash to their owners’ lists."),
        _("Restore"),
    )
    together = Together(
        trash.restore,
        Reason("restored"),
        CHANGE,
        gettext("The file is not in the trash."),
        lambda n: ngettext("%(n)d file was restored.", "%(n)d files were restored.", n) % {"n": n},
    )
    return change_together(model_admin, request, files, confirmation, together)


@admin.action(description=_("Permanently delete selected files"), permissions=["delete"])
def delete_files(
    model_admin: admin.ModelAdmin[File], request: HttpRequest, files: Selection
) -> HttpResponse:
    """Delete the objects, also those in the trash. The records follow when S3 reports it."""
    confirmation = Confirmation(
        "delete_files",
        _("Permanently delete files"),
        _("The files will be permanently deleted from storage. This cannot be undone."),
        _("Delete permanently"),
        dangerous=True,
    )
    together = Together(
        trash.delete,
        Reason("deletion_requested"),
        DELETION,
        gettext("The file is not stored."),
        lambda n: (
            ngettext(
                "%(n)d file is being deleted. "
                "It disappears from the list once S3 reports the deletion.",
                "%(n)d files are being deleted. "
                "They disappear from the list once S3 reports the deletion.",
                n,
            )
            % {"n": n}
        ),
    )
    return change_together(model_admin, request, files, confirmation, together)


@admin.action(description=_("Check selected files again"), permissions=["operate"])
def check_again(
    model_admin: admin.ModelAdmin[File], request: HttpRequest, files: Selection
) -> HttpResponse | None:
    """Check the objects in S3 and correct the records."""
    if not is_confirmed(request):
        confirmation = Confirmation(
            "check_again",
            _("Check files again"),
            _("Each object is checked in S3, and its record is corrected if it differs."),
            _("Check"),
        )
        return confirm_page(model_admin, request, files, confirmation)
    changed = 0

    def act(file: File) -> Reason:
        nonlocal changed
        may_delete = model_admin.has_delete_permission(request)
        result = confirm.check(file.pk, may_delete=may_delete)
        changed += result != "consistent"
        return Reason(f"check_{result}")

    def summary(done: int) -> str:
        checked = ngettext("%(n)d file was checked.", "%(n)d files were checked.", done)
        corrected = ngettext("%(n)d record was changed.", "%(n)d records were changed.", changed)
        return f"{checked % {'n': done}} {corrected % {'n': changed}}"

    return apply(model_admin, request, files, act, flag=CHANGE, summary=summary)


@admin.action(description=_("Change the owner of selected files"), permissions=["operate"])
def change_owner(
    model_admin: admin.ModelAdmin[File], request: HttpRequest, files: Selection
) -> HttpResponse | None:
    """Change the owner to another user."""
    username = request.POST.get("answer", "").strip()
    owner = owners.owner_of_username(username) if username else None
    error = ""
    if is_confirmed(request) and owner is None:
        error = (
            gettext("User “%(name)s” does not exist.") % {"name": username}
            if username
            else gettext("Enter a username.")
        )
    if owner is None or not is_confirmed(request):
        confirmation = Confirmation(
            "change_owner",
            _("Change the owner"),
            _("The files will move from the current owner’s list to the new owner’s list."),
            _("Change the owner"),
            field=_("New owner (username)"),
            error=error,
            answer=username[:255],
        )
        return confirm_page(model_admin, request, files, confirmation)

    def act(file: File) -> Reason:
        if file.state != "stored":
            raise ActionSkipped(gettext("The file is not stored."))
        by = owners.owner_of(user_of(request))
        check_writable()
        if not actions.change_owner(file.pk, owner, by):
            raise ActionSkipped(
                gettext("The file already belongs to %(name)s.") % {"name": username}
            )
        return Reason("owner_changed", {"old": file.owner, "new": username})

    return apply(
        model_admin,
        request,
        files,
        act,
        flag=CHANGE,
        summary=lambda n: (
            ngettext(
                "%(n)d file now belongs to %(name)s.", "%(n)d files now belong to %(name)s.", n
            )
            % {"n": n, "name": username}
        ),
    )


@admin.action(description=_("Download a list of selected files (CSV)"), permissions=["view"])
def download_manifest(
    model_admin: admin.ModelAdmin[File], request: HttpRequest, files: Selection
) -> HttpResponse | None:
    """Download ids, names, sizes and checksums as CSV, without a confirmation."""
    infos = [file.info for file in files]
    names = owners.usernames(info.owner for info in infos)
    log(request, list(files), CHANGE, Reason("listed_in_download"))
    response = HttpResponse(manifest(infos, names), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="filehub-manifest.csv"'
    response["Cache-Control"] = "no-store"
    return response


ACTIONS: Any = (
    trash_files, restore_files, delete_files, check_again, change_owner, download_manifest,
)  # fmt: skip
