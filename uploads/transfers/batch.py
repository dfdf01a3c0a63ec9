"""Start many uploads at once. What goes wrong with a file is that file's error only."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial

from uploads.core.errors import BackendUnavailable, FilehubError
from uploads.core.fan_out import FanOut
from uploads.files import quotas
from uploads.transfers import begin
from uploads.transfers.begin import FileRequest, Started

logger = logging.getLogger(__name__)

#: The most files per batch.
MAX_FILES = 100
#: Multipart uploads of a batch that are created at a time. Each is one request to S3.
CONCURRENCY = 8

#: What became of a file.
Outcome = Started | FilehubError


def begin_uploads(
    owner: str, files: Sequence[FileRequest | FilehubError], *, quota: int | None = None
) -> list[Outcome]:
    """Start these uploads; return an outcome for each, in the same order.

    A file may be an error already, which is returned in its place. `quota` is the owner's limit in
    bytes: files are admitted in order, and those before a file count as if they were stored. It
    costs one read of the usage, and one request to S3 for each file that is sent in parts.
    """
    room = quotas.Room(owner, quota)
    with FanOut(CONCURRENCY) as fan_out:
        waiting = [_begin(owner, file, room, fan_out) for file in files]
        outcomes = [outcome() for outcome in waiting]
    _log_failures(outcomes)
    return outcomes


def _begin(
    owner: str, file: FileRequest | FilehubError, room: quotas.Room, fan_out: FanOut
) -> Callable[[], Outcome]:
    """Start one upload; return a function that waits for its outcome."""
    if isinstance(file, FilehubError):
        return lambda: file
    try:
        planned = begin.plan_upload(file)
        room.take(file.size)
    except FilehubError as exc:
        return partial(_identity, exc)
    if planned.in_parts:
        future = fan_out.submit(partial(_start, owner, planned))
        return lambda: future.result() or BackendUnavailable()
    return partial(_identity, _start(owner, planned))


def _start(owner: str, planned: begin.Plan) -> Outcome:
    try:
        return begin.start(owner, planned)
    except FilehubError as exc:
        return exc


def _identity(outcome: Outcome) -> Outcome:
    return outcome


def _log_failures(outcomes: list[Outcome]) -> None:
    """Log the first cause once, not for each of a hundred files."""
    failed = [o for o in outcomes if isinstance(o, FilehubError) and o.status >= 500]
    if failed:
        cause = failed[0].__cause__ or failed[0]
        logger.error("%d of %d uploads of a batch failed: %r", len(failed), len(outcomes), cause)
