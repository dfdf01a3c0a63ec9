"""Pages and forms of files in the admin."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

from django.test import Client

from uploads.aws import clients, s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.ingest.events import ObjectEvent

LIST = "/admin/uploads/file/"
HOSTILE = ("<script>alert(1)</script>.html", "=cmd|' /C calc'!A0.csv", "\u202etxt.exe", "a\"b'c&d")


def ids_on(page: Any) -> list[str]:
    return re.findall(r'name="_selected_action" value="([^"]+)"', page.content.decode())


def link(page: Any, rel: str) -> str | None:
    match = re.search(rf'<a href="(\?[^"]*)" rel="{rel}"', page.content.decode())
    return unescape(match[1]) if match else None


def text_of(page: Any) -> str:
    """The text of a page, without what its scripts read."""
    shown = re.sub(r"<script\b.*?</script>", " ", page.content.decode(), flags=re.S)
    return unescape(re.sub(r"<[^>]+>", " ", shown))


def act(client: Client, action: str, *ids: str, **answer: str) -> Any:
    """Submit an action for files of the list; `confirmed` answers its confirmation page too."""
    return client.post(
        LIST, {"action": action, "_selected_action": ids, **answer}, follow="confirmed" in answer
    )


def event(kind: str, upload_id: str, number: int) -> ObjectEvent:
    time = datetime.now(UTC).isoformat()
    return ObjectEvent(kind, upload_id, f"{number:018X}".ljust(64, "0"), time)  # type: ignore[arg-type]


def put_object(upload_id: str, owner: str, name: str) -> None:
    """Put an object without an event."""
    clients.s3().put_object(
        Bucket=conf().bucket,
        Key=keys.object_key(upload_id),
        Body=b"hello",
        ContentType="text/plain",
        Metadata=s3.metadata(owner, name),
    )
