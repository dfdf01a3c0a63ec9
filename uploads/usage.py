"""How much is stored: counters, kept beside the records in the same table.

They change in the transaction that changes the record (`uploads.records`), so that an event that
comes twice, or a worker that dies, cannot make them wrong. Reading them costs the same however many
files there are. Those that everybody changes are in 16 parts, like the feeds, so that writers do
not wait for each other; a user's own is one item.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from pynamodb.attributes import NumberAttribute, TTLAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from uploads import policy
from uploads.keys import SHARDS, shard
from uploads.models import StoredFile
from uploads.table import Table, batch_get, table_errors

#: How long the number of a day is kept.
DAYS_KEPT = timedelta(days=400)
_OWNERS = "owners"


class _OwnerFeed(GlobalSecondaryIndex["Counter"]):
    """The counters of all owners, in the index that has the feeds of files."""

    class Meta:
        index_name = "AllFeed"
        projection = AllProjection()

    feed = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)


class Counter(Model):
    """One counter: `kind#<kind>#<shard>`, `day#<date>#<shard>` or `owner#<owner>`.

    The first and the last count what is stored now, a day what arrived on it (UTC).
    """

    class Meta(Table):
        pass

    id = UnicodeAttribute(hash_key=True)
    files = NumberAttribute(default=0)
    bytes = NumberAttribute(default=0)
    rejected = NumberAttribute(default=0)
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
class Day:
    """What arrived on one day (UTC)."""

    date: date
    files: int
    bytes: int
    rejected: int


# Writing


def adjustments(before: StoredFile | None, after: StoredFile) -> list[tuple[Counter, list[Action]]]:
    """What a change of a record does to the counters, as the rest of its transaction.

    A record that was stored before there were counters is in none: it is not taken out of them.
    """
    files: defaultdict[str, int] = defaultdict(int)
    size: defaultdict[str, int] = defaultdict(int)
    for record, sign in ((before, -1), (after, 1)):
        if record is not None and record.counted:
            for name in _names(record):
                files[name] += sign
                size[name] += sign * int(record.size or 0)
    result = [
        (Counter(name), _add(name, files[name], size[name]))
        for name in sorted(files)
        if files[name] or size[name]
    ]
    # What comes back after it was thought to be gone has arrived before.
    arrived = after.state == "stored" and (before is None or before.confirmed_at is None)
    rejected = after.state == "rejected" and (before is None or before.state != "rejected")
    # A record of an earlier version is counted for the day on which it was confirmed.
    late = before is not None and before.state == "stored" and not before.counted
    if arrived or rejected or (late and after.counted):
        result.append(_on_day(after, rejected=rejected))
    return result


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
    kind = policy.kind(record.content_type or "")
    return f"kind#{kind}#{shard(record.id)}", f"owner#{record.owner}"


def _add(name: str, files: int, size: int) -> list[Action]:
    actions: list[Action] = [Counter.files.add(files), Counter.bytes.add(size)]
    if name.startswith("owner#"):
        actions += [
            Counter.owner.set(name.removeprefix("owner#")),
            Counter.feed.set(_OWNERS),
        ]
    return actions


def _on_day(record: StoredFile, *, rejected: bool) -> tuple[Counter, list[Action]]:
    day = _day_of(record)
    counter = Counter(_day_id(day, shard(record.id)))
    if rejected:
        actions: list[Action] = [Counter.rejected.add(1)]
    else:
        actions = [Counter.files.add(1), Counter.bytes.add(int(record.size or 0))]
    return counter, [*actions, Counter.expires_at.set(_expiry(day))]


def _day_of(record: StoredFile) -> date:
    return (record.confirmed_at or datetime.now(UTC)).astimezone(UTC).date()


def _expiry(day: date) -> datetime:
    return datetime.combine(day, time(), UTC) + DAYS_KEPT


def _day_id(day: date, part: str) -> str:
    return f"day#{day.isoformat()}#{part}"


# Reading. Each raises BackendUnavailable when the table does not answer.


def usage_of(owners: Iterable[str]) -> dict[str, Usage]:
    """What each of these owners has stored: one BatchGetItem for each hundred."""
    wanted = list(dict.fromkeys(owners))
    found = {counter.owner: counter for counter in _get(f"owner#{owner}" for owner in wanted)}
    return {owner: _usage(found[owner]) if owner in found else Usage() for owner in wanted}


def owners(limit: int) -> list[tuple[str, Usage]]:
    """Up to `limit` owners with what they have stored, in no useful order."""
    with table_errors():
        found = list(Counter.by_feed.query(_OWNERS, limit=limit, page_size=limit))
    return [(str(counter.owner), _usage(counter)) for counter in found]


def by_kind() -> dict[policy.Kind, Usage]:
    """What is stored of each type group; together, all that is stored."""
    files: defaultdict[str, int] = defaultdict(int)
    size: defaultdict[str, int] = defaultdict(int)
    for counter in _get(f"kind#{kind}#{part}" for kind in policy.KINDS for part in SHARDS):
        kind = counter.id.split("#")[1]
        files[kind] += int(counter.files)
        size[kind] += int(counter.bytes)
    return {kind: Usage(files[kind], size[kind]) for kind in policy.KINDS}


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


def scan_stored() -> Iterator[tuple[str, Usage]]:
    """Every counter of what is stored now, by reading the whole table: for a command."""
    with table_errors():
        for counter in Counter.scan(
            Counter.id.startswith("kind#") | Counter.id.startswith("owner#"), consistent_read=True
        ):
            yield counter.id, _usage(counter)


def _get(ids: Iterable[str]) -> list[Counter]:
    return batch_get(Counter, ids)


def _usage(counter: Counter) -> Usage:
    return Usage(int(counter.files), int(counter.bytes))
