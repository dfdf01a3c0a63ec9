"""Checkpoints of reconciliations: where a run stopped, and the result of the last finished run.

There are two small items of each kind, in the same table as the records, so that any machine can
resume a run that was killed. They have no keys of the indexes. IAM: dynamodb:GetItem,
dynamodb:BatchGetItem, dynamodb:PutItem.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal, get_args

from pynamodb.attributes import (
    JSONAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UTCDateTimeAttribute,
)

from uploads.aws.dynamodb import Table, TableModel, batch_get, table_errors

Kind = Literal["recent", "multipart", "all", "since", "inventory"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Run:
    """A finished reconciliation: when it ran, and how many differences it found and fixed.

    `examined` counts ids: an object and its record are one. `started_at` is the start of the whole
    run, including interruptions.
    """

    kind: str
    started_at: datetime
    finished_at: datetime
    examined: int
    #: Objects without a record. They have been recorded.
    orphaned: int
    #: Records without an object. They have been marked as deleted.
    missing: int
    #: Objects that break a rule. They have been deleted.
    rejected: int
    #: Records that described another object than the existing one. They have been updated.
    corrected: int
    #: Ids that could not be checked; the log says why.
    failed: int
    #: Records without an object that were left alone: implausibly many, so the run was aborted.
    withheld: int = 0


@dataclass(frozen=True)
class Counts:
    """The counts of a run so far; see `Run`."""

    objects: int = 0
    records: int = 0
    examined: int = 0
    #: Differences that were too recent to check.
    too_recent: int = 0
    orphaned: int = 0
    missing: int = 0
    rejected: int = 0
    corrected: int = 0
    failed: int = 0
    withheld: int = 0


@dataclass(frozen=True)
class Checkpoint:
    """The position of a run: earlier shards are done, and this one up to `last_id`.

    `first_id` is the start of the run's window in each shard.
    """

    started_at: datetime
    first_id: str
    shard: str
    last_id: str
    counts: Counts = Counts()


class _LastRun(TableModel):
    """`reconcile#last#<kind>`: see `Run`."""

    class Meta(Table):
        pass

    id = UnicodeAttribute(hash_key=True)
    started_at = UTCDateTimeAttribute(attr_name="startedAt")
    finished_at = UTCDateTimeAttribute(attr_name="finishedAt")
    examined = NumberAttribute(attr_name="lookedAt")
    orphaned = NumberAttribute(attr_name="orphans")
    missing = NumberAttribute(attr_name="ghosts")
    rejected = NumberAttribute()
    corrected = NumberAttribute()
    failed = NumberAttribute()
    withheld = NumberAttribute(default=0, attr_name="heldBack")


class _CheckpointItem(TableModel):
    """`reconcile#position#<kind>`: see `Checkpoint`. Without a shard, no run is in progress."""

    class Meta(Table):
        pass

    id = UnicodeAttribute(hash_key=True)
    started_at = UTCDateTimeAttribute(null=True, attr_name="startedAt")
    first_id = UnicodeAttribute(null=True, attr_name="firstId")
    shard = UnicodeAttribute(null=True)
    last_id = UnicodeAttribute(null=True, attr_name="lastId")
    counts = JSONAttribute(null=True)

    @property
    def is_in_progress(self) -> bool:
        return self.shard is not None


# Each of these raises BackendUnavailable.


def load(kind: Kind) -> Checkpoint | None:
    """Load the checkpoint of the interrupted run of this kind, or None."""
    with table_errors():
        try:
            item = _CheckpointItem.get(_checkpoint_id(kind), consistent_read=True)
        except _CheckpointItem.DoesNotExist:
            return None
    if not item.is_in_progress:
        return None
    # Another version may have had other counts.
    counts = {name: int(item.counts.get(name, 0)) for name in Counts.__dataclass_fields__}
    return Checkpoint(item.started_at, item.first_id, item.shard, item.last_id, Counts(**counts))


def save(kind: Kind, at: Checkpoint | None) -> None:
    """Save the position of a run; None means that no run is in progress."""
    item = _CheckpointItem(_checkpoint_id(kind))
    if at is not None:
        item.started_at, item.first_id = at.started_at, at.first_id
        item.shard, item.last_id, item.counts = at.shard, at.last_id, asdict(at.counts)
    with table_errors():
        item.save()


def save_last_run(run: Run) -> None:
    """Save the result of the last run of its kind."""
    fields = asdict(run)
    with table_errors():
        _LastRun(_last_id(fields.pop("kind")), **fields).save()


def last_runs() -> list[Run]:
    """The last finished run of each kind, newest first, without kinds that never ran."""
    items = {item.id: item for item in batch_get(_LastRun, map(_last_id, KINDS))}
    runs = [
        Run(
            kind=kind,
            started_at=item.started_at,
            finished_at=item.finished_at,
            examined=int(item.examined),
            orphaned=int(item.orphaned),
            missing=int(item.missing),
            rejected=int(item.rejected),
            corrected=int(item.corrected),
            failed=int(item.failed),
            withheld=int(item.withheld),
        )
        for kind in KINDS
        if (item := items.get(_last_id(kind))) is not None
    ]
    return sorted(runs, key=lambda run: run.finished_at, reverse=True)


def _last_id(kind: str) -> str:
    return f"reconcile#last#{kind}"


def _checkpoint_id(kind: str) -> str:
    return f"reconcile#position#{kind}"
