"""Compare the objects that S3 lists with the records of files that are stored or in the trash.

Both sides are read as sorted streams, not file by file, and neither is held in memory. A difference
is only a suspicion: the index may lag behind the table, and both sides may have changed since they
were read. `uploads.ingest.confirm.check` decides. IAM: s3:ListBucket; dynamodb:Query on the index
AllFeed, dynamodb:BatchGetItem.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice

from uploads.aws import s3
from uploads.aws.dynamodb import batch_get, table_errors
from uploads.aws.s3 import ListedObject
from uploads.files.record import KEPT_STATES, StoredFile

#: Records per page of the index.
PAGE_SIZE = 1_000
#: BatchGetItem accepts at most 100 keys.
BATCH_SIZE = 100

_NEEDED = ["id", "state", "etag", "confirmedAt", "deletionAskedAt"]


@dataclass(frozen=True)
class ListedRecord:
    """The attributes of a record that are compared."""

    id: str
    etag: str
    confirmed_at: datetime | None
    deletion_requested_at: datetime | None


@dataclass(frozen=True)
class Pair:
    """An id, with its object, its record, or both."""

    id: str
    object: ListedObject | None
    record: ListedRecord | None

    @property
    def agrees(self) -> bool:
        # An inventory may omit ETags.
        return bool(self.object and self.record and self.object.etag in {"", self.record.etag})

    def is_older_than(self, moment: datetime) -> bool:
        """Whether neither side is known to have changed since then."""
        moments: list[datetime | None] = []
        if self.object is not None:
            moments.append(self.object.modified_at)
        if self.record is not None:
            moments += [self.record.confirmed_at, self.record.deletion_requested_at]
        return all(known is None or known <= moment for known in moments)


def compare(shard: str, *, after: str, until: str) -> Iterator[Pair]:
    """All ids of a shard between `after` and `until` (exclusive) on either side, ascending."""
    if after >= until:  # an error for DynamoDB
        return iter(())
    return merge(
        s3.list_objects(shard, after=after, until=until), _records(shard, after=after, until=until)
    )


def merge(objects: Iterable[ListedObject], records: Iterable[ListedRecord]) -> Iterator[Pair]:
    """Merge two streams that are sorted by id (pure). Holds one element of each in memory."""
    streams: list[Iterable[ListedObject | ListedRecord]] = [objects, records]
    for upload_id, sides in groupby(heapq.merge(*streams, key=_id), _id):
        listed, record = None, None
        for side in sides:
            if isinstance(side, ListedObject):
                listed = side
            else:
                record = side
        yield Pair(upload_id, listed, record)


def pair_with_records(objects: Iterable[ListedObject]) -> Iterator[Pair]:
    """Pair objects, in any order, with their records: for lists that are not sorted by id."""
    rest = iter(objects)
    while batch := list(islice(rest, BATCH_SIZE)):
        ids = list(dict.fromkeys(listed.id for listed in batch))
        records = {
            record.id: _to_listed_record(record)
            for record in batch_get(StoredFile, ids, attributes_to_get=_NEEDED)
            if record.state in KEPT_STATES
        }
        for listed in batch:
            yield Pair(listed.id, listed, records.get(listed.id))


def has_records(shard: str, *, until: str) -> bool:
    """Whether a shard has a file, also in the trash, with an id before `until`.

    Raises BackendUnavailable.
    """
    with table_errors():
        found = (
            StoredFile.by_state.query(
                f"{state}#{shard}", StoredFile.id < until, attributes_to_get=["id"], limit=1
            )
            for state in KEPT_STATES
        )
        return any(next(iter(query), None) is not None for query in found)


def _records(shard: str, *, after: str, until: str) -> Iterator[ListedRecord]:
    """The records of a shard's files, ascending. Holds at most two pages in memory.

    While a file moves to the trash, the index may have it in both states, or in none.
    """
    with table_errors():
        queries = [
            StoredFile.by_state.query(
                f"{state}#{shard}",
                StoredFile.id.between(after, until),
                attributes_to_get=_NEEDED,
                page_size=PAGE_SIZE,
            )
            for state in KEPT_STATES
        ]
        for record in heapq.merge(*queries, key=lambda record: record.id):
            # DynamoDB's BETWEEN includes both ends.
            if after < record.id < until:
                yield _to_listed_record(record)


def _to_listed_record(record: StoredFile) -> ListedRecord:
    return ListedRecord(
        record.id, record.etag or "", record.confirmed_at, record.deletion_requested_at
    )


def _id(side: ListedObject | ListedRecord) -> str:
    return side.id
