"""Count the requests to the local AWS that pass a proxy, by service."""

from __future__ import annotations

from collections import Counter

from tests.support.proxy import Proxy, Request

SERVICES = ("s3", "sqs", "dynamodb")


def service_of(request: Request) -> str:
    """The service of a request, from its target; S3 has none.

    Polls of kombu name SQS in their query or in their target.
    """
    target = request.headers.get("x-amz-target", "").lower()
    if "dynamodb" in target:
        return "dynamodb"
    if "sqs" in target or "queue" in request.path or "Action=" in request.query:
        return "sqs"
    return "s3"


def counts(proxy: Proxy) -> dict[str, int]:
    """The number of requests so far to each service."""
    counted = Counter(service_of(request) for request in proxy.requests())
    return {service: counted[service] for service in SERVICES}
