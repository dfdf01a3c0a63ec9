"""Events to apply together, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from uploads.files import recount, store
from uploads.ingest import confirm
from uploads.ingest.events import NO_SEQUENCER, ObjectEvent

OWNER = "7"


def event(kind: Any, upload_id: str, number: int) -> ObjectEvent:
    return ObjectEvent(kind, upload_id, f"{number:018X}".ljust(64, "0") if number else NO_SEQUENCER)


def created(upload_ids: Iterable[str], number: int = 1) -> list[ObjectEvent]:
    return [event("created", upload_id, number) for upload_id in upload_ids]


def outcomes(events: list[ObjectEvent]) -> list[str]:
    """Apply events together; return their outcomes, or the names of the errors."""
    return [
        result.outcome or type(result.error).__name__ for result in confirm.apply_events(events)
    ]


def state(upload_id: str) -> tuple[str, str, int] | None:
    record = store.get(upload_id)
    return record and (record.state, record.sequencer.rstrip("0"), int(record.size or 0))


def assert_counted() -> None:
    """The counters agree with the records."""
    assert recount.differences() == []
