"""How actions on files are confirmed, applied, counted and logged."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext

from uploads.accounts import owners
from uploads.accounts.audit.record import check_writable
from uploads.accounts.requests import user_of
from uploads.admin.files.file_queryset import Selection
from uploads.admin.files.history import log
from uploads.core.errors import BackendUnavailable, FileBeingDeleted, FilehubError
from uploads.core.reasons import Reason
from uploads.core.texts import describe_error
from uploads.files.batches import Actor, ChangeMany
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


def confirm_page(
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


def apply(
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


def is_confirmed(request: HttpRequest) -> bool:
    return "confirmed" in request.POST


@dataclass(frozen=True)
class Together:
    """A change of all selected files at once, which is confirmed first.

    `logged` and `flag` are for the admin log; `impossible` says why the change does not apply to
    files in another state; `summary` takes the number of files that were changed.
    """

    change: ChangeMany
    logged: Reason
    flag: int
    impossible: str
    summary: Callable[[int], str]


def change_together(
    model_admin: admin.ModelAdmin[File],
    request: HttpRequest,
    files: Selection,
    confirmation: Confirmation,
    together: Together,
) -> HttpResponse:
    """Ask for confirmation; once it is given, change the files and report on each."""
    if not is_confirmed(request):
        return confirm_page(model_admin, request, files, confirmation)
    act = _changed_together(request, files, together)
    # All files have been changed already, so the result of each is reported and logged.
    return apply(
        model_admin,
        request,
        files,
        act,
        flag=together.flag,
        summary=together.summary,
        may_stop=False,
    )


def _changed_together(
    request: HttpRequest, files: Selection, together: Together
) -> Callable[[File], Reason]:
    """Apply a change to all files at once; return what `apply` calls for each of them."""
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
