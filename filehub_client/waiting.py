"""Wait until uploads are stored or rejected."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from filehub_client.errors import (
    FilehubError,
    NotFound,
    NotStoredInTime,
    UploadDeleted,
    UploadRejected,
)
from filehub_client.flow import Flow, pause
from filehub_client.models import File, UploadStatus

#: Seconds between two requests for states.
INTERVAL = 1.0
#: The states in which it is still open whether the file will be stored.
UNDECIDED = frozenset({"pending", "scanning"})


class Statuses(Protocol):
    def statuses(self, ids: Sequence[str]) -> Flow[dict[str, UploadStatus]]: ...


def settled(
    source: Statuses, ids: Sequence[str], *, timeout: float, interval: float = INTERVAL
) -> Flow[dict[str, UploadStatus]]:
    """Wait until it is known of all uploads whether they are stored, or `timeout` seconds.

    Returns the states of all. Ids that are not the user's are left out.
    """
    deadline = time.monotonic() + timeout
    found: dict[str, UploadStatus] = {}
    pending = list(dict.fromkeys(ids))
    while pending:
        found |= yield from source.statuses(pending)
        pending = [i for i in pending if i in found and found[i].state in UNDECIDED]
        left = deadline - time.monotonic()
        if left <= 0:
            break
        if pending:
            yield from pause(min(interval, left))
    return found


def stored_file(status: UploadStatus | None) -> File:
    """The file of a stored upload, or the error that says why there is none."""
    if status is not None and status.file is not None:
        return status.file
    raise _why_not_stored(status)


def _why_not_stored(status: UploadStatus | None) -> FilehubError:
    if status is None:
        return NotFound("You have no such upload.", status=404, code="upload_not_found")
    if status.state == "rejected":
        return UploadRejected(status.reason or "The file was rejected.", code=status.reason_code)
    if status.state == "pending":
        return NotStoredInTime("The file is in S3, but was not recorded in time.")
    if status.state == "scanning":
        return NotStoredInTime("The file is in S3, and is still being checked for malware.")
    if status.state == "trashed":
        return UploadDeleted("The file is in the trash.", code="trashed")
    return UploadDeleted(status.reason or "The file was deleted.")
