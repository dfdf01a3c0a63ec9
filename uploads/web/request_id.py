"""Give each request an id, which its response, its log lines and its tasks carry.

Also the access log. That of granian is written after the response has been sent, while the next
request begins, and costs ten times as much (docs/architecture.md).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from uploads.accounts import addresses
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.logs import context
from uploads.core.logs.lines import ACCESS
from uploads.web.health import PROBES

logger = logging.getLogger(ACCESS)

HEADER = "X-Request-ID"
#: Names of the parameter of a route that is the id of a file.
_UPLOAD_IDS = ("upload_id", "file_id", "object_id")


class RequestIdMiddleware:
    """The first of MIDDLEWARE, so that every response has the header and is in the access log.

    Successful responses to probes, and static files, are not: the former are requested every few
    seconds, the latter dozens of times for one page.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._frequent = (*PROBES, "/metrics", f"/{settings.STATIC_URL.lstrip('/')}")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = _forwarded(request) or context.new_request_id()
        context.begin(request_id=request_id)
        started_at = time.perf_counter()
        response = self.get_response(request)
        response[HEADER] = request_id
        if response.status_code >= 400 or not request.path.startswith(self._frequent):
            _log_access(request, response.status_code, time.perf_counter() - started_at)
        return response

    def process_view(
        self, request: HttpRequest, view: object, args: object, parameters: dict[str, Any]
    ) -> None:
        """Note which file the request is about, if its path says so. It need not exist."""
        for name in _UPLOAD_IDS:
            if name in parameters:
                context.add(upload_id=keys.parse_upload_id(str(parameters[name])))


def _log_access(request: HttpRequest, status: int, seconds: float) -> None:
    """Never with the query, which may contain secrets and what users search for."""
    logger.info(
        "%s %s %d",
        request.method,
        request.path,
        status,
        extra={
            "method": request.method,
            "path": request.path,
            "status": status,
            "milliseconds": round(seconds * 1000, 1),
            "address": addresses.network_of(request),
        },
    )


def _forwarded(request: HttpRequest) -> str | None:
    """Return the id that a proxy gave this request, if proxies are trusted and it looks like one.

    Anybody else could give many requests the same id.
    """
    request_id = request.headers.get(HEADER)
    return request_id if conf().trusted_proxies and context.is_request_id(request_id) else None
