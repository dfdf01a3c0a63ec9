"""What the lines of the log must not have in them."""

from __future__ import annotations

import logging
import re

#: Uppy has filehub's token in its addresses (uploads/web/api/companion.py).
_TOKEN = re.compile(r"(/s3/multipart/)[^/\s?]+")


class Line(logging.Formatter):
    """A line or more of whatever logger, without tokens."""

    def format(self, record: logging.LogRecord) -> str:
        return _TOKEN.sub(r"\1…", super().format(record))
