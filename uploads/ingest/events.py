"""S3 event notifications: message body -> what happened to which object (pure).

Three envelopes are found in the field: S3 → SQS, S3 → SNS → SQS, S3 → EventBridge → SQS.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import unquote_plus

from uploads.core.errors import MalformedEvent
from uploads.core.keys import upload_id_of
from uploads.core.strict_json import parse_json

#: Sequencers are hex of varying length, compared after padding to the right with zeros. S3's have
#: 16 to 18 digits today; this leaves room.
SEQUENCER_LENGTH = 64
_SEQUENCER = re.compile(r"[0-9A-Fa-f]{1,64}")

#: What a confirmation carries when no event told of the object: older than any event.
NO_SEQUENCER = "0" * SEQUENCER_LENGTH

_CREATED = frozenset(
    {
        "ObjectCreated:Put",
        "ObjectCreated:Post",
        "ObjectCreated:Copy",
        "ObjectCreated:CompleteMultipartUpload",
    }
)
_REMOVED = frozenset(
    {
        "ObjectRemoved:Delete",
        "ObjectRemoved:DeleteMarkerCreated",
        "LifecycleExpiration:Delete",
        "LifecycleExpiration:DeleteMarkerCreated",
    }
)
_EVENTBRIDGE = {"Object Created": "created", "Object Deleted": "removed"}

Kind = Literal["created", "removed"]


@dataclass(frozen=True)
class ObjectEvent:
    """One object of this bucket appeared or went away."""

    kind: Kind
    upload_id: str
    #: Upper-case hex, padded to SEQUENCER_LENGTH: compares as text.
    sequencer: str
    #: When, as S3 said it (ISO 8601); "" when it is not known. Only for people and measurements.
    time: str = ""


@dataclass(frozen=True)
class ParsedMessage:
    """What one queue message said."""

    events: tuple[ObjectEvent, ...] = ()
    #: Records that are none of filehub's business: other buckets, prefixes, event types.
    ignored: int = 0
    #: A sentence for each record that could not be understood.
    malformed: tuple[str, ...] = field(default=())


def parse_message(body: str, bucket: str) -> ParsedMessage:
    """Read one queue message. Never raises: what cannot be understood is in `malformed`."""
    try:
        document = _load(body)
        # SNS wraps the notification as text, unless raw delivery is on. A subscription
        # confirmation has the same shape; its SubscribeURL is never fetched.
        if document.get("Type") == "Notification" and isinstance(document.get("Message"), str):
            document = _load(document["Message"])
        if document.get("Event") == "s3:TestEvent":
            return ParsedMessage(ignored=1)
        if isinstance(document.get("detail-type"), str):
            return _collect([document], _eventbridge_event, bucket)
        records = document.get("Records")
        if not isinstance(records, list):
            raise MalformedEvent("It has no list of Records and is no EventBridge event.")
    except MalformedEvent as exc:
        return ParsedMessage(malformed=(exc.message,))
    return _collect(records, _s3_event, bucket)


def _load(text: str) -> dict[str, Any]:
    try:
        document = parse_json(text)
    except ValueError as exc:
        raise MalformedEvent("It is not JSON.") from exc
    if not isinstance(document, dict):
        raise MalformedEvent("It is not a JSON object.")
    return document


def _collect(records: list[Any], read: Any, bucket: str) -> ParsedMessage:
    events: list[ObjectEvent] = []
    malformed: list[str] = []
    ignored = 0
    for number, record in enumerate(records):
        try:
            event = read(record, bucket)
        except MalformedEvent as exc:
            malformed.append(f"Record {number}: {exc.message}")
            continue
        if event is None:
            ignored += 1
        else:
            events.append(event)
    return ParsedMessage(tuple(events), ignored, tuple(malformed))


def _s3_event(record: Any, bucket: str) -> ObjectEvent | None:
    name = _text(record, "eventName").removeprefix("s3:")
    if _text(record, "s3", "bucket", "name") != bucket:
        return None
    # Keys are form-encoded: a space arrives as "+", a plus as "%2B".
    key = unquote_plus(_text(record, "s3", "object", "key"))
    kind: Kind | None = "created" if name in _CREATED else "removed" if name in _REMOVED else None
    upload_id = upload_id_of(key)
    if kind is None or upload_id is None:
        return None
    sequencer = _sequencer(_text(record, "s3", "object", "sequencer"))
    return ObjectEvent(kind, upload_id, sequencer, _time(record.get("eventTime")))


def _eventbridge_event(document: Any, bucket: str) -> ObjectEvent | None:
    kind = _EVENTBRIDGE.get(document["detail-type"])
    if kind is None or document.get("source") != "aws.s3":
        return None
    if _text(document, "detail", "bucket", "name") != bucket:
        return None
    # EventBridge carries keys as they are.
    upload_id = upload_id_of(_text(document, "detail", "object", "key"))
    if upload_id is None:
        return None
    sequencer = _sequencer(_text(document, "detail", "object", "sequencer"))
    time = _time(document.get("time"))
    return ObjectEvent("created" if kind == "created" else "removed", upload_id, sequencer, time)


def _text(value: Any, *path: str) -> str:
    for name in path:
        if not isinstance(value, dict) or name not in value:
            raise MalformedEvent(f"{'.'.join(path)} is missing.")
        value = value[name]
    if not isinstance(value, str):
        raise MalformedEvent(f"{'.'.join(path)} is not text.")
    return value


def _time(value: Any) -> str:
    """A time that cannot be read is no reason to lose an event."""
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC).isoformat() if moment.tzinfo else ""
    except (TypeError, ValueError, OverflowError):
        return ""


def _sequencer(text: str) -> str:
    if not _SEQUENCER.fullmatch(text):
        raise MalformedEvent("The sequencer is not a hexadecimal number.")
    return text.upper().ljust(SEQUENCER_LENGTH, "0")
