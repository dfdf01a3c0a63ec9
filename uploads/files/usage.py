"""How much is stored: counters, kept beside the records in the same table.

They change in the transaction that changes the record (`uploads.files.store`), so that an event
that comes twice, or a worker that dies, cannot make them wrong. Reading them costs the same however
many files there are. Those that everybody changes are in 16 parts, like the feeds, so that writers
do not wait for each other; a user's own is one item.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from pynamodb.attributes import NumberAttribute, TTLAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from uploads.aws.dynamodb import Table, TableModel, batch_get, table_errors
from uploads.core import media_types
from uploads.core.keys import SHARDS, shard
from uploads.files.record import StoredFile

#: How long the number of a day is kept.
DAYS_KEPT = timedelta(days=400)
_OWNERS = "owners"
#: What DynamoDB answers when a counter is no longer as it was read, or is being changed just now.
_CHANGED = {"ConditionalCheckFailedException", "TransactionConflictException"}


class _OwnerFeed(GlobalSecondaryIndex["Counter"]):
    """The counters of all owners, in the index that has the feeds of files."""

    class Meta:
        index_name = "AllFeed"
        projection = AllProjection()

    feed = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)


class Counter(TableModel):
    """One counter: `kind#<kind>#<shard>`, `day#<date>#<shard>` or `owner#<owner>`.

    The first and the last count what is stored now, a day what arrived on it (UTC).
    """

    class Meta(Table):
        pass

    id = UnicodeAttribute(hash_key=True)
    files = NumberAttribute(default=0)
    bytes = NumberAttribute(default=0)
    rejected = NumberAttribute(default=0)
    #: Raised by each change of what is stored now, so that it can be told whether there was one.
    changes = NumberAttribute(default=0)
    owner = UnicodeAttribute(null=True)
    feed = UnicodeAttribute(null=True)
    expires_at = TTLAttribute(null=True, attr_name="expiresAt")

    by_feed = _OwnerFeed()


@dataclass(frozen=True)
class Usage:
    """What is stored: a number of files, and their bytes."""

    files: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Reading:
    """A counter at some moment, and how often it was changed until then."""

    usage: Usage = Usage()
    changes: int = 0
    exists: bool = False


@dataclass(frozen=True)
class Day:
    """What arrived on one day (UTC)."""

    date: date
    files: int
    bytes: int
    rejected: int


@dataclass(frozen=True)
class Adjustment:
    """An update of one counter; with a condition, nothing is written unless it is true."""

    counter: Counter
    actions: list[Action]
    condition: Condition | None = None


# Writing


def growth(before: StoredFile | None, after: StoredFile) -> int:
    """The bytes by which a change of a record raises what its owner has stored."""
    if before is None or before.state != "stored" or before.owner != after.owner:
        return int(after.size or 0)
    return int(after.size or 0) - int(before.size or 0)


def adjustments(
    before: StoredFile | None, after: StoredFile, limit: int | None = None
) -> list[Adjustment]:
    """What a change of a record does to the counters, as the rest of its transaction.

    With a limit, in bytes, the change may not bring its owner above it. The condition is checked
    with the write, so that of many files at the same moment no more are let in than fit.
    """
    files: defaultdict[str, int] = defaultdict(int)
    size: defaultdict[str, int] = defaultdict(int)
    for record, sign in ((before, -1), (after, 1)):
        if record is not None and record.state == "stored":
            for name in _names(record):
                files[name] += sign
                size[name] += sign * int(record.size or 0)
    result = [
        Adjustment(Counter(name), _add(name, files[name], size[name]))
        for name in sorted(files)
        if files[name] or size[name]
    ]
    if limit is not None and growth(before, after) > 0:
        owners = _owner_id(after.owner)
        room = limit - growth(before, after)
        result = [
            replace(entry, condition=_at_most(room)) if entry.counter.id == owners else entry
            for entry in result
        ]
    # What comes back after it was thought to be gone has arrived before.
    arrived = after.state == "stored" and (before is None or before.confirmed_at is None)
    rejected = after.state == "rejected" and (before is None or before.state != "rejected")
    if arrived or rejected:
        result.append(_on_day(after, rejected=rejected))
    return result


def _at_most(size: int) -> Condition:
    """That a counter says so many bytes or fewer; one that is not there yet says none."""
    few: Condition = Counter.bytes <= size
    return Counter.id.does_not_exist() | few if size >= 0 else few


class Sums:
    """What many records come to, so that each counter is written once and not for each of them."""

    def __init__(self) -> None:
        self.stored: defaultdict[str, Usage] = defaultdict(Usage)
        self._days: defaultdict[tuple[date, str], tuple[int, int, int]] = defaultdict(
            lambda: (0, 0, 0)
        )

    def add_stored(self, record: StoredFile) -> None:
        """It is stored now."""
        size = int(record.size or 0)
        for name in _names(record):
            before = self.stored[name]
            self.stored[name] = Usage(before.files + 1, before.bytes + size)

    def add_arrival(self, record: StoredFile) -> None:
        """It came on its day, whatever became of it."""
        key = (_day_of(record), shard(record.id))
        files, size, rejected = self._days[key]
        if record.state == "rejected":
            self._days[key] = files, size, rejected + 1
        else:
            self._days[key] = files + 1, size + int(record.size or 0), rejected

    def write(self) -> None:
        """Add them to the counters. Raises BackendUnavailable; what is added stays added."""
        with table_errors():
            for name, total in self.stored.items():
                Counter(name).update(_add(name, total.files, total.bytes))
            for (day, part), (files, size, rejected) in self._days.items():
                Counter(_day_id(day, part)).update(
                    [
                        Counter.files.add(files),
                        Counter.bytes.add(size),
                        Counter.rejected.add(rejected),
                        Counter.expires_at.set(_expiry(day)),
                    ]
                )


def _names(record: StoredFile) -> tuple[str, str]:
    kind = media_types.kind(record.content_type or "")
    return f"kind#{kind}#{shard(record.id)}", _owner_id(record.owner)


def _owner_id(owner: str | None) -> str:
    return f"owner#{owner}"


def correct(name: str, read: Reading, right: Usage) -> bool:
    """Set a counter, if nobody changed it since it was read; returns whether.

    Raises BackendUnavailable.
    """
    condition: Condition = Counter.id.does_not_exist()
    if read.exists:
        # An edit by hand may leave `changes` as it was.
        condition = (
            _is(Counter.changes, read.changes)
            & _is(Counter.files, read.usage.files)
            & _is(Counter.bytes, read.usage.bytes)
        )
    actions: list[Action] = [Counter.files.set(right.files), Counter.bytes.set(right.bytes)]
    with table_errors():
        try:
            Counter(name).update([*actions, *_marks(name)], condition)
        except UpdateError as exc:
            if exc.cause_response_code in _CHANGED:
                return False
            raise
    return True


def _is(attribute: NumberAttribute, value: int) -> Condition:
    """What is missing counts as zero."""
    condition: Condition = attribute == value
    return condition if value else condition | attribute.does_not_exist()


def _add(name: str, files: int, size: int) -> list[Action]:
    return [Counter.files.add(files), Counter.bytes.add(size), *_marks(name)]


def _marks(name: str) -> list[Action]:
    """What belongs to every change of a counter of what is stored now."""
    actions: list[Action] = [Counter.changes.add(1)]
    if name.startswith("owner#"):
        actions += [
            Counter.owner.set(name.removeprefix("owner#")),
            Counter.feed.set(_OWNERS),
        ]
    return actions


def _on_day(record: StoredFile, *, rejected: bool) -> Adjustment:
    day = _day_of(record)
    counter = Counter(_day_id(day, shard(record.id)))
    if rejected:
        actions: list[Action] = [Counter.rejected.add(1)]
    else:
        actions = [Counter.files.add(1), Counter.bytes.add(int(record.size or 0))]
    return Adjustment(counter, [*actions, Counter.expires_at.set(_expiry(day))])


def _day_of(record: StoredFile) -> date:
    return (record.confirmed_at or datetime.now(UTC)).astimezone(UTC).date()


def _expiry(day: date) -> datetime:
    return datetime.combine(day, time(), UTC) + DAYS_KEPT


def _day_id(day: date, part: str) -> str:
    return f"day#{day.isoformat()}#{part}"


# Reading. Each raises BackendUnavailable when the table does not answer.


def of_owner(owner: str) -> Usage:
    """What one owner has stored, as the last write left it: one GetItem."""
    with table_errors():
        try:
            return _usage(Counter.get(_owner_id(owner), consistent_read=True))
        except Counter.DoesNotExist:
            return Usage()


def usage_of(owners: Iterable[str]) -> dict[str, Usage]:
    """What each of these owners has stored: one BatchGetItem for each hundred."""
    wanted = list(dict.fromkeys(owners))
    found = {counter.owner: counter for counter in _get(map(_owner_id, wanted))}
    return {owner: _usage(found[owner]) if owner in found else Usage() for owner in wanted}


def owners(limit: int) -> list[tuple[str, Usage]]:
    """Up to `limit` owners with what they have stored, in no useful order."""
    with table_errors():
        found = list(Counter.by_feed.query(_OWNERS, limit=limit, page_size=limit))
    return [(str(counter.owner), _usage(counter)) for counter in found]


def by_kind() -> dict[media_types.Kind, Usage]:
    """What is stored of each type group; together, all that is stored."""
    files: defaultdict[str, int] = defaultdict(int)
    size: defaultdict[str, int] = defaultdict(int)
    for counter in _get(f"kind#{kind}#{part}" for kind in media_types.KINDS for part in SHARDS):
        kind = counter.id.split("#")[1]
        files[kind] += int(counter.files)
        size[kind] += int(counter.bytes)
    return {kind: Usage(files[kind], size[kind]) for kind in media_types.KINDS}


def by_day(last: date, count: int) -> list[Day]:
    """What arrived on each of the `count` days up to `last`, oldest first."""
    days = [last - timedelta(days=ago) for ago in reversed(range(count))]
    parts: defaultdict[str, list[Counter]] = defaultdict(list)
    for counter in _get(_day_id(day, part) for day in days for part in SHARDS):
        parts[counter.id.split("#")[1]].append(counter)
    return [
        Day(
            day,
            sum(int(part.files) for part in parts[day.isoformat()]),
            sum(int(part.bytes) for part in parts[day.isoformat()]),
            sum(int(part.rejected) for part in parts[day.isoformat()]),
        )
        for day in days
    ]


def scan_stored() -> Iterator[tuple[str, Reading]]:
    """Every counter of what is stored now, by reading the whole table: for a command."""
    with table_errors():
        for counter in Counter.scan(
            Counter.id.startswith("kind#") | Counter.id.startswith("owner#"), consistent_read=True
        ):
            yield counter.id, Reading(_usage(counter), int(counter.changes), exists=True)


def _get(ids: Iterable[str]) -> list[Counter]:
    return batch_get(Counter, ids)


def _usage(counter: Counter) -> Usage:
    return Usage(int(counter.files), int(counter.bytes))
