"""Observe, decide, commit: bring many records in line with S3 at once."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from celery.exceptions import SoftTimeLimitExceeded

from uploads.aws import s3
from uploads.core.conf import rules
from uploads.core.errors import BackendUnavailable
from uploads.core.fan_out import map_concurrently
from uploads.core.logs import context
from uploads.core.policy import Rules
from uploads.core.reasons import NO_REASON, load
from uploads.files import counting, store
from uploads.files.record import Change
from uploads.ingest import decide, observe, traces
from uploads.ingest.decide import Decision, Limits, Trigger
from uploads.ingest.events import NO_SEQUENCER, ObjectEvent
from uploads.ingest.observe import Observation
from uploads.scanning import follow as scanning
from uploads.scanning.verdict import Verdict
from uploads.thumbnails import follow

logger = logging.getLogger(__name__)

#: What was done about an upload, or the error that prevented it.
Settled = Decision | Exception


def settle(triggers: Iterable[Trigger], *, may_delete: bool = True) -> dict[str, Settled]:
    """Decide about uploads and carry the decisions out; return them by upload id.

    The ids must be distinct. Each upload succeeds or fails on its own. Rejected objects are deleted
    only if `may_delete`. Each decision is logged; the caller reports errors.
    """
    pending = {trigger.upload_id: trigger for trigger in triggers}
    settled = _settle_all(dict(pending), may_delete=may_delete)
    for upload_id, trigger in pending.items():
        if isinstance(decision := settled[upload_id], Decision):
            _log(trigger, decision)
    return settled


def _settle_all(pending: dict[str, Trigger], *, may_delete: bool) -> dict[str, Settled]:
    """Try again what another worker has changed meanwhile, a limited number of times."""
    settled: dict[str, Settled] = {}
    for attempt in range(1, store.ATTEMPTS + 1):
        settled |= _settle_in_isolation(list(pending.values()), may_delete=may_delete)
        pending = {key: trigger for key, trigger in pending.items() if key not in settled}
        if not pending:
            return settled
        store.pause(attempt)
    return settled | {upload_id: store.busy(upload_id) for upload_id in pending}


def _log(trigger: Trigger, decision: Decision) -> None:
    # A command shows what it does itself, and has neither.
    is_command = not (context.current("task_id") or context.current("request_id"))
    reason = next(iter(load((decision.record and decision.record.reason) or "")), NO_REASON)
    logger.log(
        logging.DEBUG if is_command else logging.INFO,
        "%s %s: %s",
        trigger.upload_id,
        _name(trigger),
        decision.outcome,
        extra={
            "upload_id": trigger.upload_id,
            "outcome": decision.outcome,
            "reason": reason.code or None,
        },
    )


def _name(trigger: Trigger) -> str:
    if isinstance(trigger, Verdict):
        return "verdict"
    if not isinstance(trigger, ObjectEvent):
        return "check"
    is_hint = trigger.kind == "created" and trigger.sequencer == NO_SEQUENCER
    return "hint" if is_hint else trigger.kind


def preview(trigger: Trigger) -> Settled:
    """What `settle` would do about one upload now. Changes nothing."""
    limits = rules()
    return _decide_all(observe.observe([trigger], limits), limits)[trigger.upload_id]


def _settle_in_isolation(triggers: Sequence[Trigger], *, may_delete: bool) -> dict[str, Settled]:
    """Like `_settle_once`, but an upload that triggers a bug fails alone."""
    try:
        return _settle_once(triggers, may_delete=may_delete)
    except SoftTimeLimitExceeded:
        raise
    except BackendUnavailable as exc:
        return dict.fromkeys((trigger.upload_id for trigger in triggers), exc)
    except Exception as exc:
        if len(triggers) == 1:
            return {triggers[0].upload_id: exc}
        logger.exception("%d uploads failed together; trying them one by one", len(triggers))
    settled: dict[str, Settled] = {}
    for trigger in triggers:
        settled |= _settle_in_isolation([trigger], may_delete=may_delete)
    return settled


def _settle_once(triggers: Sequence[Trigger], *, may_delete: bool) -> dict[str, Settled]:
    """Observe, decide, commit. The uploads that are not in the result have to be observed again."""
    limits, started_at = rules(), time.time_ns()
    seen = observe.observe(triggers, limits)
    settled = _decide_all(seen, limits)
    unwritten = store.commit(_changes(seen, settled))
    again = unwritten.stale | {
        upload_id
        for upload_id, decision in settled.items()
        if isinstance(decision, Decision) and decision.outcome == "deferred"
    }
    settled |= unwritten.failed
    settled = {key: decision for key, decision in settled.items() if key not in again}
    changed = _changed_records(seen, settled)
    settled |= follow.up(changed)
    settled |= scanning.up(
        entry.after for entry in changed if _may_need_scan(settled[entry.after.id])
    )
    if may_delete:
        settled |= _delete_rejected(settled)
    traces.record(seen, settled, started_at)
    return settled


def _decide_all(observations: Iterable[Observation], limits: Rules) -> dict[str, Settled]:
    """Decide about each upload. Files of one owner share the room in the quota, in order."""
    settled: dict[str, Settled] = {}
    claimed: defaultdict[str | None, int] = defaultdict(int)
    for seen in observations:
        settled[seen.trigger.upload_id] = decision = _decide(seen, limits, claimed)
        if isinstance(decision, Decision) and decision.limit is not None and decision.record:
            claimed[decision.record.owner] += counting.growth(seen.record, decision.record)
    return settled


def _decide(seen: Observation, limits: Rules, claimed: Mapping[str | None, int]) -> Settled:
    if seen.error is not None:
        return seen.error
    owner = decide.quota_owner(seen.trigger, seen.record, seen.object)
    decision = decide.decide(
        seen.trigger,
        seen.record,
        seen.object,
        Limits(limits, seen.allowance, claimed.get(owner, 0)),
    )
    if decision.outcome == "missing":
        # If the bucket itself is missing, so is every object: raise instead.
        s3.ping()
    return decision


def _changes(observations: Iterable[Observation], settled: Mapping[str, Settled]) -> list[Change]:
    changes = []
    for seen in observations:
        decision = settled[seen.trigger.upload_id]
        if isinstance(decision, Decision) and decision.record is not None:
            changes.append(Change(seen.record, decision.record, decision.limit))
    return changes


def _changed_records(
    observations: Iterable[Observation], settled: Mapping[str, Settled]
) -> list[follow.Records]:
    """The records before and after, also of uploads that an earlier attempt has changed."""
    records = []
    for seen in observations:
        decision = settled.get(seen.trigger.upload_id)
        after = (decision.record or seen.record) if isinstance(decision, Decision) else None
        if after is not None:
            records.append(follow.Records(seen.record, after))
    return records


def _may_need_scan(settled: Settled) -> bool:
    """Whether the check for malware may have to be queued: not again, because of a hint.

    The sweep finds files whose task was lost (`uploads.ingest.scans`).
    """
    return isinstance(settled, Decision) and settled.outcome not in {"unchanged", "consistent"}


def _delete_rejected(settled: Mapping[str, Settled]) -> dict[str, Settled]:
    """Delete rejected objects, after their records were written; return the errors of those left.

    This also completes an earlier attempt that failed between the two steps.
    """
    rejected = [
        (upload_id, decision.etag_to_delete)
        for upload_id, decision in settled.items()
        if isinstance(decision, Decision) and decision.etag_to_delete
    ]
    errors = map_concurrently(_delete, rejected, max_workers=observe.CONCURRENCY)
    return {
        upload_id: error
        for (upload_id, _), error in zip(rejected, errors, strict=True)
        if error is not None
    }


def _delete(rejected: tuple[str, str]) -> Exception | None:
    """Delete one object, given its id and ETag; return the error if this fails."""
    try:
        with context.about(upload_id=rejected[0]):
            s3.delete_if_match(*rejected)
    except SoftTimeLimitExceeded:
        raise
    except Exception as exc:  # noqa: BLE001  # the caller reports it with the event
        return exc
    return None
