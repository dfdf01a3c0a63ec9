"""Summarize dead letters for the admin, without I/O.

Nothing here raises, whatever the message contains: dead letters are often malformed.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from uploads.core import keys
from uploads.core.errors import MalformedEvent
from uploads.core.reasons import Reason
from uploads.core.strict_json import parse_json
from uploads.ingest.events import parse_message, unwrap

#: Characters that are shown of a body: as formatted JSON, and as raw text.
MAX_JSON = 8_000
MAX_RAW = 500
#: Characters of the longest body that is shown as indented JSON.
MAX_INDENTED = 64 * 1024
#: Objects listed for one dead letter. A task has up to a hundred.
MAX_OBJECTS = 20
#: Characters of a name, key or message; S3 keys have up to 1024 bytes.
MAX_NAME = 300

_TASK_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True)
class ObjectRef:
    """An object mentioned in a dead letter. Fields are "" if the message does not contain them."""

    event: str
    bucket: str
    key: str


@dataclass(frozen=True)
class Summary:
    """The content of a dead letter. All text is printable and has a bounded length."""

    #: The names of the events or of the task; "" if unreadable.
    title: str = ""
    objects: tuple[ObjectRef, ...] = ()
    #: The number of objects that are not in `objects`.
    more: int = 0
    #: The id of the Celery task; "" if invalid.
    task_id: str = ""
    #: Why filehub rejects the message; empty if it would accept it.
    problems: tuple[Reason, ...] = ()
    #: The body as indented JSON, or the beginning of the raw text.
    text: str = ""


def read_event(body: str, bucket: str) -> Summary:
    """Summarize a dead letter of the events queue, normally an S3 notification."""
    objects = _notified_objects(body)
    return Summary(
        title=", ".join(dict.fromkeys(ref.event for ref in objects[:MAX_OBJECTS] if ref.event)),
        objects=tuple(objects[:MAX_OBJECTS]),
        more=len(objects[MAX_OBJECTS:]),
        problems=parse_message(body, bucket).malformed[:MAX_OBJECTS],
        text=_text(body, _json(body)),
    )


def read_task(body: str, bucket: str) -> Summary:
    """Summarize a dead letter of the tasks queue: a Celery message in kombu's envelope."""
    envelope = _json(body) or _json(_base64(body))
    headers = _get(envelope, "headers")
    name, task_id = _string(headers, "task"), _string(headers, "id")
    inner = _get(envelope, "body")
    encoded = _get(envelope, "properties", "body_encoding") == "base64"
    payload = _json(_base64(inner) if encoded else inner)
    arguments = payload[0] if isinstance(payload, list) and payload else None
    objects = list(_task_objects(arguments, bucket))
    is_task = bool(name) and isinstance(payload, list)
    return Summary(
        title=_clean(name),
        objects=tuple(objects[:MAX_OBJECTS]),
        more=len(objects[MAX_OBJECTS:]),
        task_id=task_id if _TASK_ID.fullmatch(task_id) else "",
        problems=() if is_task else (Reason("not_a_task"),),
        text=_text(body, {"task": name, "id": task_id, "args": arguments} if is_task else envelope),
    )


def _notified_objects(body: str) -> list[ObjectRef]:
    try:
        message = unwrap(body)
    except MalformedEvent:
        return []
    layout = message.layout
    return [
        ObjectRef(
            _clean(_string(record, *layout.name).removeprefix("s3:")),
            _clean(_string(record, *layout.bucket)),
            _clean(layout.decode(_string(record, *layout.key))),
        )
        for record in message.records
    ]


def _task_objects(arguments: Any, bucket: str) -> Iterator[ObjectRef]:
    """The objects of a filehub task, whose only argument is an upload id, or a list of these or of
    events."""
    first = arguments[0] if isinstance(arguments, list) and arguments else None
    for entry in first if isinstance(first, list) else [first]:
        event = {"upload_id": entry} if isinstance(entry, str) else entry
        upload_id = keys.parse_upload_id(_string(event, "upload_id"))
        if upload_id:
            yield ObjectRef(_clean(_string(event, "kind")), bucket, keys.object_key(upload_id))


def _json(text: Any) -> Any:
    """Parse JSON; None if it is invalid."""
    try:
        return parse_json(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _base64(text: Any) -> str:
    try:
        return base64.b64decode(text, validate=True).decode() if isinstance(text, str) else ""
    except (binascii.Error, ValueError):
        return ""


def _get(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _string(value: Any, *path: str) -> str:
    result = _get(value, *path)
    return result if isinstance(result, str) else ""


def _text(body: str, document: Any) -> str:
    # Indenting a large or deeply nested document takes many times its size.
    if isinstance(document, dict | list) and len(body) <= MAX_INDENTED:
        return _clean(json.dumps(document, indent=2, ensure_ascii=False), MAX_JSON, "\n")
    return _clean(body, MAX_RAW, "\n")


def _clean(text: str, limit: int = MAX_NAME, allowed: str = "") -> str:
    """Truncate the text, and replace characters that cannot be printed, encoded or stored, as well
    as those that change the direction of text."""
    truncated = text[:limit] + ("…" if len(text) > limit else "")
    return "".join(
        c if c.isprintable() or c in allowed else "\N{REPLACEMENT CHARACTER}" for c in truncated
    )
