"""Events, and the outbox of the tests' table."""

from __future__ import annotations

from datetime import UTC, datetime

from uploads.files import outbox
from uploads.files.file_events import EventFile, EventType, FileEvent
from uploads.integrations import publish
from uploads.models import WebhookDelivery, WebhookEndpoint

FILE_ID = "0190f5a0-0000-7000-8000-000000000001"
OTHER_ID = "0190f5a0-0000-7000-8000-000000000002"


def event(number: int, kind: EventType = "file.stored", file_id: str = FILE_ID) -> FileEvent:
    """The n-th event of a file."""
    now = datetime.now(UTC)
    return FileEvent(
        id=f"evt_{file_id[-1]}_{number}",
        type=kind,
        occurred_at=now,
        sequence=f"{number:064X}-{number:010d}",
        file=EventFile(id=file_id, state="stored", file_name="a.txt", created_at=now),
    )


def outbox_ids() -> list[str]:
    """The ids of all items in the outbox."""
    return [
        item.id
        for part in range(outbox.PARTS)
        for item in outbox.OutboxItem.by_feed.query(f"outbox#{part}")
    ]


def publish_all() -> None:
    publish.publish(outbox_ids())


def statuses(endpoint: WebhookEndpoint) -> dict[str, str]:
    """The type of each delivery and what has become of it, oldest event first."""
    rows = WebhookDelivery.objects.filter(endpoint=endpoint).order_by("sequence")
    return dict(rows.values_list("event_id", "status"))
