"""Actions on files in the admin: confirmed first, then applied, counted and logged."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, DELETION
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from uploads.accounts import owners
from uploads.accounts.audit.record import check_writable
from uploads.accounts.requests import user_of
from uploads.admin.files.file_queryset import Selection
from uploads.admin.files.history import log
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable, FileBeingDeleted, FilehubError
from uploads.core.reasons import Reason
from uploads.core.texts import describe_error
from uploads.files import actions, trash
from uploads.files.batches import Actor, ChangeMany
from uploads.files.manifest import manifest
from uploads.ingest import confirm
from uploads.models import File

logger = logging.getLogger(__name__)

#: Failures that are reported one by one; the rest are only counted.
MAX_REPORTED = 10
#: Consecutive errors after which an action stops, because each may have taken minutes.
MAX_CONSECUTIVE_ERRORS = 3


class ActionSkipped(Exception):
    """The action does not apply to this file. The text is the reason."""


@dataclass(frozen=True)
class Confirmation:
    """The content of a confirmation page."""

    action: str
    title: Any
    text: Any
    button: Any
    dangerous: bool = False
    #: The label of a required field, the validation error, and the value that was entered.
    field: Any = ""
    error: str = ""
    answer: str = ""


def _confirm_page(
    model_admin: admin.ModelAdmin[File],
    request: HttpRequest,
    files: Selection,
    confirmation: Confirmation,
) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": confirmation.title,
        "confirmation": confirmation,
        "files": list(files),
        "checkbox_name": ACTION_CHECKBOX_NAME,
        "media": model_admin.media,
    }
    return TemplateResponse(
        request,
        "admin/uploads/file/confirm.html",
        context,
        status=400 if confirmation.error else 200,
    )


def _apply(
    model_admin: admin.ModelAdmin[File],
    request: HttpRequest,
    files: Selection,
    act: Callable[[File], Reason],
    *,
    flag: int,
    summary: Callable[[int], str],
    may_stop: bool = True,
) -> HttpResponse:
    """Apply `act` to each file. It returns what the admin log says, or raises ActionSkipped.

    After several errors in a row the other files are skipped, if `may_stop`.
    """
    done = consecutive_errors = 0
    failures: list[str] = []
    selected = set(request.POST.getlist(ACTION_CHECKBOX_NAME))
    if missing := len(selected) - len(files):
        failures.append(
            ngettext(
                "%(n)d selected file does not exist.",
                "%(n)d selected files do not exist.",
                missing,
            )
            % {"n": missing}
        )
    for file in files:
        if may_stop and consecutive_errors == MAX_CONSECUTIVE_ERRORS:
            reason = gettext("Skipped, because the service is not responding.")
            failures.append(gettext("“%(file)s”: %(reason)s") % {"file": file, "reason": reason})
            continue
        try:
            outcome = act(file)
        except (ActionSkipped, FilehubError) as exc:
            reason = str(exc)
            if isinstance(exc, FilehubError):
                consecutive_errors += 1
                logger.warning("Action failed for %s: %r", file.pk, exc.__cause__ or exc)
                reason = describe_error(exc)
            failures.append(gettext("“%(file)s”: %(reason)s") % {"file": file, "reason": reason})
        else:
            done += 1
            consecutive_errors = 0
            log(request, [file], flag, outcome)
    if done:
        model_admin.message_user(request, summary(done), messages.SUCCESS)
    for failure in failures[:MAX_REPORTED]:
        model_admin.message_user(request, failure, messages.ERROR)
    if len(failures) > MAX_REPORTED:
        more = len(failures) - MAX_REPORTED
        model_admin.message_user(
            request,
            ngettext("%(n)d more file failed.", "%(n)d more files failed.", more) % {"n": more},
            messages.ERROR,
        )
    return HttpResponseRedirect(request.get_full_path())


def _is_confirmed(request: HttpRequest) -> bool:
    return "confirmed" in request.POST


@dataclass(frozen=True)
class _Together:
    """A change of all selected files at once, which is confirmed first.

    `logged` and `flag` are for the admin log; `impossible` says why the change does not apply to
    files in another state; `summary` takes the number of files that were changed.
    """

    change: ChangeMany
    logged: Reason
    flag: int
    impossible: str
    summary: Callable[[int], str]


def _change_together(
    model_admin: admin.ModelAdmin[File],
    request: HttpRequest,
    files: Selection,
    confirmation: Confirmation,
    together: _Together,
) -> HttpResponse:
    """Ask for confirmation; once it is given, change the files and report on each."""
    if not _is_confirmed(request):
        return _confirm_page(model_admin, request, files, confirmation)
    act = _changed_together(request, files, together)
    # All files have been changed already, so the result of each is reported and logged.
    return _apply(
        model_admin,
        request,
        files,
        act,
        flag=together.flag,
        summary=together.summary,
        may_stop=False,
    )


def _changed_together(
    request: HttpRequest, files: Selection, together: _Together
) -> Callable[[File], Reason]:
    """Apply a change to all files at once; return what `_apply` calls for each of them."""
    check_writable()
    actor = Actor(by=owners.owner_of(user_of(request)), owner=None)
    ids = [file.pk for file in files]
    try:
        errors = {result.id: result.error for result in together.change(ids, actor)}
    except BackendUnavailable as exc:
        errors = dict.fromkeys(ids, exc)

    def act(file: File) -> Reason:
        error = errors[file.pk]
        if isinstance(error, BackendUnavailable):
            raise error
        if isinstance(error, FileBeingDeleted):
            raise ActionSkipped(describe_error(error))
        if error is not None:
            raise ActionSkipped(together.impossible)
        return together.logged

    return act


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
    together = _Together(
        trash.move_to_trash,
        Reason("trashed"),
        DELETION,
        gettext("The file is not stored."),
        lambda n: (
            ngettext("%(n)d file is now in the trash.", "%(n)d files are now in the trash.", n)
            % {"n": n}
        ),
    )
    return _change_together(model_admin, request, files, confirmation, together)


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
    together = _Together(
        trash.restore,
        Reason("restored"),
        CHANGE,
        gettext("The file is not in the trash."),
        lambda n: ngettext("%(n)d file was restored.", "%(n)d files were restored.", n) % {"n": n},
    )
    return _change_together(model_admin, request, files, confirmation, together)


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
    together = _Together(
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
    return _change_together(model_admin, request, files, confirmation, together)


@admin.action(description=_("Check selected files again"), permissions=["operate"])
def check_again(
    model_admin: admin.ModelAdmin[File], request: HttpRequest, files: Selection
) -> HttpResponse | None:
    """Check the objects in S3 and correct the records."""
    if not _is_confirmed(request):
        confirmation = Confirmation(
            "check_again",
            _("Check files again"),
            _("Each object is checked in S3, and its record is corrected if it differs."),
            _("Check"),
        )
        return _confirm_page(model_admin, request, files, confirmation)
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

    return _apply(model_admin, request, files, act, flag=CHANGE, summary=summary)


@admin.action(description=_("Change the owner of selected files"), permissions=["operate"])
def change_owner(
    model_admin: admin.ModelAdmin[File], request: HttpRequest, files: Selection
) -> HttpResponse | None:
    """Change the owner to another user."""
    username = request.POST.get("answer", "").strip()
    owner = owners.owner_of_username(username) if username else None
    error = ""
    if _is_confirmed(request) and owner is None:
        error = (
            gettext("User “%(name)s” does not exist.") % {"name": username}
            if username
            else gettext("Enter a username.")
        )
    if owner is None or not _is_confirmed(request):
        confirmation = Confirmation(
            "change_owner",
            _("Change the owner"),
            _("The files will move from the current owner’s list to the new owner’s list."),
            _("Change the owner"),
            field=_("New owner (username)"),
            error=error,
            answer=username[:255],
        )
        return _confirm_page(model_admin, request, files, confirmation)

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

    return _apply(
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
