"""Limit how long a worker takes to shut down."""

from __future__ import annotations

import logging
import os
import signal
import threading
from typing import Any

from billiard import active_children

logger = logging.getLogger(__name__)

#: Seconds that a stopping process has to finish its work. The rest of the 25 s in
#: docs/deployment.md is for the exit itself.
GRACE = 20.0


def limit(**_: Any) -> None:
    """Start the timer, because Celery itself waits for its tasks without a limit.

    Runs in the signal handler of the main process.
    """
    timer = threading.Timer(GRACE, _exit)
    timer.daemon = True
    timer.start()


def _exit() -> None:
    """Kill all unfinished tasks and exit. They are not acknowledged, so SQS redelivers them.

    This bypasses Celery, whose own shutdown would wait for them.
    """
    logger.warning("not done after %.0f s: unfinished tasks will be run again", GRACE)
    for child in active_children():
        if child.pid is not None:
            os.kill(child.pid, signal.SIGKILL)
    os._exit(1)
