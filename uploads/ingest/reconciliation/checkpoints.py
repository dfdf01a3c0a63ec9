"""Checkpoints of reconciliations: where a run stopped, and how the last one of a kind ended.

Two small items of each kind, in the one table that there is: a run that was killed is gone on with
from any machine. They have no attribute that an index holds. IAM: dynamodb:GetItem,
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
    """A reconciliation that ended: when, and how many of what it found and put right.

    `examined` counts ids: an object and its record are one. `started_at` is the beginning of the
    whole, however often it was interrupted.
    """

    kind: str
    started_at: datetime
    finished_at: datetime
    examined: int
    #: Objects without a record, which are recorded now.
    orphaned: int
    #: Records without an object, which say so now.
    missing: int
    #: Objects that break a rule, which are deleted now.
    rejected: int
    #: Records that told of another object than the one that is there.
    corrected: int
    #: Ids that could not be looked at; the log says why.
    failed: int
    #: Ghosts that were left as they are: there were implausibly many, and the run was stopped.
    withheld: int = 0


@dataclass(frozen=True)
class Counts:
    """How many, so far: see `Run`."""

    objects: int = 0
    records: int = 0
    examined: int = 0
    #: Differences that were too young to judge.
    too_recent: int = 0
    orphaned: int = 0
    missing: int = 0
    rejected: int = 0
    corrected: int = 0
    failed: int = 0
    withheld: int = 0


@dataclass(frozen=True)
class Checkpoint:
    """Where a run is: everything of earlier shards is done, and of this one up to `last_id`.

    `first_id` is where the run's window begins in each shard.
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
    """`reconcile#position#<kind>`: see `Checkpoint`. Without a shard no run is under way."""

    class Meta(Table):
        pass

    id = UnicodeAttribute(hash_key=True)
    started_at = UTCDateTimeAttribute(null=True, attr_name="startedAt")
    first_id = UnicodeAttribute(null=True, attr_name="firstId")
    shard = UnicodeAttribute(null=True)
    last_id = UnicodeAttribute(null=True, attr_name="lastId")
    counts = JSONAttribute(null=True)

    @property
    def is_under_way(self) -> bool:
        return self.shard is not None


# Each of these raises BackendUnavailable.


def load(kind: Kind) -> Checkpoint | None:
    """Where a run of this kind was interrupted, or None."""
    with table_errors():
        try:
            found = _CheckpointItem.get(_checkpoint_id(kind), consistent_read=True)
        except _CheckpointItem.DoesNotExist:
            return None
    if not found.is_under_way:
        return None
    # Another version may have counted something else.
    counts = {name: int(found.counts.get(name, 0)) for name in Counts.__dataclass_fields__}
    return Checkpoint(
        found.started_at, found.first_id, found.shard, found.last_id, Counts(**counts)
    )


def save(kind: Kind, at: Checkpoint | None) -> None:
    """Remember where a run is, or with None that none is under way."""
    item = _CheckpointItem(_checkpoint_id(kind))
    if at is not None:
        item.started_at, item.first_id = at.started_at, at.first_id
        item.shard, item.last_id, item.counts = at.shard, at.last_id, asdict(at.counts)
    with table_errors():
        item.save()


def save_last_run(run: Run) -> None:
    """Remember how the last run of its kind ended."""
    fields = asdict(run)
    with table_errors():
        _LastRun(_last_id(fields.pop("kind")), **fields).save()


def last_runs() -> list[Run]:
    """The last finished run of each kind, newest first. A kind that never ran is left out."""
    found = {item.id: item for item in batch_get(_LastRun, map(_last_id, KINDS))}
    ended = [
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
        if (item := found.get(_last_id(kind))) is not None
    ]
    return sorted(ended, key=lambda run: run.finished_at, reverse=True)


def _last_id(kind: str) -> str:
    return f"reconcile#last#{kind}"


def _checkpoint_id(kind: str) -> str:
    return f"reconcile#position#{kind}"
