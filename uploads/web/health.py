"""Liveness, readiness and metrics: /healthz, /readyz and /metrics."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.cache import cache
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import resolve
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from uploads.core.conf import conf
from uploads.core.errors import NotAuthenticated
from uploads.core.version import version
from uploads.operations import metrics, readiness
from uploads.web import request_metrics
from uploads.web.errors import error_response, mark_logged

#: Paths that ProbeMiddleware answers, whatever the host name.
PROBES = ("/healthz", "/readyz")
#: Seconds for which the result of /readyz is kept, so that frequent probes are cheap.
READINESS_TTL = 2
#: Seconds for which the output of /metrics is cached.
METRICS_TTL = 10


class ProbeMiddleware:
    """Answer health checks before anything that they do not need, in particular any host name.

    Load balancers send the address of the process, which is not in ALLOWED_HOSTS.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info in PROBES:
            response: HttpResponse = resolve(request.path_info).func(request)
            return response
        return self.get_response(request)


class Readiness:
    """The result of a check, kept for a time. One request at a time checks; others do not wait.

    So however many probes arrive, they occupy one thread.
    """

    def __init__(self, check: Callable[[], dict[str, str]], seconds: float) -> None:
        self._check = check
        self._seconds = seconds
        self._checking = threading.Lock()
        self._checked_at = float("-inf")
        self._latest = {"readiness": "The first check has not finished yet."}

    def __call__(self) -> dict[str, str]:
        """Return check -> "ok" or the reason: of a new check, or of the previous one."""
        is_due = time.monotonic() - self._checked_at >= self._seconds
        if is_due and self._checking.acquire(blocking=False):
            try:
                self._latest = self._check()
                self._checked_at = time.monotonic()
            finally:
                self._checking.release()
        return self._latest


_readiness = Readiness(readiness.check, READINESS_TTL)


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """Liveness: the process responds. Checks nothing else, and waits for nothing."""
    return JsonResponse({"status": "ok", "version": version()})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Readiness: 200 if every check succeeds, otherwise 503. The reasons are for operators only."""
    checks = _readiness()
    ready = all(result == readiness.OK for result in checks.values())
    if not ready and not _may_read_reasons(request, checks):
        checks = {name: why if why == readiness.OK else "failed" for name, why in checks.items()}
    response = JsonResponse({"ready": ready, "checks": checks}, status=200 if ready else 503)
    mark_logged(response)  # `readiness.check` has
    return response


def _may_read_reasons(request: HttpRequest, checks: dict[str, str]) -> bool:
    """Return whether the request has the metrics token or a session of a staff user."""
    if "Authorization" in request.headers:
        return _has_metrics_token(request)
    if settings.SESSION_COOKIE_NAME not in request.COOKIES or checks.get("database") != "ok":
        return False
    # ProbeMiddleware answers before the middleware that does this for other pages.
    SessionMiddleware(lambda _: HttpResponse()).process_request(request)
    try:
        user = get_user(request)
    except DatabaseError:
        return False
    return user.is_active and bool(getattr(user, "is_staff", False))


@require_safe
def metrics_text(request: HttpRequest) -> HttpResponse:
    """Metrics for Prometheus: with the metrics token, or for staff who may view the report."""
    if not _may_read_metrics(request):
        error = NotAuthenticated(
            "Send FILEHUB_METRICS_TOKEN as “Authorization: Bearer <token>”, or sign in as staff."
        )
        return error_response(request, error)
    # Frequent scrapes cost no more than one every METRICS_TTL seconds.
    shared: bytes = cache.get_or_set("metrics", metrics.render, METRICS_TTL) or b""
    text = shared + request_metrics.render()
    response = HttpResponse(text, content_type=CONTENT_TYPE_LATEST)
    response["Cache-Control"] = "no-store"
    return response


def _may_read_metrics(request: HttpRequest) -> bool:
    if "Authorization" in request.headers:
        return _has_metrics_token(request)
    user = request.user
    return user.is_staff and user.has_perm("uploads.view_storagereport")


def _has_metrics_token(request: HttpRequest) -> bool:
    token = conf().metrics_token
    authorization = request.headers.get("Authorization", "")
    return bool(token) and constant_time_compare(authorization, f"Bearer {token}")
