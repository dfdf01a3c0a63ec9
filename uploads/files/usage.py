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

from uploads.aws.dynamodb import Table, TableModel, batch_get, table_errors
from uploads.core import media_types, type_lists
from uploads.core.keys import shard
from uploads.files.record import AllFeed, Change, StoredFile

#: How long daily counters are kept.
DAYS_KEPT = timedelta(days=400)
#: Each global counter is this many items. More would make conflicts of single files rarer, but each
#: transaction of many files writes all of them.
PARTS = 4
_OWNERS = "owners"
#: Attributes that lists show. A change of one increments `changes` of the owner's counter, which
#: open pages poll.
_SEEN = ("state", "owner", "file_name", "folder", "content_type", "size")
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

    `kind` and `owner` count what is stored now, `day` what arrived on that day (UTC).
    """

    class Meta(Table):
        pass

    id = UnicodeAttribute(hash_key=True)
    files = NumberAttribute(default=0)
    bytes = NumberAttribute(default=0)
    rejected = NumberAttribute(default=0)
    #: Incremented by each change of what is stored now, and of what the owner's lists show, so that
    #: changes can be detected.
    changes = NumberAttribute(default=0)
    owner = UnicodeAttribute(null=True)
    feed = UnicodeAttribute(null=True)
    expires_at = TTLAttribute(null=True, attr_name="expiresAt")

    by_feed = _OwnerFeed()


@dataclass(frozen=True)
class Usage:
    """A number of stored files, and their total size in bytes."""

    files: int = 0
    bytes: int = 0


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
    if before is None or before.state != "stored" or before.owner != after.owner:
        return int(after.size or 0)
    return int(after.size or 0) - int(before.size or 0)


def counters_of(change: Change) -> set[str]:
    """The ids of the counters that a change may touch."""
    ids = {_day_id(_day_of(change.after), _part(change.id))}
    ids |= {owner_counter(owner) for owner in _owners(change)}
    for record in (change.before, change.after):
        if record is not None and record.state == "stored":
            ids.update(_names(record))
    return ids


def _owners(change: Change) -> set[str]:
    """The owners whose lists a change may affect."""
    records = (change.before, change.after)
    return {str(record.owner) for record in records if record is not None and record.owner}


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


def list_change(owner: str) -> Adjustment:
    """The update that tells an owner's pages that their list has changed."""
    name = owner_counter(owner)
    return Adjustment(Counter(name), _add(name, 0, 0))


def _is_seen(change: Change) -> bool:
    """Whether the owner can see a change in a list."""
    before, after = change.before, change.after
    return before is None or any(getattr(before, name) != getattr(after, name) for name in _SEEN)


def _stored_adjustments(changes: Sequence[Change]) -> Iterator[Adjustment]:
    seen: set[str] = set()
    files: defaultdict[str, int] = defaultdict(int)
    size: defaultdict[str, int] = defaultdict(int)
    limits: dict[str, int] = {}
    for change in changes:
        for record, sign in ((change.before, -1), (change.after, 1)):
            if record is not None and record.state == "stored":
                for name in _names(record):
                    files[name] += sign
                    size[name] += sign * int(record.size or 0)
        if _is_seen(change):
            seen |= {owner_counter(owner) for owner in _owners(change)}
        if has_condition(change):
            name, limit = owner_counter(change.after.owner), change.limit or 0
            limits[name] = min(limit, limits.get(name, limit))
    for name in sorted(files.keys() | seen):
        condition = _at_most(limits[name] - size[name]) if name in limits else None
        if files[name] or size[name] or name in seen or condition is not None:
            yield Adjustment(Counter(name), _add(name, files[name], size[name]), condition)


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
    return Counter.bytes.does_not_exist() | fits if size >= 0 else fits


class Sums:
    """Sums of many records, so that each counter is written only once."""

    def __init__(self) -> None:
        self.stored: defaultdict[str, Usage] = defaultdict(Usage)
        self._days: defaultdict[tuple[date, str], tuple[int, int, int]] = defaultdict(
            lambda: (0, 0, 0)
        )

    def add_stored(self, record: StoredFile) -> None:
        """Count a record as stored now."""
        size = int(record.size or 0)
        for name in _names(record):
            before = self.stored[name]
            self.stored[name] = Usage(before.files + 1, before.bytes + size)

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
                Counter(name).update(_add(name, total.files, total.bytes))
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


def _names(record: StoredFile) -> tuple[str, str]:
    kind = media_types.kind(record.content_type or "")
    return f"kind#{kind}#{_part(record.id)}", owner_counter(record.owner)


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
        )
    actions: list[Action] = [Counter.files.set(usage.files), Counter.bytes.set(usage.bytes)]
    with table_errors():
        try:
            Counter(name).update([*actions, *_change_actions(name)], condition)
        except UpdateError as exc:
            if exc.cause_response_code in _CHANGED:
                return False
            raise
    return True


def _equals(attribute: NumberAttribute, value: int) -> Condition:
    """The condition that an attribute has this value. A missing one counts as zero."""
    condition: Condition = attribute == value
    return condition if value else condition | attribute.does_not_exist()


def _add(name: str, files: int, size: int) -> list[Action]:
    return [Counter.files.add(files), Counter.bytes.add(size), *_change_actions(name)]


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
    """What one owner has stored: one consistent GetItem."""
    with table_errors():
        try:
            return _usage(Counter.get(owner_counter(owner), consistent_read=True))
        except Counter.DoesNotExist:
            return Usage()


def changes_of(owner: str) -> int:
    """How often the owner's lists have changed: one GetItem, eventually consistent."""
    with table_errors():
        try:
            found = Counter.get(owner_counter(owner), attributes_to_get=["id", "changes"])
        except Counter.DoesNotExist:
            return 0
    return int(found.changes)


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
    """What is stored of each type group. The groups add up to all stored files."""
    files: defaultdict[str, int] = defaultdict(int)
    size: defaultdict[str, int] = defaultdict(int)
    for counter in _get(
        f"kind#{kind}#{part}" for kind in type_lists.KINDS for part in range(PARTS)
    ):
        kind = counter.id.split("#")[1]
        files[kind] += int(counter.files)
        size[kind] += int(counter.bytes)
    return {kind: Usage(files[kind], size[kind]) for kind in type_lists.KINDS}


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
    return Usage(int(counter.files), int(counter.bytes))
