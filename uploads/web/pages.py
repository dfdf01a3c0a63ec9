"""The upload page and its HTML fragments."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.templatetags.static import static
from django.views.decorators.http import require_safe

from uploads.accounts import owners
from uploads.accounts.requests import AuthenticatedHttpRequest
from uploads.core import media_types
from uploads.core.conf import conf, rules
from uploads.core.errors import BackendUnavailable, InvalidRequest
from uploads.core.fan_out import attempt
from uploads.files import queries, quotas
from uploads.files.listing import Page

logger = logging.getLogger(__name__)

PAGE_SIZE = 50
#: Concurrent requests from the page to S3: as many connections as browsers open to one host.
CONCURRENCY = 6


@login_required
@require_safe
def home(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Render the upload page, or only its file list for htmx.

    Raises BackendUnavailable for htmx only.
    """
    # Not trimmed: spaces are part of names.
    q = request.GET.get("q", "")
    # htmx also sends history restores, which need the whole page.
    htmx = request.htmx  # type: ignore[attr-defined]
    fragment = bool(htmx) and not htmx.history_restore_request
    page, list_error = Page([], None), False
    try:
        page = queries.files_of(
            owners.owner_of(request.user),
            limit=PAGE_SIZE,
            cursor=request.GET.get("cursor"),
            prefix=q,
        )
    except BackendUnavailable as exc:
        if fragment:
            # The page keeps the list that it has.
            raise
        # Uploading may still work, so render the page with an error in place of the list.
        logger.error("Cannot list files: %r", exc.__cause__ or exc)
        list_error = True
    except InvalidRequest:
        page = queries.files_of(owners.owner_of(request.user), limit=PAGE_SIZE, prefix=q)
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
    template = "uploads/_files.html" if fragment else "uploads/home.html"
    if not fragment:
        context["quota"] = _allowance(request)
    response = render(request, template, context)
    response["Cache-Control"] = "no-store"
    response["Vary"] = "Cookie, HX-Request"
    return response


def _allowance(request: AuthenticatedHttpRequest) -> quotas.Allowance | None:
    """Return the quota usage; None without a quota, or while it is unavailable."""
    return attempt(lambda: quotas.allowance_of(request.user))


@login_required
@require_safe
def quota(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Render the user's quota usage; empty without a quota.

    Raises BackendUnavailable. The page then keeps the text it has.
    """
    allowance = quotas.allowance_of(request.user)
    response = render(request, "uploads/_quota.html", {"quota": allowance})
    response["Cache-Control"] = "no-store"
    return response


@login_required
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
