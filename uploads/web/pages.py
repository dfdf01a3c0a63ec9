"""The upload page and its HTML fragments."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_safe

from uploads.accounts import owners
from uploads.accounts.requests import AuthenticatedHttpRequest, is_for_another_user
from uploads.core import media_types
from uploads.core.conf import conf, rules
from uploads.core.errors import BackendUnavailable, InvalidRequest, NotAuthenticated
from uploads.core.fan_out import attempt
from uploads.files import queries, quotas
from uploads.files.listing import Page
from uploads.web import session
from uploads.web.linked_file import LinkedFile, linked_file
from uploads.web.navigation import is_navigation, redirect

logger = logging.getLogger(__name__)

PAGE_SIZE = 50
#: Concurrent requests from the page to S3: as many connections as browsers open to one host.
CONCURRENCY = 6

#: Takes the request of a signed-in user, and what is in the address.
_View = Callable[..., HttpResponse]


def for_signed_in(view: _View) -> _View:
    """Send users who are not signed in to the sign-in page; scripts of an open page get 401.

    A script cannot tell a sign-in page from a fragment, and cannot follow a redirect to another
    host.
    """

    @wraps(view)
    def guarded(request: Any, **parameters: Any) -> HttpResponse:
        if request.user.is_authenticated and not is_for_another_user(request):
            return view(request, **parameters)
        if request.htmx:
            raise NotAuthenticated
        return redirect_to_login(request.get_full_path())

    return guarded


def fragment(view: _View) -> _View:
    """Send people who open the address of a fragment to the page it belongs to."""

    @wraps(view)
    def guarded(request: AuthenticatedHttpRequest) -> HttpResponse:
        return redirect(reverse("home")) if is_navigation(request) else view(request)

    return guarded


# Downloads run in a hidden frame, so that they neither leave the page nor ask to.
@csp_update({"frame-src": [settings.S3_ORIGIN]})
@for_signed_in
@require_safe
def home(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Render the upload page, or only its file list for htmx.

    Raises BackendUnavailable for htmx only.
    """
    # Not trimmed: spaces are part of names.
    q = request.GET.get("q", "")
    # htmx also sends history restores, which need the whole page.
    htmx = request.htmx  # type: ignore[attr-defined]
    is_fragment = bool(htmx) and not htmx.history_restore_request
    page, list_error = Page([], None), False
    try:
        page = queries.files_of(
            owners.owner_of(request.user),
            limit=PAGE_SIZE,
            cursor=request.GET.get("cursor"),
            search=q,
        )
    except BackendUnavailable as exc:
        if is_fragment:
            # The page keeps the list that it has.
            raise
        # Uploading may still work, so render the page with an error in place of the list.
        logger.error("Cannot list files: %r", exc.__cause__ or exc)
        list_error = True
    except InvalidRequest:
        page = queries.files_of(owners.owner_of(request.user), limit=PAGE_SIZE, search=q)
    limits = rules()
    context: dict[str, Any] = {
        "files": page.files,
        "next_cursor": page.next_cursor,
        "q": q,
        "list_error": list_error,
        "upload_config": {
            "max_size": limits.max_size,
            "allowed_types": limits.allowed_types,
            # For comparison by a script, which knows no other spellings of a type.
            "accepted_types": media_types.with_aliases(limits.allowed_types),
            "whole_limit": conf().multipart_threshold,
            "concurrency": CONCURRENCY,
            "namespace": owners.owner_of(request.user),
            "worker_url": static("uploads/client/hashing/hash-worker.js"),
        },
    }
    template = "uploads/_files.html" if is_fragment else "uploads/home.html"
    status = 200
    if not is_fragment:
        linked = _linked_file(request)
        context |= {
            "quota": _allowance(request),
            "linked_file": linked,
            "trash_days": conf().trash_days,
            **session.dialog_of(request),
        }
        status = 404 if linked and linked.is_gone else 200
    response = render(request, template, context, status=status)
    response["Cache-Control"] = "no-store"
    response["Vary"] = "Cookie, HX-Request"
    return response


def _linked_file(request: AuthenticatedHttpRequest) -> LinkedFile | None:
    """Return the file that the list has a notice about (`?file=`); None if AWS is unavailable."""
    file_id = request.GET.get("file")
    if not file_id:
        return None
    return attempt(lambda: linked_file(file_id, owners.owner_of(request.user)))


def _allowance(request: AuthenticatedHttpRequest) -> quotas.Allowance | None:
    """Return the quota usage; None without a quota, or while it is unavailable."""
    return attempt(lambda: quotas.allowance_of(request.user))


@for_signed_in
@fragment
@require_safe
def quota(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Render the user's quota usage; empty without a quota.

    Raises BackendUnavailable. The page then keeps the text it has.
    """
    allowance = quotas.allowance_of(request.user)
    response = render(request, "uploads/_quota.html", {"quota": allowance})
    response["Cache-Control"] = "no-store"
    return response


@for_signed_in
@fragment
@require_safe
def rows(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Render the rows of those `ids` that are stored, newest first."""
    ids = [part for part in request.GET.get("ids", "").split(",") if part]
    statuses = queries.upload_statuses(ids, owners.owner_of(request.user))
    files = [status.file for status in statuses if status.file]
    files.sort(key=lambda info: info.id, reverse=True)
    return render(request, "uploads/_rows.html", {"files": files})


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Redirect to the icon. Browsers request this on pages without one (the admin, API docs)."""
    return HttpResponseRedirect(static("uploads/favicon.svg"))
