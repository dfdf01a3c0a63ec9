"""Shortens the pauses of filehub that are no settings, in the processes of a storm."""

from __future__ import annotations

from datetime import timedelta
from types import ModuleType
from typing import Any

from django.apps import AppConfig


class Storm(AppConfig):
    name = "tests.faults"
    label = "storm"

    def ready(self) -> None:
        from filehub import broker
        from uploads import consumer, queues, reconcile

        broker.RETRY_AFTER.update(dict.fromkeys(broker.RETRY_AFTER, 2))
        shorten(reconcile, "MIN_AGE", timedelta(seconds=6))
        shorten(queues, "WAIT_SECONDS", 3)
        shorten(consumer, "MAX_BACKOFF", 3.0)


def shorten(module: ModuleType, name: str, value: Any) -> None:
    """Change what is there; what was renamed must not be missed in silence."""
    if not hasattr(module, name):
        raise AttributeError(
            f"{module.__name__} has no {name} any more: adapt tests/faults/apps.py"
        )
    setattr(module, name, value)
