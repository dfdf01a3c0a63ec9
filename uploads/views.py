"""Pages, their fragments, health, and the error handlers."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from uploads import metrics, quotas, selectors
from uploads.asking import attempt
from uploads.conf import env
from uploads.exceptions import BackendUnavailable, CsrfFailed, InvalidRequest, NotAuthenticated
from uploads.listing import Page
from uploads.middleware import error_page, error_response, json_error, wants_json
from uploads.rules import rules

logger = logging.getLogger(__name__)

PAGE_SIZE = 50
#: Requests to S3 that the page makes at the same time: as many as browsers open to one host.
CONCURRENCY = 6
#: Seconds for which the answer of /readyz is reused, so that asking often costs nothing.
READINESS_TTL = 2
#: Seconds for which the answer of /metrics is.
METRICS_TTL = 10


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The upload page; to htmx only its list of files."""
    q = request.GET.get("q", "").strip()
    page, list_error = Page([], None), False
    try:
        page = selectors.files_of(
            selectors.owner_of(request.user),  # type: ignore[arg-type]  # login_required
            limit=PAGE_SIZE,
            cursor=request.GET.get("cursor"),
            prefix=q,
        )
    except BackendUnavailable as exc:
        # Uploading may well work: the page stays usable and says what is missing.
        logger.error("the list of files cannot be shown: %r", exc.__cause__ or exc)
        list_error = True
    except InvalidRequest:
        page = selectors.files_of(selectors.owner_of(request.user), limit=PAGE_SIZE, prefix=q)  # type: ignore[arg-type]
    limits = rules()
    context: dict[str, Any] = {
        "files": page.files,
        "next_cursor": page.next_cursor,
        "q": q,
        "list_error": list_error,
        "upload_config": {
            "max_size": limits.max_size,
            "allowed_types": limits.allowed_types,
            "whole_limit": env().filehub_multipart_threshold,
            "concurrency": CONCURRENCY,
            "namespace": selectors.owner_of(request.user),  # type: ignore[arg-type]
            "worker_url": static("uploads/client/hashing/hash-worker.js"),
        },
    }
    # A history restore asks through htmx too, but for the whole page.
    htmx = request.htmx  # type: ignore[attr-defined]
    fragment = bool(htmx) and not htmx.history_restore_request
    template = "uploads/_files.html" if fragment else "uploads/home.html"
    if not fragment:
        context["quota"] = _allowance(request)
    response = render(request, template, context)
    response["Cache-Control"] = "no-store"
    response["Vary"] = "Cookie, HX-Request"
    return response


def _allowance(request: HttpRequest) -> quotas.Allowance | None:
    """What is used of the quota; None also while that cannot be told: the page does without."""
    return attempt(lambda: quotas.allowance_of(request.user))  # type: ignore[arg-type]


@login_required
@require_safe
def quota(request: HttpRequest) -> HttpResponse:
    """How much of the visitor's quota is used, as a line; empty without a quota.

    Raises BackendUnavailable: the page then keeps the line that it has.
    """
    allowance = quotas.allowance_of(request.user)  # type: ignore[arg-type]  # login_required
    response = render(request, "uploads/_quota.html", {"quota": allowance})
    response["Cache-Control"] = "no-store"
    return response


@login_required
@require_safe
def rows(request: HttpRequest) -> HttpResponse:
    """The list rows of the stored files among `ids`, newest first."""
    ids = [part for part in request.GET.get("ids", "").split(",") if part]
    statuses = selectors.upload_statuses(ids, selectors.owner_of(request.user))  # type: ignore[arg-type]
    files = [status.file for status in statuses if status.file]
    files.sort(key=lambda info: info.id, reverse=True)
    return render(request, "uploads/_rows.html", {"files": files})


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """What browsers ask for on pages that name no icon (the admin, the API's page)."""
    return HttpResponseRedirect(static("uploads/favicon.svg"))


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Database, bucket, queues and table answer; 503 names the one that does not."""
    checks = cache.get_or_set("readyz", selectors.readiness, READINESS_TTL) or {}
    ready = all(result == "ok" for result in checks.values())
    return JsonResponse({"ready": ready, "checks": checks}, status=200 if ready else 503)


@require_safe
def metrics_text(request: HttpRequest) -> HttpResponse:
    """What Prometheus reads: with its token, or for staff who may see the storage report."""
    if not _may_read_metrics(request):
        error = NotAuthenticated(
            "Send FILEHUB_METRICS_TOKEN as “Authorization: Bearer <token>”, or sign in as staff."
        )
        return error_response(request, error, as_json=True)
    # One that scrapes all the time costs no more than one that does so every ten seconds.
    text = cache.get_or_set("metrics", metrics.text, METRICS_TTL)
    response = HttpResponse(text, content_type=CONTENT_TYPE_LATEST)
    response["Cache-Control"] = "no-store"
    return response


def _may_read_metrics(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization")
    if given is not None:
        token = env().filehub_metrics_token
        return bool(token) and constant_time_compare(given, f"Bearer {token}")
    user = request.user
    return user.is_staff and user.has_perm("uploads.view_storagereport")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 outside the API: a wrong host name, a body too large."""
    if wants_json(request):
        return json_error(400, "The request is malformed.", "bad_request")
    return error_page(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if wants_json(request):
        return json_error(403, "You may not do this.", "forbidden")
    return error_page(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if wants_json(request):
        return json_error(404, "Not Found", "not_found")
    return error_page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    if wants_json(request):
        return json_error(500, "Something went wrong here. It has been logged.", "internal_error")
    return render(request, "500.html", status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Called by Django's CSRF middleware."""
    if wants_json(request):
        return error_response(request, CsrfFailed())
    return render(request, "403_csrf.html", {"debug": settings.DEBUG}, status=403)
