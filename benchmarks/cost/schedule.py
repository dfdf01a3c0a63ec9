"""How often filehub's processes do something on their own, read from its code and its settings."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from benchmarks.cost.counts import Schedule
from benchmarks.site import ROOT
from uploads.aws import clients
from uploads.core.conf import conf
from uploads.ingest.reconciliation import reconcile
from uploads.worker import access, queueing_check
from uploads.worker.app import app

_DAY = 24 * 3600
_TEMPLATE = ROOT / "infra" / "filehub.yaml"


@cache
def current() -> Schedule:
    """Cached, because `benchmarks.cost.apps` changes two of the constants afterwards."""
    beat: dict[str, dict[str, Any]] = app.conf.beat_schedule
    purge = beat["purge-trash"]["schedule"]
    window = reconcile.multipart().since
    return Schedule(
        poll=clients.POLL_SECONDS,
        # One by the consumer, the others by the worker.
        queues=1 + len(app.conf.task_queues),
        credentials_check=access.INTERVAL,
        empty_task=queueing_check.INTERVAL,
        reconciliation=float(beat["reconcile"]["schedule"]),
        recent_window=reconcile.window().total_seconds(),
        daily_window=window.total_seconds() if window else 0.0,
        purge=_DAY / (len(purge.hour) * len(purge.minute)),
        sweep=float(beat["sweep-events"]["schedule"]),
        trash_days=conf().trash_days,
        alarms=len(re.findall(r"Type: AWS::CloudWatch::Alarm$", _TEMPLATE.read_text(), re.M)),
    )
