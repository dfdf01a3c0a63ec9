"""Turns off the checks that processes repeat on their own, so that they are not counted as work."""

from __future__ import annotations

import math
from importlib import import_module

from django.apps import AppConfig


class Cost(AppConfig):
    name = "benchmarks.cost"
    label = "cost"

    def ready(self) -> None:
        # These need the settings.
        schedule = import_module("benchmarks.cost.schedule")
        access = import_module("uploads.worker.access")
        queueing_check = import_module("uploads.worker.queueing_check")
        # Read before they are changed. The first check of each kind still runs; `measure` counts
        # one of each on its own.
        schedule.current()
        for module in (access, queueing_check):
            vars(module)["INTERVAL"] = math.inf
