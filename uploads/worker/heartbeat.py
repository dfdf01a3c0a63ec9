"""Heartbeats of consumer, worker and beat: one file each, whose age is the health check."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Literal, get_args

from uploads.core.conf import conf

logger = logging.getLogger(__name__)

Process = Literal["consumer", "worker", "beat"]
PROCESSES: tuple[Process, ...] = get_args(Process)

#: Seconds without a heartbeat after which a process is no longer healthy.
MAX_AGE = 90.0


def beat(process: Process) -> None:
    """Record that the process is working. Never raises."""
    path = _path(process)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as exc:
        logger.warning("%s cannot be touched, so health checks will fail: %s", path, exc)


def age(process: Process) -> float | None:
    """Seconds since the last heartbeat; None if there was none."""
    try:
        return max(0.0, time.time() - _path(process).stat().st_mtime)
    except FileNotFoundError:
        return None


def _path(process: Process) -> Path:
    return Path(conf().health_dir) / process
