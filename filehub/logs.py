"""Keep secrets out of the log, and each message on one line."""

from __future__ import annotations

import logging
import re

from uploads.core.names import display_name

#: The URLs that Uppy requests contain upload tokens (uploads/web/api/companion.py).
_TOKEN = re.compile(r"(/s3/multipart/)[^/\s?]+")


class RedactingFormatter(logging.Formatter):
    """A formatter that removes upload tokens, and characters that forge or disguise a line.

    Messages contain what clients send, such as paths. A traceback still has several lines.
    """

    def format(self, record: logging.LogRecord) -> str:
        copy = logging.makeLogRecord(record.__dict__)
        copy.msg, copy.args = display_name(record.getMessage()), None
        return _TOKEN.sub(r"\1…", super().format(copy))
