"""Apply what GuardDuty reports about objects. Runs in the worker.

A result may arrive before the event of its object has been applied. It proves that there is an
object, so it is treated as a hint about it first, as a client's is. Nothing has to be kept for
later then, and a result that cannot be applied yet is retried as any task is. IAM: as for
`uploads.ingest.confirm`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.files import store
from uploads.files.record import StoredFile
from uploads.ingest import confirm, settle
from uploads.ingest.decide import Check, Trigger
from uploads.ingest.events import NO_SEQUENCER, ObjectEvent, ScanResult
from uploads.ingest.settle import Settled
from uploads.scanning import guardduty
from uploads.scanning.verdict import Verdict

logger = logging.getLogger(__name__)


def apply(results: Sequence[ScanResult]) -> list[Exception | None]:
    """Apply results to the records; return the error of each, in the same order.

    Safe to repeat, in any order. Each result succeeds or fails on its own.
    """
    errors: list[Exception | None] = [None] * len(results)
    if conf().scan != "guardduty":
        logger.warning("%d results of GuardDuty are ignored, because it is off", len(results))
        return errors
    for positions in confirm.rounds(results):
        failed = _apply_distinct([results[position] for position in positions])
        for position in positions:
            errors[position] = failed.get(results[position].upload_id)
    return errors


def _apply_distinct(results: Sequence[ScanResult]) -> Mapping[str, Exception]:
    """Apply results of different objects; return the errors by upload id."""
    verdicts = {result.upload_id: found for result in results if (found := _verdict(result))}
    if not verdicts:
        return {}
    try:
        records = store.read(verdicts)
    except BackendUnavailable as exc:
        return dict.fromkeys(verdicts, exc)
    prepared = _settle(_preparations(verdicts, records))
    applied = _settle(
        [found for key, found in verdicts.items() if not isinstance(prepared.get(key), Exception)]
    )
    return {
        key: error
        for key in verdicts
        if (error := _error(prepared.get(key), applied.get(key))) is not None
    }


def _settle(triggers: Sequence[Trigger]) -> Mapping[str, Settled]:
    return settle.settle(triggers) if triggers else {}


def _verdict(result: ScanResult) -> Verdict | None:
    meaning = guardduty.meaning(result.status, result.details)
    if meaning is None:
        logger.error(
            "GuardDuty could not check %s: %s %s", result.upload_id, result.status, result.details,
            extra={"upload_id": result.upload_id},
        )  # fmt: skip
        return None
    kind, reason = meaning
    at = datetime.fromisoformat(result.time)
    return Verdict(result.upload_id, result.etag, kind, at, guardduty.NAME, reason)


def _preparations(
    verdicts: Mapping[str, Verdict], records: Mapping[str, StoredFile]
) -> list[Trigger]:
    """What makes the records describe the objects that were checked, if these exist."""
    triggers: list[Trigger] = []
    for key, found in verdicts.items():
        record = records.get(key)
        if record is None:
            # Like a client's hint, it leaves everything that is in doubt to the event.
            triggers.append(ObjectEvent("created", key, NO_SEQUENCER))
        elif record.etag != found.etag:
            triggers.append(Check(key))
    return triggers


def _error(prepared: Settled | None, applied: Settled | None) -> Exception | None:
    if isinstance(prepared, Exception):
        return prepared
    if isinstance(applied, Exception):
        return applied
    outcomes = {settled and settled.outcome for settled in (prepared, applied)}
    if outcomes == {"unchanged"}:
        # The hint left the object to its event, or another worker was faster.
        return BackendUnavailable("The object has been checked, but is not recorded yet.")
    return None
