"""Parse the messages of the events queue: message body -> what happened to which object (pure).

Notifications of S3 arrive in one of three envelopes: S3 → SQS, S3 → SNS → SQS, S3 → EventBridge →
SQS. Results of GuardDuty come through EventBridge. `unwrap` opens them, for the consumer and for
the display of dead letters alike.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
https://docs.aws.amazon.com/guardduty/latest/ug/monitor-with-eventbridge-s3-malware-protection.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, cast, get_args
from urllib.parse import unquote_plus

from uploads.core.errors import MalformedEvent
from uploads.core.keys import upload_id_of
from uploads.core.reasons import Reason
from uploads.core.strict_json import parse_json

#: Sequencers are hexadecimal and of varying length. To compare them, pad them on the right with
#: zeros. S3's currently have 16 to 18 digits.
SEQUENCER_LENGTH = 64
_SEQUENCER = re.compile(r"[0-9A-Fa-f]{1,64}")

#: The sequencer of a hint, and of an event without one, which some S3-compatible stores send: older
#: than any other event.
NO_SEQUENCER = "0" * SEQUENCER_LENGTH

Kind = Literal["created", "removed"]


@dataclass(frozen=True)
class ObjectEvent:
    """An object of this bucket was created or removed."""

    kind: Kind
    upload_id: str
    #: Upper-case hex, padded to SEQUENCER_LENGTH: compares as text.
    sequencer: str
    #: When it happened, from S3 (ISO 8601), or "". Only for display and metrics.
    time: str = ""


ScanStatus = Literal["NO_THREATS_FOUND", "THREATS_FOUND", "UNSUPPORTED", "ACCESS_DENIED", "FAILED"]


@dataclass(frozen=True)
class ScanResult:
    """GuardDuty has checked an object of this bucket for malware, or could not."""

    upload_id: str
    #: That of the object that was checked; "" only if it says nothing about the object.
    etag: str
    status: ScanStatus
    #: When GuardDuty reported it (ISO 8601).
    time: str
    #: The names of the threats, or why the object was not checked; in its own words.
    details: str = ""


@dataclass(frozen=True)
class ParsedMessage:
    """The content of one queue message."""

    events: tuple[ObjectEvent, ...] = ()
    results: tuple[ScanResult, ...] = ()
    #: The number of records of other buckets, prefixes and event types.
    ignored: int = 0
    #: A sentence for each record that could not be parsed.
    malformed: tuple[Reason, ...] = field(default=())


@dataclass(frozen=True)
class Layout:
    """Where to find the fields in a record."""

    name: tuple[str, ...]
    bucket: tuple[str, ...]
    key: tuple[str, ...]
    sequencer: tuple[str, ...]
    time: str
    #: Event name -> kind; other events are ignored.
    kinds: dict[str, Kind]
    #: S3's own records have form-encoded keys: a space arrives as "+", a plus as "%2B".
    form_encoded: bool

    def decode(self, key: str) -> str:
        """Decode the object's key from the record."""
        return unquote_plus(key) if self.form_encoded else key


S3 = Layout(
    name=("eventName",),
    bucket=("s3", "bucket", "name"),
    key=("s3", "object", "key"),
    sequencer=("s3", "object", "sequencer"),
    time="eventTime",
    kinds={
        "ObjectCreated:Put": "created",
        "ObjectCreated:Post": "created",
        "ObjectCreated:Copy": "created",
        "ObjectCreated:CompleteMultipartUpload": "created",
        "ObjectRemoved:Delete": "removed",
        "ObjectRemoved:DeleteMarkerCreated": "removed",
        "LifecycleExpiration:Delete": "removed",
        "LifecycleExpiration:DeleteMarkerCreated": "removed",
    },
    form_encoded=True,
)
EVENTBRIDGE = Layout(
    name=("detail-type",),
    bucket=("detail", "bucket", "name"),
    key=("detail", "object", "key"),
    sequencer=("detail", "object", "sequencer"),
    time="time",
    kinds={"Object Created": "created", "Object Deleted": "removed"},
    form_encoded=False,
)
GUARDDUTY = Layout(
    name=("detail-type",),
    bucket=("detail", "s3ObjectDetails", "bucketName"),
    key=("detail", "s3ObjectDetails", "objectKey"),
    sequencer=(),
    time="time",
    kinds={},
    form_encoded=False,
)
_SCAN_RESULT = "GuardDuty Malware Protection Object Scan Result"
#: These say nothing about the object.
_WITHOUT_VERDICT = {"ACCESS_DENIED", "FAILED"}
#: Names of threats, or reasons, that are kept of a result.
_MAX_DETAILS = 5


@dataclass(frozen=True)
class Unwrapped:
    """The unvalidated records of a message, and their layout."""

    layout: Layout
    records: list[Any]
    #: 1 for a valid message that is not about objects: S3's test event, or an event of another
    #: service.
    ignored: int = 0


def unwrap(body: str) -> Unwrapped:
    """Remove the envelope of a queue message. S3's test event has no records.

    Raises MalformedEvent.
    """
    document = _load(body)
    # SNS wraps the notification as text, unless raw delivery is on. A subscription confirmation
    # has the same shape; its SubscribeURL is never fetched.
    if document.get("Type") == "Notification" and isinstance(document.get("Message"), str):
        document = _load(document["Message"])
    if document.get("Event") == "s3:TestEvent":
        return Unwrapped(S3, [], ignored=1)
    if isinstance(document.get("detail-type"), str):
        if document.get("source") == "aws.guardduty" and document["detail-type"] == _SCAN_RESULT:
            return Unwrapped(GUARDDUTY, [document])
        if document.get("source") != "aws.s3":
            return Unwrapped(EVENTBRIDGE, [], ignored=1)
        return Unwrapped(EVENTBRIDGE, [document])
    records = document.get("Records")
    if not isinstance(records, list):
        raise MalformedEvent(code="no_records")
    return Unwrapped(S3, records)


def parse_message(body: str, bucket: str) -> ParsedMessage:
    """Parse one queue message. Never raises: errors are in `malformed`."""
    try:
        message = unwrap(body)
    except MalformedEvent as exc:
        return ParsedMessage(malformed=(exc.reason,))
    events: list[ObjectEvent] = []
    results: list[ScanResult] = []
    malformed: list[Reason] = []
    for number, record in enumerate(message.records):
        event: ObjectEvent | ScanResult | None
        try:
            if message.layout is GUARDDUTY:
                event = _scan_result(record, bucket)
            else:
                event = _event(message.layout, record, bucket)
        except MalformedEvent as exc:
            malformed.append(Reason(exc.code, {**exc.parameters, "record": number}))
            continue
        if isinstance(event, ScanResult):
            results.append(event)
        elif event is not None:
            events.append(event)
    known = len(events) + len(results) + len(malformed)
    ignored = message.ignored + len(message.records) - known
    return ParsedMessage(tuple(events), tuple(results), ignored, tuple(malformed))


def _event(layout: Layout, record: Any, bucket: str) -> ObjectEvent | None:
    """The event of a record; None for another bucket, prefix or event type."""
    kind = layout.kinds.get(_text(record, *layout.name).removeprefix("s3:"))
    if _text(record, *layout.bucket) != bucket:
        return None
    upload_id = upload_id_of(layout.decode(_text(record, *layout.key)))
    if kind is None or upload_id is None:
        return None
    return ObjectEvent(kind, upload_id, _sequencer(layout, record), _time(record.get(layout.time)))


def _scan_result(record: Any, bucket: str) -> ScanResult | None:
    """The result in an event of GuardDuty; None for another bucket or prefix.

    What cannot be understood is malformed, so that it becomes a dead letter that operators see.
    """
    if _text(record, *GUARDDUTY.bucket) != bucket:
        return None
    upload_id = upload_id_of(_text(record, *GUARDDUTY.key))
    if upload_id is None:
        return None
    status = _text(record, "detail", "scanResultDetails", "scanResultStatus")
    time = _time(_text(record, GUARDDUTY.time))
    if status not in get_args(ScanStatus) or not time:
        raise MalformedEvent(code="invalid_scan_result")
    etag = ""
    if status not in _WITHOUT_VERDICT:
        # Some of S3's own notifications quote it.
        etag = _text(record, "detail", "s3ObjectDetails", "eTag").strip('"')
        if not etag:
            raise MalformedEvent(code="invalid_scan_result")
    details = _details(record["detail"]["scanResultDetails"])
    return ScanResult(upload_id, etag, cast("ScanStatus", status), time, details)


def _details(result: dict[str, Any]) -> str:
    """The names of the threats, and why an object was not checked. Only for display."""
    found: list[str] = []
    for value in (result.get("threats"), result.get("statusReasons")):
        for entry in value if isinstance(value, list) else ():
            name = entry.get("name") if isinstance(entry, dict) else entry
            if isinstance(name, str) and name:
                found.append(name)
    return ", ".join(dict.fromkeys(found[:_MAX_DETAILS]))


def _load(text: str) -> dict[str, Any]:
    try:
        document = parse_json(text)
    except ValueError as exc:
        raise MalformedEvent(code="not_json") from exc
    if not isinstance(document, dict):
        raise MalformedEvent(code="not_json_object")
    return document


def _text(value: Any, *path: str) -> str:
    for name in path:
        if not isinstance(value, dict) or name not in value:
            raise MalformedEvent(code="field_missing", parameters={"field": ".".join(path)})
        value = value[name]
    return _as_text(value, path)


def _as_text(value: Any, path: tuple[str, ...]) -> str:
    if not isinstance(value, str):
        raise MalformedEvent(code="field_not_text", parameters={"field": ".".join(path)})
    return value


def _time(value: Any) -> str:
    """The normalised time; "" if it is invalid, because that is no reason to lose an event."""
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC).isoformat() if moment.tzinfo else ""
    except (TypeError, ValueError, OverflowError):
        return ""


def _sequencer(layout: Layout, record: Any) -> str:
    """The padded sequencer; NO_SEQUENCER if it is missing, null or empty.

    `record` has a valid key, which is in the same object. Any other value that is not a hexadecimal
    number is malformed: its sender has an order in mind, and guessing it could lose an event.
    """
    *parents, name = layout.sequencer
    for parent in parents:
        record = record[parent]
    value = record.get(name)
    if value is None or value == "":
        return NO_SEQUENCER
    text = _as_text(value, layout.sequencer)
    if not _SEQUENCER.fullmatch(text):
        raise MalformedEvent(code="invalid_sequencer")
    return text.upper().ljust(SEQUENCER_LENGTH, "0")
