"""What goes wrong with a scanner (pure)."""

from __future__ import annotations

from uploads.core.errors import FilehubError


class ScannerUnavailable(FilehubError):
    """The scanner did not answer in time, or not with a verdict. Says nothing about the file."""

    code = "scanner_unavailable"
    status = 503
    message = "The scanner for malware is not responding."
