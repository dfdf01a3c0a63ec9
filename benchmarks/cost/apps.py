"""Makes what is counted depend on the work alone, and not on the time that it takes here."""

from __future__ import annotations

import math
from importlib import import_module

from django.apps import AppConfig

#: Constants in seconds. The first check of each kind still runs; `measure` counts one of each.
_TIMES = {
    "uploads.worker.access": "INTERVAL",
    "uploads.worker.queueing_check": "INTERVAL",
    # The local AWS is slow: a search and a full task would end before they are complete.
    "uploads.files.listing": "MAX_SECONDS",
    "uploads.ingest.consumer": "MAX_GATHERING",
}


class Cost(AppConfig):
    name = "benchmarks.cost"
    label = "cost"

    def ready(self) -> None:
        # These need the settings.
        schedule = import_module("benchmarks.cost.schedule")
        # Read before it is changed.
        schedule.current()
        for name, constant in _TIMES.items():
            module = import_module(name)
            if not hasattr(module, constant):
                raise AttributeError(f"{name} has no {constant}: adapt benchmarks/cost/apps.py")
            setattr(module, constant, math.inf)
