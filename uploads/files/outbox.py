"""The outbox: events that are written in the transaction of the records they are about.

So a process that dies after the transaction loses none. Each transaction has at most one item, with
the events of all its records, and only if there are receivers of signals or webhook endpoints. A
task publishes and deletes it (`uploads.integrations.publish`); a sweep finds items whose task was
never queued, through the index AllFeed. IAM: dynamodb:UpdateItem to write; dynamodb:BatchGetItem,
dynamodb:Query on AllFeed and dynamodb:DeleteItem on `outbox#*` to publish.
"""

from __future__ import annotations

import logging
import secrets
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import Error
from pydantic import TypeAdapter
from pynamodb.attributes import BinaryAttribute, TTLAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex

from uploads import signals
from uploads.aws.dynamodb import Table, TableModel, batch_get, table_errors
from uploads.core.errors import BackendUnavailable
from uploads.files.file_events import FileEvent, event_of
from uploads.files.record import AllFeed, Change
from uploads.models import WebhookEndpoint
from uploads.worker.app import app
from uploads.worker.queueing import queueing_errors

logger = logging.getLogger(__name__)

TASK = "uploads.tasks.publish_events"
#: Items per task: far below SQS's message size limit.
ITEMS_PER_TASK = 100
#: Partitions of the index, so that none gets all writes.
PARTS = 4
#: After this time, the process that wrote an item is taken to have died before it queued a task.
OVERDUE = timedelta(seconds=30)
#: How long an item is kept that cannot be published: twice as long as SQS keeps a message.
_KEPT_FOR = timedelta(days=28)
#: Seconds for which a process remembers whether there are webhook endpoints.
REMEMBERED_FOR = 10.0

_PREFIX = "outbox#"
_events: TypeAdapter[list[FileEvent]] = TypeAdapter(list[FileEvent])


class _OutboxFeed(GlobalSecondaryIndex["OutboxItem"]):
    """The items that are not published yet, oldest first."""

    class Meta:
        index_name = "AllFeed"
        projection = AllFeed.Meta.projection

    feed = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)


class OutboxItem(TableModel):
    """The events of one transaction. Its id sorts by time."""

    class Meta(Table):
        pass

    id = UnicodeAttribute(hash_key=True)
    feed = UnicodeAttribute()
    #: zlib-compressed JSON: the events of one transaction have much in common.
    events = BinaryAttribute(legacy_encoding=False)
    expires_at = TTLAttribute(attr_name="expiresAt")

    by_feed = _OutboxFeed()


@dataclass(frozen=True)
class Published:
    """An item as it was read."""

    id: str
    data: bytes

    def events(self) -> list[FileEvent]:
        """Raises ValueError or zlib.error if an incompatible version wrote them."""
        return _events.validate_json(zlib.decompress(self.data))


class _Interest:
    """Whether anybody is to be told: receivers of this process, or endpoints in the database."""

    def __init__(self) -> None:
        self._has_endpoints = True
        self._read_at: float | None = None

    def exists(self) -> bool:
        if any(signal.has_listeners(FileEvent) for signal in signals.BY_TYPE.values()):
            return True
        if self._read_at is None or time.monotonic() - self._read_at > REMEMBERED_FOR:
            self._read()
        return self._has_endpoints

    def _read(self) -> None:
        """Keep what was known if the database does not respond: an event too many does no harm."""
        try:
            self._has_endpoints = WebhookEndpoint.objects.filter(is_enabled=True).exists()
        except Error as exc:
            logger.warning("the webhook endpoints cannot be read: %r", exc)
        self._read_at = time.monotonic()

    def note(self, *, has_endpoints: bool, read_at: float | None = None) -> None:
        """Remember this instead of reading it, until REMEMBERED_FOR after `read_at` (now)."""
        self._has_endpoints = has_endpoints
        self._read_at = time.monotonic() if read_at is None else read_at

    def forget(self) -> None:
        """Read again at the next change."""
        self._read_at = None


interest = _Interest()


def item_of(changes: Iterable[Change]) -> OutboxItem | None:
    """The item that belongs in the transaction of these changes; None if nobody is to be told."""
    if not interest.exists():
        return None
    now = datetime.now(UTC)
    token = secrets.token_hex(10)
    found = (event_of(change, f"evt_{token}_{n}", now) for n, change in enumerate(changes))
    events = [event for event in found if event is not None]
    if not events:
        return None
    return OutboxItem(
        f"{_key(now)}{token}",
        feed=f"{_PREFIX}{int(token[0], 16) % PARTS}",
        events=zlib.compress(_events.dump_json(events, exclude_defaults=True)),
        expires_at=now + _KEPT_FOR,
    )


def creation(item: OutboxItem) -> list[Action]:
    """The update that creates an item. A put would need one more permission of the web."""
    return [
        OutboxItem.feed.set(item.feed),
        OutboxItem.events.set(item.events),
        OutboxItem.expires_at.set(item.expires_at),
    ]


def _key(at: datetime) -> str:
    return f"{_PREFIX}{int(at.timestamp() * 1000):014d}#"


def announce(ids: Sequence[str]) -> None:
    """Queue the publication of items that were just written. The sweep does what this does not."""
    try:
        enqueue(ids)
    except BackendUnavailable as exc:
        logger.warning("events are published later: %r", exc.__cause__ or exc)


def enqueue(ids: Sequence[str]) -> None:
    """Queue the publication of these items. Raises BackendUnavailable."""
    for start in range(0, len(ids), ITEMS_PER_TASK):
        with queueing_errors():
            batch = list(ids[start : start + ITEMS_PER_TASK])
            app.send_task(TASK, (batch,), retry=False)


def read(ids: Iterable[str]) -> list[Published]:
    """The items that are still to be published, oldest first. Raises BackendUnavailable."""
    items = batch_get(OutboxItem, ids, consistent_read=True)
    return [Published(item.id, item.events) for item in sorted(items, key=lambda item: item.id)]


def delete(item_id: str) -> None:
    """Delete an item whose events are all on their way. Raises BackendUnavailable."""
    with table_errors():
        OutboxItem(item_id).delete()


def has_older(item_id: str) -> bool:
    """Whether an item that is older than this one is still to be published.

    Costs up to PARTS queries. Raises BackendUnavailable.
    """
    with table_errors():
        return any(True for _ in _older_than(item_id, 1))


def overdue(limit: int) -> list[str]:
    """The ids of items that nobody has published in time, `limit` of each partition at most.

    Raises BackendUnavailable.
    """
    with table_errors():
        return list(_older_than(_key(datetime.now(UTC) - OVERDUE), limit))


def _older_than(key: str, limit: int) -> Iterator[str]:
    """The ids of items before this key, up to `limit` of each partition."""
    for part in range(PARTS):
        query = OutboxItem.by_feed.query(
            f"{_PREFIX}{part}",
            OutboxItem.id < key,
            attributes_to_get=["id"],
            limit=limit,
            page_size=limit,
        )
        yield from (item.id for item in query)
