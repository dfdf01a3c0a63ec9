"""Give each request an id, which its response, its log lines and its tasks carry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.logs import context

HEADER = "X-Request-ID"
#: Names of the parameter of a route that is the id of a file.
_UPLOAD_IDS = ("upload_id", "file_id", "object_id")


class RequestIdMiddleware:
    """The first of MIDDLEWARE, so that every response has the header.

    The ids stay until the thread's next request: granian's access log is written after the
    response.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = _forwarded(request) or context.new_request_id()
        context.begin(request_id=request_id)
        response = self.get_response(request)
        response[HEADER] = request_id
        return response

    def process_view(
        self, request: HttpRequest, view: object, args: object, parameters: dict[str, Any]
    ) -> None:
        """Note which file the request is about, if its path says so. It need not exist."""
        for name in _UPLOAD_IDS:
            if name in parameters:
                context.add(upload_id=keys.parse_upload_id(str(parameters[name])))


def _forwarded(request: HttpRequest) -> str | None:
    """Return the id that a proxy gave this request, if proxies are trusted and it looks like one.

    Anybody else could give many requests the same id.
    """
    request_id = request.headers.get(HEADER)
    return request_id if conf().trusted_proxies and context.is_request_id(request_id) else None
