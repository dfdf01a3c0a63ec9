"""What S3 lists against what is recorded as stored: where the two differ.

Neither side is asked about one file at a time, and neither is held in memory. A difference is only
a suspicion: the index may be behind the table, and both may have changed since they were read.
`uploads.ingest.confirm.check` decides. IAM: s3:ListBucket; dynamodb:Query on the index AllFeed,
dynamodb:BatchGetItem.
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
from uploads.files.record import StoredFile

#: Records on one page of the index: a few attributes of each are taken, DynamoDB reads all.
PAGE_SIZE = 1_000
#: DynamoDB's BatchGetItem takes at most 100 keys.
BATCH_SIZE = 100

_NEEDED = ["id", "state", "etag", "confirmedAt", "deletionAskedAt"]


@dataclass(frozen=True)
class ListedRecord:
    """The record of a stored file, as far as it is compared."""

    id: str
    etag: str
    confirmed_at: datetime | None
    deletion_requested_at: datetime | None


@dataclass(frozen=True)
class Pair:
    """One id on both sides, or on one of them."""

    id: str
    object: ListedObject | None
    record: ListedRecord | None

    @property
    def agrees(self) -> bool:
        # An inventory may have no ETags.
        return bool(self.object and self.record and self.object.etag in {"", self.record.etag})

    def is_older_than(self, moment: datetime) -> bool:
        """Whether nothing is known to have happened to either side since then."""
        moments: list[datetime | None] = []
        if self.object is not None:
            moments.append(self.object.modified_at)
        if self.record is not None:
            moments += [self.record.confirmed_at, self.record.deletion_requested_at]
        return all(known is None or known <= moment for known in moments)


def compare(shard: str, *, after: str, until: str) -> Iterator[Pair]:
    """Every id of a shard above `after` and below `until` that either side knows, ascending."""
    if after >= until:  # DynamoDB takes that for a mistake
        return iter(())
    return merge(
        s3.list_objects(shard, after=after, until=until), _records(shard, after=after, until=until)
    )


def merge(objects: Iterable[ListedObject], records: Iterable[ListedRecord]) -> Iterator[Pair]:
    """Pair two streams that are both sorted by id (pure), holding one element of each."""
    streams: list[Iterable[ListedObject | ListedRecord]] = [objects, records]
    for upload_id, sides in groupby(heapq.merge(*streams, key=_id), _id):
        found, record = None, None
        for side in sides:
            if isinstance(side, ListedObject):
                found = side
            else:
                record = side
        yield Pair(upload_id, found, record)


def pair_with_records(objects: Iterable[ListedObject]) -> Iterator[Pair]:
    """Objects in whatever order, each with its record: for listings that are not S3's own."""
    rest = iter(objects)
    while batch := list(islice(rest, BATCH_SIZE)):
        ids = list(dict.fromkeys(found.id for found in batch))
        records = {
            record.id: _listed(record)
            for record in batch_get(StoredFile, ids, attributes_to_get=_NEEDED)
            if record.state == "stored"
        }
        for found in batch:
            yield Pair(found.id, found, records.get(found.id))


def _records(shard: str, *, after: str, until: str) -> Iterator[ListedRecord]:
    """The records of a shard's stored files, ascending; at most `PAGE_SIZE` are held."""
    with table_errors():
        for record in StoredFile.by_state.query(
            f"stored#{shard}",
            StoredFile.id.between(after, until),
            attributes_to_get=_NEEDED,
            page_size=PAGE_SIZE,
        ):
            # DynamoDB's BETWEEN includes both ends.
            if after < record.id < until:
                yield _listed(record)


def _listed(record: StoredFile) -> ListedRecord:
    return ListedRecord(
        record.id, record.etag or "", record.confirmed_at, record.deletion_requested_at
    )


def _id(side: ListedObject | ListedRecord) -> str:
    return side.id
