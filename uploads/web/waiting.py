"""Every wait of a request on AWS ends."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from uploads.aws import time_limit

#: Seconds that a request waits for AWS: for names, connections, credentials and responses. In total
#: if it only reads; after each response if it changes something.
SECONDS = 4.0
_SAFE = {"GET", "HEAD", "OPTIONS"}


class TimeLimitMiddleware:
    """Limit how long each request waits for AWS; then it fails, with 503 or a page that says so.

    A request that changes something may act on many files, so its limit starts again with each
    response of AWS.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        renewed = request.method not in _SAFE
        with time_limit.limited(SECONDS, renewed=renewed, slots=time_limit.SLOTS):
            return self.get_response(request)
