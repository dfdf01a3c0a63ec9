"""What granian's loggers need not write (filehub/granian.json)."""

from __future__ import annotations

import logging

from uploads.core.logs.lines import ACCESS

#: Requested every few seconds, or dozens of times for one page. Their failures are written.
_FREQUENT = ("/healthz", "/readyz", "/metrics", "/static/")
#: The warning about the threads of the Procfile, which mostly wait for AWS and the database.
_THREADS = "Configuration allows spawning up to"


class Unremarkable(logging.Filter):
    """Leave out successful requests of probes and for static files, and one known warning."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name != ACCESS:
            return not str(record.msg).startswith(_THREADS)
        request = record.args if isinstance(record.args, dict) else {}
        succeeded = int(request.get("status", 0)) < 400
        return not (succeeded and str(request.get("path", "")).startswith(_FREQUENT))
