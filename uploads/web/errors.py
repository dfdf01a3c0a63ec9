"""Turn every error into a response, in one place: JSON for programs, a page for people."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import get_template
from django.utils.cache import add_never_cache_headers

from uploads.core.errors import (
    BackendUnavailable,
    CsrfFailed,
    FilehubError,
    FileNotFound,
    NotAllowed,
    RateLimited,
)
from uploads.core.logs import context
from uploads.web.navigation import file_page, is_navigation, page_about, redirect

logger = logging.getLogger(__name__)

#: PostgreSQL's code for a write to a standby.
_READ_ONLY = "25006"
#: Statuses with a page of their own. Others have that of 400.
_PAGES = {400, 403, 404, 405, 429, 500, 503}
#: Codes that the page of their status would explain wrongly.
_TEMPLATES = {CsrfFailed.code: "403_csrf.html", RateLimited.code: "429_requests.html"}


def respond(
    request: HttpRequest, status: int, message: str, code: str, *, retry_after: int | None = None
) -> HttpResponse:
    """Return an error: JSON for programs, a page for people.

    People who are not signed in are sent to the sign-in page, and from a file that does not exist
    to the list, which says so.
    """
    if not is_navigation(request):
        return json_error(status, message, code, retry_after=retry_after)
    if status == HTTPStatus.UNAUTHORIZED:
        return _require_sign_in(request)
    if code == FileNotFound.code and (page := file_page(request)):
        return redirect(page)
    return error_page(request, status, code, retry_after)


def json_error(
    status: int, message: str, code: str, *, retry_after: int | None = None
) -> JsonResponse:
    """Return an error in the only format that the API has.

    {"error": sentence, "code": slug, "request_id": what the log lines of the request carry}.
    """
    body = {"error": message, "code": code, "request_id": context.current("request_id")}
    response = JsonResponse(body, status=status)
    # The API is never translated.
    response["Content-Language"] = "en"
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    add_never_cache_headers(response)
    return response


def error_response(request: HttpRequest, error: FilehubError) -> HttpResponse:
    """Return the response for an error. Server errors (5xx) are logged with their cause."""
    if error.status >= 500:
        logger.error("%s %s: %r", request.method, request.path, error.__cause__ or error)
    response = respond(
        request, error.status, error.message, error.code, retry_after=error.retry_after
    )
    if error.status >= 500:
        mark_logged(response)
    return response


def _require_sign_in(request: HttpRequest) -> HttpResponse:
    """Redirect to the sign-in page, which leads back; 403 for a user who may not do this at all."""
    if request.user.is_authenticated:
        return error_page(request, 403, NotAllowed.code)
    response = redirect_to_login(page_about(request))
    add_never_cache_headers(response)
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
    request: HttpRequest, status: int, code: str, retry_after: int | None = None
) -> HttpResponse:
    """Return the error page for a code, or else for a status."""
    template = _TEMPLATES.get(code) or f"{status if status in _PAGES else 400}.html"
    template = f"uploads/errors/{template}"
    variables = {
        "status": status,
        "error_code": code,
        "request_id": context.current("request_id"),
        "minutes": -(-(retry_after or 0) // 60),
    }
    response = render(request, template, variables, status=status)
    add_never_cache_headers(response)
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response


def responds_to_errors(view: Callable[..., Any]) -> Callable[..., Any]:
    """Turn a view's errors into responses, for projects without `ErrorMiddleware`."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return view(request, *args, **kwargs)
        except Exception as exc:
            error = as_filehub_error(exc)
            if error is None:
                raise
            return error_response(request, error)

    return guarded


class ErrorMiddleware:
    """Turn errors of filehub and outages of the database into responses, and give a 405 a body."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        # Fail at start-up if it is missing, not during an outage.
        get_template("uploads/errors/503.html")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = response.get("Allow", "")
            response = respond(request, 405, "Method not allowed", "method_not_allowed")
            response["Allow"] = allowed
        return response

    def process_exception(self, request: HttpRequest, exc: Exception) -> HttpResponse | None:
        error = as_filehub_error(exc)
        return None if error is None else error_response(request, error)


# Django's error handlers (filehub/urls.py), for everything outside the API.


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Handle 400, such as an invalid host name or a body that is too large."""
    return respond(request, 400, "The request is malformed.", "bad_request")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, 403, NotAllowed.message, NotAllowed.code)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, 404, "Not Found", "not_found")


def server_error(request: HttpRequest) -> HttpResponse:
    # Middleware reads the database too, for the session.
    error = as_filehub_error(sys.exc_info()[1])
    if error is not None:
        return error_response(request, error)
    return internal_error(request)


def internal_error(request: HttpRequest) -> HttpResponse:
    """Return the response for a bug, which the caller has logged."""
    return respond(request, 500, "Internal server error. It has been logged.", "internal_error")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Respond to a failed CSRF check. Django's CSRF middleware calls this."""
    return error_response(request, CsrfFailed())
