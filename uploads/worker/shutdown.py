"""A process that is told to stop has so many seconds for what it holds, and no more."""

from __future__ import annotations

import logging
import os
import signal
import threading
from typing import Any

from billiard import active_children

logger = logging.getLogger(__name__)

#: Seconds that a process that was told to stop may go on with what it holds. The rest of the 25 s
#: that docs/deployment.md asks for is for leaving.
GRACE = 20.0


def limit(**_: Any) -> None:
    """Celery waits for its tasks as long as they take; whoever stops a worker does not.

    Runs in the handler of the signal, in the main process.
    """
    timer = threading.Timer(GRACE, _leave)
    timer.daemon = True
    timer.start()


def _leave() -> None:
    """Die with all tasks that are not done. None is acknowledged, so SQS delivers them again.

    Without asking Celery: what it would do first waits for what this must not wait for.
    """
    logger.warning("not done after %.0f s: what is unfinished will be run again", GRACE)
    for child in active_children():
        if child.pid is not None:
            os.kill(child.pid, signal.SIGKILL)
    os._exit(1)
