"""The limits of the child process (standard library only, because its parent imports them too).

The process sets them itself, before it reads a byte of the file: a function that runs between fork
and exec is not safe in a parent with threads.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

#: Pixels of the longest side of a thumbnail.
SIDE = 320
#: Bytes of a thumbnail. A noisy picture of 320 x 320 pixels has about 60,000.
MAX_OUTPUT = 256 * 1024
#: Pixels that are decoded, four bytes each. A JPEG may have more, because it is decoded at a
#: fraction of its size.
MAX_PIXELS = 64_000_000
#: Bytes of address space. Python and the libraries take 80 MB of it.
MAX_MEMORY = 1024**3
#: Seconds of processor time, and seconds until the process ends in any case. The second is only
#: reached on a machine that is too busy to give it the first.
CPU_SECONDS = 8
SECONDS = 20


def confine() -> None:
    """Limit this process for good: time, memory, files. Report errors by their class only."""
    sys.excepthook = lambda kind, *_: sys.stderr.write(kind.__name__)
    signal.alarm(SECONDS)
    os.nice(10)
    # If memory is short, the kernel ends this process first.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: MAX_OUTPUT,
        resource.RLIMIT_NOFILE: 32,
    }
    if sys.platform != "darwin":  # macOS does not have this limit.
        limits[resource.RLIMIT_AS] = MAX_MEMORY
    # SIGXCPU, a second before SIGKILL: it tells the parent that the file is the reason.
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))
