"""Counters of stored files and bytes, kept in the same table as the records.

They change in the same transaction as the record (`uploads.files.counting`). The cost of reading
them does not depend on the number of files. Global counters are split into PARTS, to reduce write
contention; an owner's counter is a single item.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from pynamodb.attributes import NumberAttribute, TTLAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex

from uploads.aws.dynamodb import Table, TableModel, batch_get, error_code, table_errors
from uploads.core import type_lists
from uploads.files.record import AllFeed

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
    of their own. `day` counts what arrived on that day (UTC), and the verdicts about malware.
    """

    class Meta(Table):
        pass

    id = UnicodeAttribute(hash_key=True)
    files = NumberAttribute(default=0)
    bytes = NumberAttribute(default=0)
    trashed_files = NumberAttribute(default=0, attr_name="trashedFiles")
    trashed_bytes = NumberAttribute(default=0, attr_name="trashedBytes")
    held_files = NumberAttribute(default=0, attr_name="heldFiles")
    held_bytes = NumberAttribute(default=0, attr_name="heldBytes")
    rejected = NumberAttribute(default=0)
    #: Of a day: the verdicts about malware.
    scanned_clean = NumberAttribute(default=0, attr_name="scannedClean")
    scanned_infected = NumberAttribute(default=0, attr_name="scannedInfected")
    scanned_too_large = NumberAttribute(default=0, attr_name="scannedTooLarge")
    scanned_encrypted = NumberAttribute(default=0, attr_name="scannedEncrypted")
    scanned_unsupported = NumberAttribute(default=0, attr_name="scannedUnsupported")
    scanned_unavailable = NumberAttribute(default=0, attr_name="scannedUnavailable")
    #: Incremented by each change of what is counted, and an owner's by each change of what lists of
    #: their files show (`uploads.files.counting`), to detect changes.
    changes = NumberAttribute(default=0)
    owner = UnicodeAttribute(null=True)
    feed = UnicodeAttribute(null=True)
    expires_at = TTLAttribute(null=True, attr_name="expiresAt")

    by_feed = _OwnerFeed()


#: Kinds of verdicts about malware, and the attributes that count them.
VERDICTS = {
    kind: f"scanned_{kind}"
    for kind in ("clean", "infected", "too_large", "encrypted", "unsupported", "unavailable")
}


@dataclass(frozen=True)
class Usage:
    """A number of files, and their total size in bytes; and how much of that is in the trash.

    `held` files are being checked for malware, or in quarantine.
    """

    files: int = 0
    bytes: int = 0
    trashed_files: int = 0
    trashed_bytes: int = 0
    held_files: int = 0
    held_bytes: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.files + other.files,
            self.bytes + other.bytes,
            self.trashed_files + other.trashed_files,
            self.trashed_bytes + other.trashed_bytes,
            self.held_files + other.held_files,
            self.held_bytes + other.held_bytes,
        )

    @property
    def stored(self) -> Usage:
        """What lists show: without what is in the trash or held."""
        return Usage(
            self.files - self.trashed_files - self.held_files,
            self.bytes - self.trashed_bytes - self.held_bytes,
        )

    def __neg__(self) -> Usage:
        return Usage(
            -self.files,
            -self.bytes,
            -self.trashed_files,
            -self.trashed_bytes,
            -self.held_files,
            -self.held_bytes,
        )


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
    #: The numbers of all VERDICTS.
    verdicts: Mapping[str, int] = field(default_factory=dict)


def owner_counter(owner: str | None) -> str:
    """The id of an owner's counter."""
    return f"owner#{owner}"


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
            & _equals(Counter.held_files, read.usage.held_files)
            & _equals(Counter.held_bytes, read.usage.held_bytes)
        )
    actions: list[Action] = [
        Counter.files.set(usage.files),
        Counter.bytes.set(usage.bytes),
        Counter.trashed_files.set(usage.trashed_files),
        Counter.trashed_bytes.set(usage.trashed_bytes),
        Counter.held_files.set(usage.held_files),
        Counter.held_bytes.set(usage.held_bytes),
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


def addition(name: str, usage: Usage) -> list[Action]:
    """The update that adds this to a `kind` or `owner` counter, and says that it has changed."""
    actions: list[Action] = [Counter.files.add(usage.files), Counter.bytes.add(usage.bytes)]
    if usage.trashed_files or usage.trashed_bytes:
        actions += [
            Counter.trashed_files.add(usage.trashed_files),
            Counter.trashed_bytes.add(usage.trashed_bytes),
        ]
    if usage.held_files or usage.held_bytes:
        actions += [
            Counter.held_files.add(usage.held_files),
            Counter.held_bytes.add(usage.held_bytes),
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


def day_expiry(day: date) -> datetime:
    """When the counters of a day expire."""
    return datetime.combine(day, time(), UTC) + DAYS_KEPT


def day_id(day: date, part: str | int) -> str:
    """The id of one part of the counter of a day."""
    return f"day#{day.isoformat()}#{part}"


# Reading. These functions raise BackendUnavailable.


def of_owner(owner: str) -> Usage:
    """What one owner has stored, including the trash: one consistent GetItem."""
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
    for counter in _get(day_id(day, part) for day in days for part in range(PARTS)):
        parts[counter.id.split("#")[1]].append(counter)
    return [
        Day(
            day,
            sum(int(part.files) for part in parts[day.isoformat()]),
            sum(int(part.bytes) for part in parts[day.isoformat()]),
            sum(int(part.rejected) for part in parts[day.isoformat()]),
            {
                kind: sum(int(getattr(part, name)) for part in parts[day.isoformat()])
                for kind, name in VERDICTS.items()
            },
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
        int(counter.held_files),
        int(counter.held_bytes),
    )
