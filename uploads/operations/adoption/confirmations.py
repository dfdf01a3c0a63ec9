"""Wait until the copies are recorded, as the worker does it when their events arrive."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import islice

from uploads.files import queries
from uploads.files.queries import UploadStatus
from uploads.operations.adoption.adopt import Outcome

#: Seconds between two rounds of reading the records.
POLL_INTERVAL = 1.0


class Confirmations:
    """The copies of a run that have no record yet, oldest first."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._pending: dict[str, Outcome] = {}

    def add(self, outcomes: Iterable[Outcome]) -> None:
        self._pending |= {
            outcome.upload_id: outcome
            for outcome in outcomes
            if outcome.state in {"copied", "waiting"}
        }

    def pending(self) -> list[Outcome]:
        """The copies that have no record yet."""
        return list(self._pending.values())

    def oldest(self) -> list[tuple[Outcome, UploadStatus]]:
        """Those of the oldest copies that have a record now: one BatchGetItem, if any are left."""
        return self._recorded(list(islice(self._pending, queries.MAX_IDS)))

    def wait(self, timeout: float) -> Iterator[list[tuple[Outcome, UploadStatus]]]:
        """Yield copies with their records until none is left, or none came for `timeout` seconds.

        Raises BackendUnavailable.
        """
        deadline = time.monotonic() + timeout
        while self._pending:
            ids = list(self._pending)
            for start in range(0, len(ids), queries.MAX_IDS):
                if recorded := self._recorded(ids[start : start + queries.MAX_IDS]):
                    deadline = time.monotonic() + timeout
                    yield recorded
            if not self._pending or time.monotonic() >= deadline:
                return
            time.sleep(POLL_INTERVAL)

    def _recorded(self, ids: list[str]) -> list[tuple[Outcome, UploadStatus]]:
        if not ids:
            return []
        statuses = queries.upload_statuses(ids, self._owner)
        return [
            (self._pending.pop(status.id), status)
            for status in statuses
            if status.state != "pending"
        ]
