"""Read what decisions depend on: records, objects and quotas. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from celery.exceptions import SoftTimeLimitExceeded

from uploads.aws import s3, time_limit
from uploads.core.errors import BackendUnavailable
from uploads.core.fan_out import map_concurrently
from uploads.core.logs import context
from uploads.core.policy import Rules
from uploads.files import quotas, store
from uploads.files.quotas import Allowance
from uploads.files.record import StoredFile
from uploads.ingest import decide
from uploads.ingest.decide import Trigger

#: How many objects are inspected at the same time; each takes one connection of the S3 client.
CONCURRENCY = 16
#: Seconds for all reads of a batch. Objects for which S3 has not responded by then fail, and the
#: others are recorded within the time limit of the task (filehub/settings.py).
SECONDS = 40.0


@dataclass(frozen=True)
class Observation:
    """One upload, as the record and then the object were when they were read."""

    trigger: Trigger
    record: StoredFile | None
    #: None if it does not exist, or cannot affect the decision.
    object: s3.StoredObject | None = None
    #: That of the owner whose quota can affect the decision.
    allowance: Allowance | None = None
    #: Why it could not be read; then the rest is unknown.
    error: Exception | None = None


def observe(triggers: Sequence[Trigger], rules: Rules) -> list[Observation]:
    """Read the records of these uploads with one request, then the objects concurrently.

    The record is read before the object: if it changes later, its version is outdated, so that the
    write fails and both are read again. One failure does not affect the others. Raises
    BackendUnavailable if the records cannot be read.
    """
    with time_limit.limited(SECONDS):
        records = store.read(trigger.upload_id for trigger in triggers)
        observations = map_concurrently(
            partial(_inspect, rules),
            [Observation(trigger, records.get(trigger.upload_id)) for trigger in triggers],
            max_workers=CONCURRENCY,
        )
    return _with_allowances(observations)


def _inspect(rules: Rules, seen: Observation) -> Observation:
    """Read the object, including its first bytes if they can affect the decision."""
    trigger, record = seen.trigger, seen.record
    needs_content = partial(_needs_content, trigger, record, rules)
    try:
        if not decide.needs_object(trigger, record):
            return seen
        with context.about(upload_id=trigger.upload_id):
            found = s3.inspect(trigger.upload_id, needs_content=needs_content)
        return replace(seen, object=found)
    except SoftTimeLimitExceeded:
        raise
    except Exception as exc:  # noqa: BLE001  # the caller reports it with the event
        return replace(seen, error=exc)


def _needs_content(
    trigger: Trigger, record: StoredFile | None, rules: Rules, s3_object: s3.StoredObject
) -> bool:
    return decide.needs_content(trigger, record, s3_object, rules)


def _with_allowances(observations: Iterable[Observation]) -> list[Observation]:
    """Add the allowances: at most one SQL query and one read for all owners together."""
    owners = [
        (seen, None if seen.error else decide.quota_owner(seen.trigger, seen.record, seen.object))
        for seen in observations
    ]
    try:
        allowances = quotas.allowances({owner for _, owner in owners if owner is not None})
    except BackendUnavailable as exc:
        return [seen if owner is None else replace(seen, error=exc) for seen, owner in owners]
    return [
        seen if owner is None else replace(seen, allowance=allowances.get(owner))
        for seen, owner in owners
    ]
