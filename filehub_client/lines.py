"""The lines that say what became of each file: id, state, path and reason."""

from __future__ import annotations

from pathlib import Path

from filehub_client import waiting
from filehub_client.errors import FilehubError
from filehub_client.models import Outcome, UploadStatus
from filehub_client.names import display

_NO_ID = "-" * 36


def of_outcome(outcome: Outcome, status: UploadStatus | None) -> tuple[str, str]:
    """The state of a file that was to be uploaded, and its line.

    `status` is None if it is not known; the file is then `failed` or `pending`.
    """
    state = "failed" if outcome.error else status.state if status else "pending"
    reason = outcome.error.message if outcome.error else why(status)
    return state, line(outcome.id or _NO_ID, state, printable(outcome.path), reason)


def why(status: UploadStatus | None) -> str:
    """Why an upload is not stored, as far as it is known."""
    if status is None or status.state == "stored":
        return ""
    try:
        waiting.stored_file(status)
    except FilehubError as exc:
        return exc.message
    return ""


def line(*fields: str) -> str:
    """An id, a state and texts, such as a path and a reason; empty texts are left out."""
    upload_id, state, *texts = fields
    shown = [upload_id, f"{state:8}", *filter(None, texts)]
    return display("  ".join(shown)).rstrip()


def printable(path: Path) -> str:
    """A path as text that can be encoded: bytes that are not UTF-8 become escapes."""
    return str(path).encode("utf-8", "backslashreplace").decode()
