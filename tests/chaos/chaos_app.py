"""Shortens the pauses of filehub that no setting controls, in the processes of a chaos run."""

from __future__ import annotations

import importlib
from datetime import timedelta
from typing import Any

from django.apps import AppConfig


class Chaos(AppConfig):
    name = "tests.chaos"
    label = "chaos"

    def ready(self) -> None:
        from uploads.worker import broker

        broker.RETRY_AFTER.update(dict.fromkeys(broker.RETRY_AFTER, 2))
        shorten("uploads.ingest.reconciliation.reconcile", "MIN_AGE", timedelta(seconds=6))
        shorten("uploads.aws.clients", "POLL_SECONDS", 3)
        shorten("uploads.core.backoff", "LONGEST_PAUSE", 3.0)
        shorten("uploads.files.outbox", "OVERDUE", timedelta(seconds=2))
        shorten("uploads.ingest.scans", "OVERDUE", timedelta(seconds=4))
        shorten("uploads.ingest.scans", "SECONDS", 6.0)
        shorten("uploads.scanning.clamd", "SECONDS", 4.0)
        webhooks = "uploads.integrations.webhooks"
        shorten(f"{webhooks}.send", "TOTAL", 3.0)
        shorten(f"{webhooks}.deliveries", "CLAIM", timedelta(seconds=5))
        for name in ("FIRST_PAUSE", "LONGEST_PAUSE"):
            shorten(f"{webhooks}.retries", name, 2.0)
        for name in ("FIRST_ENDPOINT_PAUSE", "LONGEST_ENDPOINT_PAUSE"):
            shorten(f"{webhooks}.retries", name, 1.0)


def shorten(module: str, name: str, value: Any) -> None:
    """Change a constant of a module. A constant that was renamed is an error."""
    target = importlib.import_module(module)
    if not hasattr(target, name):
        raise AttributeError(f"{module} has no {name}: adapt tests/chaos/chaos_app.py")
    setattr(target, name, value)
