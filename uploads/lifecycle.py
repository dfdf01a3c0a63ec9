"""What consumer, worker and beat have in common: pauses, stopping, and signs of life."""

from __future__ import annotations

import logging
import random
import time
from pathlib import Path
from typing import Literal, get_args

from uploads.core.conf import env

logger = logging.getLogger(__name__)

Process = Literal["consumer", "worker", "beat"]
PROCESSES: tuple[Process, ...] = get_args(Process)

#: Seconds of the longest pause after a failure.
LONGEST_PAUSE = 30.0
#: Seconds that a process that was told to stop may go on with what it holds. The rest of the 25 s
#: that docs/deployment.md asks for is for leaving.
GRACE = 20.0
#: Seconds without a sign of life after which a process is no longer healthy.
MAX_AGE = 90.0


def pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row: doubling, capped, jittered."""
    # The exponent is capped too: 2.0**1024 is an OverflowError, after a night of failures.
    return min(LONGEST_PAUSE, 2.0 ** min(failures, 10)) * random.uniform(0.5, 1)


def sign_of_life(process: Process) -> None:
    """Note that the process has just done what it is there for. Never raises."""
    path = _path(process)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as exc:
        logger.warning("%s cannot be touched, so health checks will fail: %s", path, exc)


def silence(process: Process) -> float | None:
    """Seconds since the last sign of life; None when there never was one."""
    try:
        return max(0.0, time.time() - _path(process).stat().st_mtime)
    except FileNotFoundError:
        return None


def _path(process: Process) -> Path:
    return Path(env().filehub_health_dir) / process
