"""Counters of stored files and bytes, kept in the same table as the records.

They change in the same transaction as the record (`uploads.files.store`), so that repeated events
and crashed workers cannot make them wrong. The cost of reading them does not depend on the number
of files. Global counters are split into PARTS, to reduce write contention; an owner's counter is a
single item.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from pynamodb.attributes import NumberAttribute, TTLAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex

from uploads.aws.dynamodb import Table, TableModel, batch_get, error_code, table_errors
from uploads.core import media_types, type_lists
from uploads.core.keys import shard
from uploads.files.record import KEPT_STATES, AllFeed, Change, StoredFile

#: How long daily counters are kept.
DAYS_KEPT = timedelta(days=400)
#: Each global counter is this many items. More would make conflicts of single files rarer, but each
#: transaction of many files writes all of them.
PARTS = 4
_OWNERS = "owners"
#: DynamoDB's errors if a counter has changed since it was read, or is being changed.
_CHANGED = {"ConditionalCheckFailedException", "TransactionConflictException"}


class _OwnerFeed(GlobalSecondaryIndex["Counter"]):
    """The counters of all owners, in the index of the files' feeds."""

    class Meta:
        index_name = "AllFeed"
        projection = AllFeed.Meta.projection

    feed = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)


class Counter(TableModel):
    """One counter: `kind#<kind>#<part>`, `day#<date>#<part>` or `owner#<owner>`.

    `kind` and `owner` count what is kept now, including files in the trash, which also have counts
    of their own. `day` counts what arrived on that day (UTC).
    """

    class Meta(Table):
        pass

    id = UnicodeAttribute(hash_key=True)
    files = NumberAttribute(default=0)
    bytes = NumberAttribute(default=0)
    trashed_files = NumberAttribute(default=0, attr_name="trashedFiles")
    trashed_bytes = NumberAttribute(default=0, attr_name="trashedBytes")
    rejected = NumberAttribute(default=0)
    #: Incremented by each change of what is counted, and an owner's by each change of what lists of
    #: their files show, to detect changes.
    changes = NumberAttribute(default=0)
    owner = UnicodeAttribute(null=True)
    feed = UnicodeAttribute(null=True)
    expires_at = TTLAttribute(null=True, attr_name="expiresAt")

    by_feed = _OwnerFeed()


@dataclass(frozen=True)
class Usage:
    """A number of files, and their total size in bytes; and how much of that is in the trash."""

    files: int = 0
    bytes: int = 0
    trashed_files: int = 0
    trashed_bytes: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.files + other.files,
            self.bytes + other.bytes,
            self.trashed_files + other.trashed_files,
            self.trashed_bytes + other.trashed_bytes,
        )

    def __neg__(self) -> Usage:
        return Usage(-self.files, -self.bytes, -self.trashed_files, -self.trashed_bytes)


@dataclass(frozen=True)
class Reading:
    """The value of a counter, and how often it had been changed when it was read."""

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
    """An update of one counter. If its condition is false, the transaction writes nothing."""

    counter: Counter
    actions: list[Action]
    condition: Condition | None = None


# Writing


def growth(before: StoredFile | None, after: StoredFile) -> int:
    """By how many bytes a change of a record increases its owner's usage."""
    if before is None or before.state not in KEPT_STATES or before.owner != after.owner:
        return int(after.size or 0)
    return int(after.size or 0) - int(before.size or 0)


def counters_of(change: Change) -> set[str]:
    """The ids of the counters that a change may touch."""
    ids = {_day_id(_day_of(change.after), _part(change.id))}
    ids.update(_names(change.before), _names(change.after))
    return ids | _counters_of_owners_who_notice(change)


def owner_counter(owner: str | None) -> str:
    """The id of an owner's counter."""
    return f"owner#{owner}"


def adjustments(changes: Iterable[Change]) -> list[Adjustment]:
    """The counter updates that belong in the transaction of these changes, one for each counter.

    The condition on an owner's counter enforces the limits of the changes. It is checked by the
    write itself, so that of many simultaneous files only those that fit are accepted.
    """
    changes = list(changes)
    return [*_stored_adjustments(changes), *_day_adjustments(changes)]


def _stored_adjustments(changes: Sequence[Change]) -> Iterator[Adjustment]:
    sums: defaultdict[str, Usage] = defaultdict(Usage)
    limits: dict[str, int] = {}
    noticed: set[str] = set()
    for change in changes:
        for name in _names(change.before):
            sums[name] += -_usage_of(change.before)
        for name in _names(change.after):
            sums[name] += _usage_of(change.after)
        noticed |= _counters_of_owners_who_notice(change)
        if has_condition(change):
            name, limit = owner_counter(change.after.owner), change.limit or 0
            limits[name] = min(limit, limits.get(name, limit))
    for name in sorted(sums.keys() | noticed):
        condition = _at_most(limits[name] - sums[name].bytes) if name in limits else None
        if sums[name] != Usage() or condition is not None or name in noticed:
            yield Adjustment(Counter(name), _add(name, sums[name]), condition)


def _counters_of_owners_who_notice(change: Change) -> set[str]:
    """The counters of the owners in whose lists the change shows. Pages poll their `changes`."""
    if _shown(change.before) == _shown(change.after):
        return set()
    return {
        owner_counter(record.owner)
        for record in (change.before, change.after)
        if record is not None and record.owner_feed is not None
    }


def _shown(record: StoredFile | None) -> tuple[object, ...] | None:
    """The owner of a file, and what their lists show of it; None if it is in none of them."""
    if record is None or record.owner_feed is None:
        return None
    return (
        record.owner,
        record.owner_feed,
        record.file_name,
        record.content_type,
        record.size,
        record.checksum,
        record.reason,
    )


def _day_adjustments(changes: Sequence[Change]) -> Iterator[Adjustment]:
    sums = Sums()
    for change in changes:
        before, after = change.before, change.after
        # A file that reappears after it seemed gone has already been counted as arrived. One that
        # was rejected has not.
        is_arrival = after.state == "stored" and (
            before is None or before.state == "rejected" or before.confirmed_at is None
        )
        is_rejection = after.state == "rejected" and (before is None or before.state != "rejected")
        if is_arrival or is_rejection:
            sums.add_arrival(after)
    yield from sums.days()


def has_condition(change: Change) -> bool:
    """Whether a change is written only if its owner has room for it."""
    return change.limit is not None and growth(change.before, change.after) > 0


def _at_most(size: int) -> Condition:
    """The condition that a counter has at most `size` bytes. A missing counter has none."""
    fits: Condition = Counter.bytes <= size
    return Counter.id.does_not_exist() | fits if size >= 0 else fits


class Sums:
    """Sums of many records, so that each counter is written only once."""

    def __init__(self) -> None:
        self.stored: defaultdict[str, Usage] = defaultdict(Usage)
        self._days: defaultdict[tuple[date, str], tuple[int, int, int]] = defaultdict(
            lambda: (0, 0, 0)
        )

    def add_kept(self, record: StoredFile) -> None:
        """Count a record as stored now, or as in the trash; does nothing in another state."""
        for name in _names(record):
            self.stored[name] += _usage_of(record)

    def add_arrival(self, record: StoredFile) -> None:
        """Count a record as arrived on its day, whatever its state is now."""
        key = (_day_of(record), _part(record.id))
        files, size, rejected = self._days[key]
        if record.state == "rejected":
            self._days[key] = files, size, rejected + 1
        else:
            self._days[key] = files + 1, size + int(record.size or 0), rejected

    def write(self) -> None:
        """Add the sums to the counters. Raises BackendUnavailable; partial writes stay."""
        with table_errors():
            for name, total in self.stored.items():
                Counter(name).update(_add(name, total))
            for adjustment in self.days():
                adjustment.counter.update(adjustment.actions)

    def days(self) -> Iterator[Adjustment]:
        """The updates of the daily counters."""
        for (day, part), (files, size, rejected) in sorted(self._days.items()):
            actions: list[Action] = [
                Counter.files.add(files),
                Counter.bytes.add(size),
                Counter.rejected.add(rejected),
                Counter.expires_at.set(_expiry(day)),
            ]
            yield Adjustment(Counter(_day_id(day, part)), actions)


def _names(record: StoredFile | None) -> tuple[str, ...]:
    """The counters that count a record now."""
    if record is None or record.state not in KEPT_STATES:
        return ()
    kind = media_types.kind(record.content_type or "")
    return f"kind#{kind}#{_part(record.id)}", owner_counter(record.owner)


def _usage_of(record: StoredFile | None) -> Usage:
    """What a record adds to the counters that count it."""
    if record is None:
        return Usage()
    size = int(record.size or 0)
    return Usage(1, size, 1, size) if record.state == "trashed" else Usage(1, size)


def _part(upload_id: str) -> str:
    """The part of the global counters that counts a file."""
    return str(int(shard(upload_id), 16) % PARTS)


def correct(name: str, read: Reading, usage: Usage) -> bool:
    """Set a counter, unless it has changed since it was read; return whether it was set.

    Raises BackendUnavailable.
    """
    condition: Condition = Counter.id.does_not_exist()
    if read.exists:
        # A manual edit may not have incremented `changes`.
        condition = (
            _equals(Counter.changes, read.changes)
            & _equals(Counter.files, read.usage.files)
            & _equals(Counter.bytes, read.usage.bytes)
            & _equals(Counter.trashed_files, read.usage.trashed_files)
            & _equals(Counter.trashed_bytes, read.usage.trashed_bytes)
        )
    actions: list[Action] = [
        Counter.files.set(usage.files),
        Counter.bytes.set(usage.bytes),
        Counter.trashed_files.set(usage.trashed_files),
        Counter.trashed_bytes.set(usage.trashed_bytes),
    ]
    with table_errors():
        try:
            Counter(name).update([*actions, *_change_actions(name)], condition)
        except UpdateError as exc:
            if error_code(exc) in _CHANGED:
                return False
            raise
    return True


def _equals(attribute: NumberAttribute, value: int) -> Condition:
    """The condition that an attribute has this value. A missing one counts as zero."""
    condition: Condition = attribute == value
    return condition if value else condition | attribute.does_not_exist()


def _add(name: str, usage: Usage) -> list[Action]:
    actions: list[Action] = [Counter.files.add(usage.files), Counter.bytes.add(usage.bytes)]
    if usage.trashed_files or usage.trashed_bytes:
        actions += [
            Counter.trashed_files.add(usage.trashed_files),
            Counter.trashed_bytes.add(usage.trashed_bytes),
        ]
    return [*actions, *_change_actions(name)]


def _change_actions(name: str) -> list[Action]:
    """The actions that every change of a `kind` or `owner` counter includes."""
    actions: list[Action] = [Counter.changes.add(1)]
    if name.startswith("owner#"):
        actions += [
            Counter.owner.set(name.removeprefix("owner#")),
            Counter.feed.set(_OWNERS),
        ]
    return actions


def _day_of(record: StoredFile) -> date:
    return (record.confirmed_at or datetime.now(UTC)).astimezone(UTC).date()


def _expiry(day: date) -> datetime:
    return datetime.combine(day, time(), UTC) + DAYS_KEPT


def _day_id(day: date, part: str | int) -> str:
    return f"day#{day.isoformat()}#{part}"


# Reading. These functions raise BackendUnavailable.


def of_owner(owner: str) -> Usage:
    """What one owner has stored, including the trash: one consistent GetItem."""
    with table_errors():
        try:
            return _usage(Counter.get(owner_counter(owner), consistent_read=True))
        except Counter.DoesNotExist:
            return Usage()


def usage_of(owners: Iterable[str], *, consistent_read: bool = False) -> dict[str, Usage]:
    """What each of these owners has stored: one BatchGetItem per hundred."""
    unique = list(dict.fromkeys(owners))
    found = batch_get(Counter, map(owner_counter, unique), consistent_read=consistent_read)
    counters = {counter.owner: counter for counter in found}
    return {owner: _usage(counters[owner]) if owner in counters else Usage() for owner in unique}


def owners(limit: int) -> list[tuple[str, Usage]]:
    """Up to `limit` owners and what they have stored, in no particular order."""
    with table_errors():
        counters = list(Counter.by_feed.query(_OWNERS, limit=limit, page_size=limit))
    return [(str(counter.owner), _usage(counter)) for counter in counters]


def by_kind() -> dict[type_lists.Kind, Usage]:
    """What is stored of each type group. The groups add up to all files, including the trash."""
    sums: defaultdict[str, Usage] = defaultdict(Usage)
    for counter in _get(
        f"kind#{kind}#{part}" for kind in type_lists.KINDS for part in range(PARTS)
    ):
        sums[counter.id.split("#")[1]] += _usage(counter)
    return {kind: sums[kind] for kind in type_lists.KINDS}


def by_day(last: date, count: int) -> list[Day]:
    """What arrived on each of the `count` days up to `last`, oldest first."""
    days = [last - timedelta(days=ago) for ago in reversed(range(count))]
    parts: defaultdict[str, list[Counter]] = defaultdict(list)
    for counter in _get(_day_id(day, part) for day in days for part in range(PARTS)):
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
    """All `kind` and `owner` counters, by scanning the whole table; for commands only."""
    with table_errors():
        for counter in Counter.scan(
            Counter.id.startswith("kind#") | Counter.id.startswith("owner#"), consistent_read=True
        ):
            yield counter.id, Reading(_usage(counter), int(counter.changes), exists=True)


def _get(ids: Iterable[str]) -> list[Counter]:
    return batch_get(Counter, ids)


def _usage(counter: Counter) -> Usage:
    return Usage(
        int(counter.files),
        int(counter.bytes),
        int(counter.trashed_files),
        int(counter.trashed_bytes),
    )
