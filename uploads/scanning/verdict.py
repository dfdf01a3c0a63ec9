"""What a scanner says about an object (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from uploads.core.reasons import NO_REASON, Reason

#: "unknown": the object cannot be checked, which never means that it is clean.
Kind = Literal["clean", "infected", "unknown"]


@dataclass(frozen=True)
class Verdict:
    """The result of checking the object that had this ETag.

    `at` is when the check began: what was asked for later is not answered by it. `scanner` names
    the program and its signatures. `reason` says what was found, or why nothing could be.
    """

    upload_id: str
    etag: str
    kind: Kind
    at: datetime
    scanner: str = ""
    reason: Reason = NO_REASON


def infected(signature: str) -> Reason:
    """The reason of an infected file. `signature` is the scanner's name for what it found."""
    return Reason("malware", {"signature": signature})


#: Why a file cannot be checked.
TOO_LARGE = Reason("scan_too_large")
ENCRYPTED = Reason("scan_encrypted")
UNSUPPORTED = Reason("scan_unsupported")
UNAVAILABLE = Reason("scan_unavailable")
