"""Count requests by method, route and status, with their duration, for /metrics.

Unlike all other metrics, these are those of one web process, since no request writes to a storage
that processes share. Several workers on one machine share them through files, if the variable
PROMETHEUS_MULTIPROC_DIR names a directory that is empty when the web starts.
https://prometheus.github.io/client_python/multiprocess/
"""

from __future__ import annotations

import os

from django.http import HttpRequest
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
#: What HTTP defines, and what filehub answers. Anything else is a text of the client.
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
#: Upper limits in seconds. Requests wait 4 s for AWS (uploads/web/waiting.py).
BUCKETS = (0.025, 0.1, 0.25, 1.0, 4.0, 10.0)

_registry = CollectorRegistry()
_seconds = Histogram(
    "filehub_http_request_duration_seconds",
    "Duration of the requests to this process in seconds.",
    ["method", "route", "status"],
    buckets=BUCKETS,
    registry=_registry,
)


def method_of(request: HttpRequest) -> str:
    """Return the method; "other" for any text of a client."""
    return request.method if request.method in _METHODS else "other"


def route_of(request: HttpRequest) -> str:
    """Return the pattern of the path, without ids; "none" if no route matched."""
    return f"/{request.resolver_match.route}" if request.resolver_match else "none"


def observe(request: HttpRequest, status: int, seconds: float) -> None:
    """Count a request that has been answered."""
    _seconds.labels(method_of(request), route_of(request), str(status)).observe(seconds)


def render() -> bytes:
    """Return the counts in Prometheus's text format."""
    if not os.environ.get(MULTIPROCESS):
        return generate_latest(_registry)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
