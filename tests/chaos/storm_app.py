"""Shortens the pauses of filehub that are no settings, in the processes of a storm."""

from __future__ import annotations

import importlib
from datetime import timedelta
from typing import Any

from django.apps import AppConfig


class Storm(AppConfig):
    name = "tests.chaos"
    label = "storm"

    def ready(self) -> None:
        from uploads.worker import broker

        broker.RETRY_AFTER.update(dict.fromkeys(broker.RETRY_AFTER, 2))
        shorten("uploads.ingest.reconciliation.reconcile", "MIN_AGE", timedelta(seconds=6))
        shorten("uploads.aws.sqs", "WAIT_SECONDS", 3)
        shorten("uploads.core.backoff", "LONGEST_PAUSE", 3.0)


def shorten(module: str, name: str, value: Any) -> None:
    """Change what is there; what was renamed must not be missed in silence."""
    found = importlib.import_module(module)
    if not hasattr(found, name):
        raise AttributeError(f"{module} has no {name} any more: adapt tests/chaos/storm_app.py")
    setattr(found, name, value)
