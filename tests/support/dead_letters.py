"""Send dead letters, and make SQS fail at chosen moments."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import EndpointConnectionError

from tests.support.local_aws import drain
from uploads.aws import clients, sqs
from uploads.core.conf import conf

BUCKET = "b"
UPLOAD_ID = "0199f7a1-6a52-7c3e-9d10-4be2a1f0c9d7"
KEY = f"uploads/7/{UPLOAD_ID}"


def events_queue() -> str:
    return conf().events_queue


def dlq() -> str:
    return sqs.dead_letter_queue(events_queue())


def send_dead_letter(body: str, queue: str | None = None, **attributes: Any) -> str:
    """Send a dead letter of a queue (by default of events); return its id."""
    return clients.sqs().send_message(
        QueueUrl=sqs.url(sqs.dead_letter_queue(queue or events_queue())),
        MessageBody=body,
        MessageAttributes={
            name: {"DataType": "Binary", "BinaryValue": value}
            if isinstance(value, bytes)
            else {"DataType": "String", "StringValue": value}
            for name, value in attributes.items()
        },
    )["MessageId"]


def bodies(queue: str) -> list[str]:
    return sorted(message["Body"] for message in drain(queue))


@contextmanager
def before(operation: str, act: Callable[[], None]) -> Iterator[None]:
    """Call `act` just before each request of this operation."""
    events, name = clients.sqs().meta.events, f"before-call.sqs.{operation}"

    def handler(**kwargs: Any) -> None:
        act()

    events.register(name, handler)
    try:
        yield
    finally:
        events.unregister(name, handler)


def break_connection() -> None:
    raise EndpointConnectionError(endpoint_url="http://sqs")


def s3_record(key: str = "uploads/a+b%2Bc", name: str = "s3:ObjectCreated:Put") -> dict[str, Any]:
    return {
        "eventName": name,
        "s3": {"bucket": {"name": BUCKET}, "object": {"key": key, "sequencer": "1"}},
    }


def celery_body(
    arguments: Any, task: str = "uploads.tasks.confirm_objects", task_id: str = "t-1"
) -> str:
    """A task as kombu sends it to SQS."""
    inner = json.dumps([arguments, {}, {"callbacks": None}])
    envelope = {
        "body": base64.b64encode(inner.encode()).decode(),
        "headers": {"task": task, "id": task_id},
        "properties": {"body_encoding": "base64"},
    }
    return base64.b64encode(json.dumps(envelope).encode()).decode()


#: Bodies that are unreadable or hostile.
HOSTILE = {
    "empty": "",
    "no JSON": "hello",
    "a number": "7",
    "a list": "[1, [2]]",
    "null": "null",
    "too deep to read": "[" * 100_000,
    "deep, and readable": '{"Records":' + "[" * 200 + "]" * 200 + "}",
    "a little too deep": '{"Records":' + "[" * 201 + "]" * 201 + "}",
    "huge": json.dumps({"Records": [s3_record("k" * 500_000)] * 2}),
    "many": json.dumps({"Records": [{}] * 50_000}),
    "a long number": '{"Records": [' + "9" * 10_000 + "]}",
    "a lone surrogate": '{"Records": [{"eventName": "\\ud800"}], "detail-type": "\\udfff"}',
    "control characters": json.dumps({"Records": [s3_record("a\x00\x1b[31m\u202eb")]}),
    "wrong types": json.dumps({"Records": [{"eventName": 1, "s3": [], "x": {"s3": None}}, 4]}),
    "SNS of nonsense": json.dumps({"Type": "Notification", "Message": "{"}),
    "SNS of no text": json.dumps({"Type": "Notification", "Message": {"a": 1}}),
    "EventBridge of nothing": json.dumps({"detail-type": "x", "detail": 3}),
    "base64 of garbage": base64.b64encode(b"\xff\xfe\x00").decode(),
    "base64 of JSON": base64.b64encode(b'{"body": "%%%", "headers": 5}').decode(),
    "no base64 after all": "====",
    "a task of garbage": celery_body({"a": 1}),
    "a task without arguments": celery_body(None),
    "a task with a hostile id": celery_body([], task_id="x" * 5000),
    "a task of strange events": celery_body([[1, None, {"upload_id": 3}, {"upload_id": "x"}]]),
}
