"""Bring records in line with S3: apply events, confirm hints, check files. Runs in the worker.

Each function lets `uploads.ingest.settle` observe the object, decide, and write the record if it
has not changed in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from uploads.ingest import settle
from uploads.ingest.decide import Check, Finding, Outcome
from uploads.ingest.events import NO_SEQUENCER, ObjectEvent, ScanResult


@dataclass(frozen=True)
class Applied:
    """What applying an event did: its outcome, or the error that prevented it."""

    outcome: Outcome | None = None
    error: Exception | None = None


def apply_events(events: Sequence[ObjectEvent]) -> list[Applied]:
    """Apply S3's events to the records; return the results in the same order.

    Safe to repeat, in any order. Each event succeeds or fails on its own. Events of the same upload
    are applied one after the other, each to what the one before has left.
    """
    results: dict[int, Applied] = {}
    for positions in rounds(events):
        settled = settle.settle(events[position] for position in positions)
        for position in positions:
            results[position] = _applied(settled[events[position].upload_id])
    return [results[position] for position in range(len(events))]


def apply_event(event: ObjectEvent) -> Outcome:
    """Apply one event. Raises BackendUnavailable."""
    return cast("Outcome", _outcome(settle.settle([event])[event.upload_id]))


def confirm(upload_id: str) -> Outcome:
    """Record an object without an event, because a client reports it as uploaded.

    This only creates a missing record: any event that was applied before takes precedence. Raises
    BackendUnavailable.
    """
    return apply_event(ObjectEvent("created", upload_id, NO_SEQUENCER))


def check(upload_id: str, *, dry_run: bool = False, may_delete: bool = True) -> Finding:
    """Make the record agree with HeadObject (`uploads.ingest.decide.Check`).

    A dry run only returns the finding. Raises BackendUnavailable.
    """
    trigger = Check(upload_id)
    if dry_run:
        return cast("Finding", _outcome(settle.preview(trigger)))
    return cast("Finding", _outcome(settle.settle([trigger], may_delete=may_delete)[upload_id]))


def rounds(events: Sequence[ObjectEvent | ScanResult]) -> list[list[int]]:
    """Positions of events, in rounds: the n-th event of each upload is in the n-th round."""
    seen: dict[str, int] = {}
    rounds: list[list[int]] = []
    for position, event in enumerate(events):
        number = seen.get(event.upload_id, 0)
        seen[event.upload_id] = number + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(position)
    return rounds


def _applied(settled: settle.Settled) -> Applied:
    if isinstance(settled, Exception):
        return Applied(error=settled)
    return Applied(cast("Outcome", settled.outcome))


def _outcome(settled: settle.Settled) -> str:
    if isinstance(settled, Exception):
        raise settled
    return settled.outcome
