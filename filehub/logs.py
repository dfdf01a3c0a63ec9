"""Keep secrets out of the log."""

from __future__ import annotations

import logging
import re

#: The URLs that Uppy requests contain upload tokens (uploads/web/api/companion.py).
_TOKEN = re.compile(r"(/s3/multipart/)[^/\s?]+")


class RedactingFormatter(logging.Formatter):
    """A formatter that removes upload tokens."""

    def format(self, record: logging.LogRecord) -> str:
        return _TOKEN.sub(r"\1…", super().format(record))
