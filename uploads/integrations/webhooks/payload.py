"""The body of a webhook (pure). docs/webhooks.md shows it; a test compares the two."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from uploads.files.file_events import FileEvent

TEST_TYPE = "webhook.test"


def body_of(event: FileEvent) -> str:
    """The JSON of an event: `type`, `timestamp` and `data`, as Standard Webhooks recommends."""
    document = event.model_dump(mode="json")
    data = {"sequence": event.sequence, **document["file"]}
    if event.previous is not None:
        data["previous"] = document["previous"]
    return _dump(event.type, event.occurred_at, data)


def test_body(now: datetime) -> str:
    """The JSON of a test, which is about no file."""
    return _dump(TEST_TYPE, now, {})


def _dump(kind: str, at: datetime, data: dict[str, Any]) -> str:
    timestamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    document = {"type": kind, "timestamp": timestamp, "data": data}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
