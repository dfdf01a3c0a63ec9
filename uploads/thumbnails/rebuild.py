"""Make the thumbnails of many files, and delete those without a file: `manage.py make_thumbnails`.

It reads the index AllFeed shard by shard, and then lists the thumbnails. It can stop anywhere: a
run over all files saves its position in the table every few seconds, and what is missing stays
missing. IAM: as `uploads.thumbnails.make`, dynamodb:Query on the index AllFeed, dynamodb:PutItem,
s3:ListBucket.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

from pynamodb.attributes import UnicodeAttribute

from uploads.aws import thumbnails
from uploads.aws.dynamodb import Table, TableModel, table_errors
from uploads.core import keys
from uploads.core.fan_out import map_concurrently
from uploads.files import store
from uploads.files.record import OWNED_STATES, StoredFile, has_thumbnail
from uploads.thumbnails import eligible, make

#: Files whose thumbnails are made at the same time, each with a child process.
CONCURRENCY = 4
#: Files between two looks at the clock. It is also the number of files that are done again if a run
#: is killed.
BATCH = 2 * CONCURRENCY
#: How often the position is saved, in seconds.
SAVE_EVERY = 2.0
#: A younger thumbnail without a record belongs to a task that is about to write it.
MIN_AGE = timedelta(minutes=10)
_PAGE_SIZE = 500
#: Records per request.
_RECORDS = 100
_LOWEST = str(UUID(int=0))
_HIGHEST = str(UUID(int=2**128 - 1))


@dataclass(frozen=True)
class Plan:
    """Which files: all of them, or those without a thumbnail; signed within `since` (None: ever).

    A run over all files resumes where the last one was interrupted, unless `restart`.
    """

    again: bool = False
    since: timedelta | None = None
    restart: bool = False

    @property
    def is_resumable(self) -> bool:
        return self.again and self.since is None


@dataclass(frozen=True)
class Position:
    """Earlier shards are done, and this one up to `last_id`."""

    shard: str
    last_id: str


@dataclass(frozen=True)
class Result:
    """`none`: damaged, encrypted or too expensive.

    `failed`: AWS did not respond, or the machine was short of time or memory; see the log.
    """

    made: int = 0
    none: int = 0
    failed: int = 0
    #: Thumbnails without a file, which were deleted.
    deleted: int = 0


#: Called from time to time with the position, and with what was done so far.
Progress = Callable[[Position, Result], None]


class _Item(TableModel):
    """`thumbnails#position`. Without a shard, no run is in progress."""

    class Meta(Table):
        pass

    id = UnicodeAttribute(hash_key=True, default="thumbnails#position")
    shard = UnicodeAttribute(null=True)
    last_id = UnicodeAttribute(null=True, attr_name="lastId")


def interrupted() -> Position | None:
    """Where the last run over all files was interrupted; None if it was not."""
    with table_errors():
        try:
            item = _Item.get("thumbnails#position", consistent_read=True)
        except _Item.DoesNotExist:
            return None
    return Position(item.shard, item.last_id) if item.shard else None


def _save(position: Position | None) -> None:
    with table_errors():
        _Item(
            shard=position.shard if position else None,
            last_id=position.last_id if position else None,
        ).save()


def run(plan: Plan, progress: Progress) -> Result:
    """Make the thumbnails, then delete those without a file. Raises BackendUnavailable."""
    counts: Counter[str] = Counter()
    position = _start(plan)
    save_at = time.monotonic() + SAVE_EVERY
    try:
        for begins_at, ids in _batches(plan, position):
            position = begins_at
            counts.update(map_concurrently(_attempt(plan), ids, max_workers=CONCURRENCY))
            progress(position, _result(counts))
            if plan.is_resumable and time.monotonic() >= save_at:
                _save(position)
                save_at = time.monotonic() + SAVE_EVERY
    except BaseException:
        # Ctrl-C too. A position before the current batch has been saved if it is killed.
        if plan.is_resumable:
            _save(position)
        raise
    if plan.since is None:
        counts["deleted"] = _delete_orphans()
    if plan.is_resumable:
        _save(None)
    return _result(counts)


def _result(counts: Counter[str]) -> Result:
    return Result(**{name: counts[name] for name in Result.__dataclass_fields__})


def _start(plan: Plan) -> Position:
    first = _LOWEST if plan.since is None else keys.first_id_at(datetime.now(UTC) - plan.since)
    start = Position(keys.SHARDS[0], first)
    if not plan.is_resumable:
        return start
    saved = interrupted()
    if saved is not None and plan.restart:
        _save(None)
    return start if saved is None or plan.restart else saved


def _batches(plan: Plan, start: Position) -> Iterator[tuple[Position, list[str]]]:
    """The files to do, a few at a time, each batch with the position that it begins after."""
    position = start
    for shard in keys.SHARDS[keys.SHARDS.index(start.shard) :]:
        after = start.last_id if shard == start.shard or plan.since else _LOWEST
        ids = _ids(plan, shard, after)
        position = Position(shard, after)
        while batch := list(islice(ids, BATCH)):
            yield position, batch
            position = Position(shard, batch[-1])


def _ids(plan: Plan, shard: str, after: str) -> Iterator[str]:
    """The ids of files that should have a thumbnail, ascending; also of those in the trash."""
    feeds = (
        StoredFile.by_state.query(
            f"{state}#{shard}", StoredFile.id.between(after, _HIGHEST), page_size=_PAGE_SIZE
        )
        for state in OWNED_STATES
    )
    with table_errors():
        for record in heapq.merge(*feeds, key=lambda record: str(record.id)):
            is_wanted = plan.again or not record.thumbnail
            if record.id != after and is_wanted and eligible.kind_of(record) is not None:
                yield record.id


def _attempt(plan: Plan) -> Callable[[str], str]:
    """Make one thumbnail; return the count that it belongs to."""

    def attempt(upload_id: str) -> str:
        outcome = make.attempt(upload_id, again=plan.again)
        return "failed" if isinstance(outcome, Exception) else outcome

    return attempt


def _delete_orphans() -> int:
    """Delete thumbnails that no record mentions; return their number.

    They are left over if a worker was killed while an object was replaced, or if a record expired.
    """
    deleted = 0
    for page in thumbnails.list_pages(older_than=datetime.now(UTC) - MIN_AGE):
        for start in range(0, len(page), _RECORDS):
            ids = page[start : start + _RECORDS]
            records = store.read(ids)
            orphans = [upload_id for upload_id in ids if not _is_used(records.get(upload_id))]
            errors = thumbnails.delete_many(orphans)
            if errors:
                raise next(iter(errors.values()))
            deleted += len(orphans)
    return deleted


def _is_used(record: StoredFile | None) -> bool:
    return record is not None and not eligible.is_gone(record) and has_thumbnail(record.thumbnail)
