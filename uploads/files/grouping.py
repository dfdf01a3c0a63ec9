"""Divide changes among transactions, so that each has as few counters as possible (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from uploads.files import counting, folder_items
from uploads.files.record import Change

#: The maximum number of records and counters in a transaction: DynamoDB's limit, less one for the
#: outbox. Its other limit, 4 MB, is out of reach: a record is a few KB at most, because S3 limits
#: an object's metadata to 2 KB and its headers to 8 KB.
#: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
MAX_ITEMS = 100 - 1


def groups(changes: Iterable[Change]) -> Iterator[list[Change]]:
    """The changes of each transaction: their records and counters are at most MAX_ITEMS items.

    Changes that share counters are next to each other. A counter is one item, however many changes
    it counts, so this gives the fewest items, and two transactions the fewest common ones.
    """
    group: list[Change] = []
    counters: set[str] = set()
    touched = [(sorted(_counters_of(change)), change) for change in changes]
    for ids, change in sorted(touched, key=lambda entry: entry[0]):
        if len(group) + 1 + len(counters.union(ids)) > MAX_ITEMS:
            yield group
            group, counters = [], set()
        group.append(change)
        counters.update(ids)
    if group:
        yield group


def _counters_of(change: Change) -> set[str]:
    return counting.counters_of(change) | folder_items.items_of(change)
