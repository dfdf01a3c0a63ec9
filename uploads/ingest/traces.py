"""What the worker adds to the traces of uploads."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from uploads.core import tracing
from uploads.core.reasons import NO_REASON, load
from uploads.ingest import records
from uploads.ingest.decide import Decision
from uploads.ingest.events import ObjectEvent
from uploads.ingest.observe import Observation

#: Start and end in nanoseconds since 1970.
Times = tuple[int, int]


def record(
    observations: Iterable[Observation],
    settled: Mapping[str, Decision | Exception],
    started_at: int,
) -> None:
    """Add to each upload's trace how long its event has waited, and what became of it.

    Their parent is the span that signed the upload, which the object's metadata name. The span of
    the task, which may be about a hundred uploads with as many traces, is a link. What changed
    nothing, such as a repeated event, adds nothing. `started_at` is in nanoseconds since 1970.
    """
    recorder = tracing.recorder()
    if recorder is None:
        return
    times = started_at, time.time_ns()
    for seen in observations:
        upload_id = seen.trigger.upload_id
        parent = recorder.parse(seen.object.traceparent) if seen.object else None
        result = settled.get(upload_id)
        if parent is None or result is None:
            continue
        about = {"filehub.upload_id": upload_id}
        if isinstance(result, Exception):
            error = type(result).__name__
            recorder.add_finished(
                "confirm upload", parent, times=times, attributes=about, error=error
            )
        elif result.record is not None:
            if (waited := _waited(seen, started_at)) is not None:
                recorder.add_finished("S3 event", parent, times=waited, attributes=about)
            outcome = about | _outcome(result)
            recorder.add_finished("confirm upload", parent, times=times, attributes=outcome)


def _outcome(decision: Decision) -> dict[str, str]:
    reason = next(iter(load((decision.record and decision.record.reason) or "")), NO_REASON)
    outcome = {"filehub.outcome": str(decision.outcome)}
    return outcome | ({"filehub.reason": reason.code} if reason.code else {})


def _waited(seen: Observation, started_at: int) -> Times | None:
    """From S3's event to this task, through both queues. Hints and checks have no event."""
    if not isinstance(seen.trigger, ObjectEvent):
        return None
    happened_at = records.parse_time(seen.trigger.time)
    if happened_at is None:
        return None
    # S3's clock may be ahead of this one.
    return min(int(happened_at.timestamp() * 1e9), started_at), started_at
