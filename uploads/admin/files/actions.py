"""What an operator does to files: one or many, confirmed first, counted and logged afterwards."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from uploads.accounts import owners
from uploads.accounts.requests import user_of
from uploads.admin.files.rows import Selection
from uploads.core.errors import FilehubError
from uploads.files import actions
from uploads.files.manifest import manifest
from uploads.ingest import confirm
from uploads.models import File

logger = logging.getLogger(__name__)

#: Failures that a message names; the others are counted.
NAMED = 10
#: Files in a row whose service did not answer: each may have taken minutes.
GIVE_UP = 3


class NotDone(Exception):
    """This file was left as it is; the text says why."""


@dataclass(frozen=True)
class Question:
    """What the confirmation page asks."""

    action: str
    title: Any
    text: Any
    button: Any
    dangerous: bool = False
    #: The label of a field that needs an answer, and what is wrong with the one that was given.
    field: Any = ""
    error: str = ""
    answer: str = ""


def _ask(
    model_admin: admin.ModelAdmin[File], request: HttpRequest, files: Selection, question: Question
) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": question.title,
        "question": question,
        "files": list(files),
        "checkbox_name": ACTION_CHECKBOX_NAME,
        "media": model_admin.media,
    }
    return TemplateResponse(
        request,
        "admin/uploads/file/confirm.html",
        context,
        status=400 if question.error else 200,
    )


def _each(
    model_admin: admin.ModelAdmin[File],
    request: HttpRequest,
    files: Selection,
    act: Callable[[File], str],
    *,
    flag: int,
    summary: Callable[[int], str],
) -> HttpResponse:
    """Do it to each file. `act` returns what to write into the admin log, or raises NotDone."""
    done = in_vain = 0
    failures: list[str] = []
    chosen = set(request.POST.getlist(ACTION_CHECKBOX_NAME))
    if missing := len(chosen) - len(files):
        failures.append(
            ngettext(
                "%(n)d chosen file does not exist.", "%(n)d chosen files do not exist.", missing
            )
            % {"n": missing}
        )
    for file in files:
        if in_vain == GIVE_UP:
            why = gettext("Not tried, since the service does not answer.")
            failures.append(gettext("“%(file)s”: %(why)s") % {"file": file, "why": why})
            continue
        try:
            note = act(file)
        except (NotDone, FilehubError) as exc:
            if isinstance(exc, FilehubError):
                in_vain += 1
                logger.warning("the admin's action on %s: %r", file.pk, exc.__cause__ or exc)
            failures.append(gettext("“%(file)s”: %(why)s") % {"file": file, "why": exc})
        else:
            done += 1
            in_vain = 0
            _log(request, [file], flag, note)
    if done:
        model_admin.message_user(request, summary(done), messages.SUCCESS)
    for failure in failures[:NAMED]:
        model_admin.message_user(request, failure, messages.ERROR)
    if len(failures) > NAMED:
        more = len(failures) - NAMED
        model_admin.message_user(
            request,
            ngettext("%(n)d more failed.", "%(n)d more failed.", more) % {"n": more},
            messages.ERROR,
        )
    return HttpResponseRedirect(request.get_full_path())


def _log(request: HttpRequest, files: list[File], flag: int, note: str) -> None:
    LogEntry.objects.log_actions(user_of(request).pk, files, flag, note)


def _is_answered(request: HttpRequest) -> bool:
    return "confirmed" in request.POST


@admin.action(description=_("Delete selected files"), permissions=["delete"])
def delete_files(
    model_admin: admin.ModelAdmin[File], request: HttpRequest, files: Selection
) -> HttpResponse | None:
    """Delete the objects; the records follow when S3 reports the removals."""
    if not _is_answered(request):
        question = Question(
            "delete_files",
            _("Delete files"),
            _("The files will be deleted from storage. This cannot be undone."),
            _("Delete"),
            dangerous=True,
        )
        return _ask(model_admin, request, files, question)

    def act(file: File) -> str:
        # Of what was rejected the object may still be there.
        if file.state == "deleted":
            raise NotDone(gettext("It is not stored."))
        actions.remove(file.pk, owners.owner_of(user_of(request)))
        return gettext("Deletion asked.")

    return _each(
        model_admin,
        request,
        files,
        act,
        flag=DELETION,
        summary=lambda n: (
            ngettext(
                "%(n)d file is being deleted. It leaves the list when S3 reports the removal.",
                "%(n)d files are being deleted. They leave the list when S3 reports the removal.",
                n,
            )
            % {"n": n}
        ),
    )


_FINDINGS = {
    "consistent": _("Checked: the record is right."),
    "confirmed": _("Checked: the object was there, the file is stored now."),
    "rejected": _("Checked: the file breaks a rule and is rejected."),
    "missing": _("Checked: the object is missing, the file counts as deleted now."),
    "corrected": _("Checked: the object was another one, the record is corrected."),
}


@admin.action(description=_("Check selected files again"), permissions=["operate"])
def check_again(
    model_admin: admin.ModelAdmin[File], request: HttpRequest, files: Selection
) -> HttpResponse | None:
    """Look at the objects now, and make the records agree with what is there."""
    if not _is_answered(request):
        question = Question(
            "check_again",
            _("Check files again"),
            _("Each object is looked at now, and its record made to agree with what is there."),
            _("Check"),
        )
        return _ask(model_admin, request, files, question)
    changed = 0

    def act(file: File) -> str:
        nonlocal changed
        may_delete = model_admin.has_delete_permission(request)
        finding = confirm.check(file.pk, may_delete=may_delete)
        changed += finding != "consistent"
        return str(_FINDINGS.get(finding, finding))

    def summary(done: int) -> str:
        checked = ngettext("%(n)d file was checked.", "%(n)d files were checked.", done)
        corrected = ngettext("%(n)d record was changed.", "%(n)d records were changed.", changed)
        return f"{checked % {'n': done}} {corrected % {'n': changed}}"

    return _each(model_admin, request, files, act, flag=CHANGE, summary=summary)


@admin.action(description=_("Change the owner of selected files"), permissions=["operate"])
def change_owner(
    model_admin: admin.ModelAdmin[File], request: HttpRequest, files: Selection
) -> HttpResponse | None:
    """Give the files to another user."""
    username = request.POST.get("answer", "").strip()
    owner = owners.owner_of_username(username) if username else None
    error = ""
    if _is_answered(request) and owner is None:
        error = (
            gettext("There is no user “%(name)s”.") % {"name": username}
            if username
            else gettext("Enter a username.")
        )
    if owner is None or not _is_answered(request):
        question = Question(
            "change_owner",
            _("Change the owner"),
            _("The files leave the list of their present owner, and appear in the new one’s."),
            _("Change the owner"),
            field=_("New owner (username)"),
            error=error,
            answer=username[:255],
        )
        return _ask(model_admin, request, files, question)

    def act(file: File) -> str:
        if file.state != "stored":
            raise NotDone(gettext("It is not stored."))
        by = owners.owner_of(user_of(request))
        if not actions.change_owner(file.pk, owner, by):
            raise NotDone(gettext("It belongs to %(name)s already.") % {"name": username})
        names = {"old": file.owner, "new": username}
        return gettext("Owner changed from %(old)s to %(new)s.") % names

    return _each(
        model_admin,
        request,
        files,
        act,
        flag=CHANGE,
        summary=lambda n: (
            ngettext(
                "%(n)d file belongs to %(name)s now.", "%(n)d files belong to %(name)s now.", n
            )
            % {"n": n, "name": username}
        ),
    )


@admin.action(description=_("Download a list of selected files (CSV)"), permissions=["view"])
def download_manifest(
    model_admin: admin.ModelAdmin[File], request: HttpRequest, files: Selection
) -> HttpResponse | None:
    """A CSV of ids, names, sizes and checksums. It changes nothing, so nothing is asked first."""
    infos = [file.info for file in files]
    names = owners.usernames(info.owner for info in infos)
    _log(request, list(files), CHANGE, gettext("Listed in a downloaded manifest."))
    response = HttpResponse(manifest(infos, names), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="filehub-manifest.csv"'
    response["Cache-Control"] = "no-store"
    return response


ACTIONS: Any = (delete_files, check_again, change_owner, download_manifest)
