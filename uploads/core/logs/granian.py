"""What granian's main process need not write (filehub/granian.json)."""

from __future__ import annotations

import logging

#: The warning about the threads of the Procfile, which mostly wait for AWS and the database.
_THREADS = "Configuration allows spawning up to"


class Unremarkable(logging.Filter):
    """Leave out a warning about what the Procfile means."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith(_THREADS)
