"""A dead letter -> what it is about, for people (pure).

Nothing here raises, whatever the message says: it is a dead letter because something is wrong.
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
from uploads.core.strict_json import parse_json
from uploads.ingest.events import parse_message, unwrap

#: Characters of a body that is JSON, and of one that nobody can read.
MAX_JSON = 8_000
MAX_RAW = 500
#: Objects of one dead letter that are named. A task has up to a hundred.
MAX_OBJECTS = 20
#: Characters of a name, a key or a sentence; S3's keys have up to 1024 bytes.
MAX_NAME = 300

_TASK_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True)
class ObjectRef:
    """What a dead letter says about one object. Each part may be "": it does not say."""

    event: str
    bucket: str
    key: str


@dataclass(frozen=True)
class Summary:
    """What a dead letter is about. All text is printable and of bounded length."""

    #: The events' names or the task's; "" when that could not be read.
    title: str = ""
    objects: tuple[ObjectRef, ...] = ()
    #: Objects beyond those in `objects`.
    more: int = 0
    #: Celery's id of the task, when it is one that Celery could have made.
    task_id: str = ""
    #: What filehub objects to, as a sentence; "" when it would accept the message.
    problem: str = ""
    #: The body: indented JSON if it is JSON, otherwise its beginning.
    text: str = ""


def read_event(body: str, bucket: str) -> Summary:
    """A dead letter of the events queue: an S3 notification, or whatever else was sent there."""
    objects = _notified_objects(body)
    return Summary(
        title=", ".join(dict.fromkeys(ref.event for ref in objects[:MAX_OBJECTS] if ref.event)),
        objects=tuple(objects[:MAX_OBJECTS]),
        more=len(objects[MAX_OBJECTS:]),
        problem=_clean(" ".join(parse_message(body, bucket).malformed)),
        text=_text(body, _json(body)),
    )


def read_task(body: str, bucket: str) -> Summary:
    """A dead letter of the tasks queue: Celery's message in kombu's envelope."""
    envelope = _json(body) or _json(_base64(body))
    headers = _get(envelope, "headers")
    name, task_id = _string(headers, "task"), _string(headers, "id")
    inner = _get(envelope, "body")
    encoded = _get(envelope, "properties", "body_encoding") == "base64"
    payload = _json(_base64(inner) if encoded else inner)
    arguments = payload[0] if isinstance(payload, list) and payload else None
    objects = list(_task_objects(arguments, bucket))
    known = bool(name) and isinstance(payload, list)
    return Summary(
        title=_clean(name),
        objects=tuple(objects[:MAX_OBJECTS]),
        more=len(objects[MAX_OBJECTS:]),
        task_id=task_id if _TASK_ID.fullmatch(task_id) else "",
        problem="" if known else "It is no task of Celery’s.",
        text=_text(body, {"task": name, "id": task_id, "args": arguments} if known else envelope),
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
    """The objects that a filehub task was about: its only argument is an upload's id, or a list
    of events."""
    first = arguments[0] if isinstance(arguments, list) and arguments else None
    for event in first if isinstance(first, list) else [{"upload_id": first}]:
        upload_id = keys.parse_upload_id(_string(event, "upload_id"))
        if upload_id:
            yield ObjectRef(_clean(_string(event, "kind")), bucket, keys.object_key(upload_id))


def _json(text: Any) -> Any:
    """What JSON says, or None."""
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
    found = _get(value, *path)
    return found if isinstance(found, str) else ""


def _text(body: str, document: Any) -> str:
    if isinstance(document, dict | list):
        return _clean(json.dumps(document, indent=2, ensure_ascii=False), MAX_JSON, "\n")
    return _clean(body, MAX_RAW, "\n")


def _clean(text: str, limit: int = MAX_NAME, allowed: str = "") -> str:
    """Bounded, and without what cannot be printed, encoded or stored, or reverses the line."""
    cut = text[:limit] + ("…" if len(text) > limit else "")
    return "".join(
        c if c.isprintable() or c in allowed else "\N{REPLACEMENT CHARACTER}" for c in cut
    )
