"""Liveness, readiness and metrics: /healthz, /readyz and /metrics."""

from __future__ import annotations

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from uploads.aws import s3, sqs
from uploads.aws.dynamodb import batch_get
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable, NotAuthenticated
from uploads.files.record import StoredFile
from uploads.operations import metrics
from uploads.web.errors import error_response

#: Seconds for which the result of /readyz is cached, so that frequent probes are cheap.
READINESS_TTL = 2
#: Seconds for which the output of /metrics is cached.
METRICS_TTL = 10


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Liveness: the process responds. Checks nothing else."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Readiness: database, bucket, queues and table respond; otherwise 503 with the reason."""
    checks = cache.get_or_set("readyz", readiness, READINESS_TTL) or {}
    ready = all(result == "ok" for result in checks.values())
    return JsonResponse({"ready": ready, "checks": checks}, status=200 if ready else 503)


@require_safe
def metrics_text(request: HttpRequest) -> HttpResponse:
    """Metrics for Prometheus: with the metrics token, or for staff who may view the report."""
    if not _may_read_metrics(request):
        error = NotAuthenticated(
            "Send FILEHUB_METRICS_TOKEN as “Authorization: Bearer <token>”, or sign in as staff."
        )
        return error_response(request, error, as_json=True)
    # Frequent scrapes cost no more than one every METRICS_TTL seconds.
    text = cache.get_or_set("metrics", metrics.render, METRICS_TTL)
    response = HttpResponse(text, content_type=CONTENT_TYPE_LATEST)
    response["Cache-Control"] = "no-store"
    return response


def _may_read_metrics(request: HttpRequest) -> bool:
    authorization = request.headers.get("Authorization")
    if authorization is not None:
        token = conf().metrics_token
        return bool(token) and constant_time_compare(authorization, f"Bearer {token}")
    user = request.user
    return user.is_staff and user.has_perm("uploads.view_storagereport")


def readiness() -> dict[str, str]:
    """Return dependency -> "ok" or an error message."""
    checks = {
        "database": _ping_database,
        "bucket": s3.ping,
        "queues": sqs.ping,
        "table": _ping_table,
    }
    result = {}
    for name, check in checks.items():
        try:
            check()
        except BackendUnavailable as exc:
            result[name] = exc.message
        else:
            result[name] = "ok"
    return result


def _ping_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as exc:
        raise BackendUnavailable("Django's database is not responding.") from exc


def _ping_table() -> None:
    batch_get(StoredFile, ["readiness"])
