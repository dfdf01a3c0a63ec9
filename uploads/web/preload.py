"""Load what the first requests of a web process need."""

from __future__ import annotations

from django.urls import get_resolver

from uploads.aws import clients, dynamodb


def preload() -> None:
    """Import all routes, and create the clients of AWS. Sends no request."""
    _routes = get_resolver().url_patterns
    clients.s3()
    clients.sqs()
    dynamodb.preload()
