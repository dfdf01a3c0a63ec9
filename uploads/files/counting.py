"""What changes of records do to the counters, in the same transaction (`uploads.files.store`).

So repeated events and crashed workers cannot make them wrong. A counter is written once in each
transaction, with the sum of its changes.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from uploads.aws.dynamodb import table_errors
from uploads.core import media_types
from uploads.core.keys import shard
from uploads.core.reasons import load
from uploads.files.record import KEPT_STATES, Change, StoredFile
from uploads.files.usage import (
    PARTS,
    VERDICTS,
    Counter,
    Usage,
    addition,
    day_expiry,
    day_id,
    owner_counter,
)


@dataclass(frozen=True)
class Adjustment:
    """An update of one counter. If its condition is false, the transaction writes nothing."""

    counter: Counter
    actions: list[Action]
    condition: Condition | None = None


def growth(before: StoredFile | None, after: StoredFile) -> int:
    """By how many bytes a change of a record increases its owner's usage."""
    if before is None or before.state not in KEPT_STATES or before.owner != after.owner:
        return int(after.size or 0)
    return int(after.size or 0) - int(before.size or 0)


def counters_of(change: Change) -> set[str]:
    """The ids of the counters that a change may touch."""
    ids = {day_id(_day_of(change.after), _part(change.id))}
    if _verdict(change) is not None and change.after.scanned_at is not None:
        ids.add(day_id(_date(change.after.scanned_at), _part(change.id)))
    ids.update(_names(change.before), _names(change.after))
    return ids | _counters_of_owners_who_notice(change)


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
    return Adjustment(Counter(name), addition(name, Usage()))


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
            yield Adjustment(Counter(name), addition(name, sums[name]), condition)


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
        record.folder or "",
        record.content_type,
        record.size,
        record.checksum,
        record.reason,
        record.thumbnail,
    )


def _day_adjustments(changes: Sequence[Change]) -> Iterator[Adjustment]:
    sums = Sums()
    for change in changes:
        before, after = change.before, change.after
        # A file that reappears after it seemed gone has already been counted as arrived. One that
        # was rejected has not.
        is_arrival = after.state in {"stored", "scanning"} and (
            before is None or before.state == "rejected" or before.confirmed_at is None
        )
        is_rejection = after.state == "rejected" and (before is None or before.state != "rejected")
        if is_arrival or is_rejection:
            sums.add_arrival(after)
        if (kind := _verdict(change)) is not None:
            sums.add_verdict(after, kind)
    yield from sums.days()


def _verdict(change: Change) -> str | None:
    """The kind of the verdict that made this change, one of VERDICTS; None if none did."""
    before, after = change.before, change.after
    if after.scanned_at is None or (before and before.scanned_at == after.scanned_at):
        return None
    if after.malware in {"unknown", "unchecked"}:
        reasons = load(after.reason or after.scan_note or "")
        kind = next((reason.code.removeprefix("scan_") for reason in reasons), "")
        return kind if kind in VERDICTS else "unsupported"
    return after.malware if after.malware in VERDICTS else None


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
        self._verdicts: defaultdict[tuple[date, str], Tally[str]] = defaultdict(Tally)

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

    def add_verdict(self, record: StoredFile, kind: str) -> None:
        """Count a verdict about malware on the day of the check."""
        if record.scanned_at is not None:
            self._verdicts[_date(record.scanned_at), _part(record.id)][kind] += 1

    def write(self) -> None:
        """Add the sums to the counters. Raises BackendUnavailable; partial writes stay."""
        with table_errors():
            for name, total in self.stored.items():
                Counter(name).update(addition(name, total))
            for adjustment in self.days():
                adjustment.counter.update(adjustment.actions)

    def days(self) -> Iterator[Adjustment]:
        """The updates of the daily counters."""
        for day, part in sorted(self._days.keys() | self._verdicts.keys()):
            files, size, rejected = self._days[day, part]
            actions: list[Action] = [
                Counter.files.add(files),
                Counter.bytes.add(size),
                Counter.rejected.add(rejected),
                Counter.expires_at.set(day_expiry(day)),
                *(
                    getattr(Counter, VERDICTS[kind]).add(number)
                    for kind, number in self._verdicts[day, part].items()
                ),
            ]
            yield Adjustment(Counter(day_id(day, part)), actions)


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
    if record.state == "trashed":
        return Usage(1, size, 1, size)
    is_held = record.state in {"scanning", "quarantined"}
    return Usage(1, size, held_files=1, held_bytes=size) if is_held else Usage(1, size)


def _part(upload_id: str) -> str:
    """The part of the global counters that counts a file."""
    return str(int(shard(upload_id), 16) % PARTS)


def _day_of(record: StoredFile) -> date:
    return _date(record.confirmed_at or datetime.now(UTC))


def _date(time: datetime) -> date:
    return time.astimezone(UTC).date()
