"""Turn every error into a response, in one place: JSON for programs, a page for people."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import get_template
from django.utils.cache import add_never_cache_headers

from uploads.core.errors import BackendUnavailable, CsrfFailed, FilehubError

logger = logging.getLogger(__name__)

#: PostgreSQL's code for a write to a standby.
_READ_ONLY = "25006"


def wants_json(request: HttpRequest) -> bool:
    """Return whether the client is a program, which means that it does not accept HTML."""
    return "text/html" not in request.headers.get("Accept", "")


def json_error(
    status: int, message: str, code: str, *, retry_after: int | None = None
) -> JsonResponse:
    """Return an error in the only format that the API has: {"error": sentence, "code": slug}."""
    response = JsonResponse({"error": message, "code": code}, status=status)
    # The API is never translated.
    response["Content-Language"] = "en"
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    add_never_cache_headers(response)
    return response


def error_response(
    request: HttpRequest, error: FilehubError, *, as_json: bool | None = None
) -> HttpResponse:
    """Return the response for an error. Server errors (5xx) are logged with their cause."""
    if error.status >= 500:
        logger.error("%s %s: %r", request.method, request.path, error.__cause__ or error)
    response: HttpResponse
    if wants_json(request) if as_json is None else as_json:
        response = json_error(
            error.status, error.message, error.code, retry_after=error.retry_after
        )
    else:
        response = error_page(request, error.status, error.message, error.retry_after)
    if error.status >= 500:
        mark_logged(response)
    return response


def mark_logged(response: HttpResponse) -> None:
    """Keep Django from logging the status of a response whose cause has been logged."""
    vars(response)["_has_been_logged"] = True  # see django.utils.log.log_response


def as_filehub_error(exc: BaseException | None) -> FilehubError | None:
    """Return the error to respond with; None for a bug.

    Django's database is unavailable if it cannot be reached, refuses connections, is shutting down,
    is a read-only standby, or if SQLite is locked or full.
    """
    if isinstance(exc, FilehubError):
        return exc
    if not _is_outage(exc):
        return None
    error = BackendUnavailable(
        "Django's database is temporarily unavailable. Try again in a moment."
    )
    error.__cause__ = exc
    return error


def _is_outage(exc: BaseException | None) -> bool:
    cause = getattr(exc, "__cause__", None)
    if isinstance(exc, OperationalError | InterfaceError):
        # SQLite's general error is a bug, such as a missing table. PostgreSQL has others for that.
        return getattr(cause, "sqlite_errorname", "") != "SQLITE_ERROR"
    return isinstance(exc, InternalError) and getattr(cause, "sqlstate", "") == _READ_ONLY


def error_page(
    request: HttpRequest, status: int, message: str = "", retry_after: int | None = None
) -> HttpResponse:
    """Return the error page for a status."""
    template = f"{status}.html" if status in {400, 403, 404, 429, 503} else "400.html"
    context = {"message": message, "minutes": -(-(retry_after or 0) // 60)}
    response = render(request, template, context, status=status)
    add_never_cache_headers(response)
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response


class ErrorMiddleware:
    """Turn errors of filehub and outages of the database into responses, a 405 into JSON."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        get_template("503.html")  # fail at start-up if it is missing, not during an outage

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and wants_json(request):
            allowed = response.get("Allow", "")
            response = json_error(405, "Method not allowed", "method_not_allowed")
            response["Allow"] = allowed
        return response

    def process_exception(self, request: HttpRequest, exc: Exception) -> HttpResponse | None:
        error = as_filehub_error(exc)
        return None if error is None else error_response(request, error)


# Django's error handlers (filehub/urls.py), for everything outside the API.


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Handle 400, such as an invalid host name or a body that is too large."""
    if wants_json(request):
        return json_error(400, "The request is malformed.", "bad_request")
    return error_page(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if wants_json(request):
        return json_error(403, "You don't have permission to do this.", "forbidden")
    return error_page(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if wants_json(request):
        return json_error(404, "Not Found", "not_found")
    return error_page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    # Middleware reads the database too, for the session.
    error = as_filehub_error(sys.exc_info()[1])
    if error is not None:
        return error_response(request, error)
    if wants_json(request):
        return json_error(500, "Internal server error. It has been logged.", "internal_error")
    return render(request, "500.html", status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Respond to a failed CSRF check. Django's CSRF middleware calls this."""
    if wants_json(request):
        return error_response(request, CsrfFailed())
    return render(request, "403_csrf.html", {"debug": settings.DEBUG}, status=403)
