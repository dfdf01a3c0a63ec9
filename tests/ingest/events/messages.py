"""S3 event notifications as they come out of the queue, in each envelope."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from uploads.ingest.events import (
    SEQUENCER_LENGTH,
    ObjectEvent,
)

BUCKET = "filehub-uploads"
ID = "0190a5c0-1234-7abc-8def-0123456789ab"
OTHER_ID = "0190a5c0-9999-7abc-8def-0123456789a0"
KEY = f"uploads/b/{ID}"
OTHER_KEY = f"uploads/0/{OTHER_ID}"
SEQUENCER = "0055AED6DCD90281E5"
PADDED = SEQUENCER.ljust(SEQUENCER_LENGTH, "0")
TIME = "2025-06-01T12:00:00+00:00"
CREATED = ObjectEvent("created", ID, PADDED, TIME)
REMOVED = ObjectEvent("removed", ID, PADDED, TIME)
Change = Callable[[dict[str, Any]], object]


def record(
    name: str = "ObjectCreated:Put",
    key: str = KEY,
    bucket: str = BUCKET,
    sequencer: str = SEQUENCER,
) -> dict[str, Any]:
    """A record as S3 writes it (event structure 2.1)."""
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2025-06-01T12:00:00.000Z",
        "eventName": name,
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "filehub",
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": key, "size": 5, "eTag": "abc", "sequencer": sequencer},
        },
    }


def direct(*records: Any) -> str:
    """S3 → SQS."""
    return json.dumps({"Records": list(records)})


def over_sns(message: str) -> str:
    """S3 → SNS → SQS."""
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": "m",
            "TopicArn": "arn:aws:sns:us-east-1:123456789012:t",
            "Subject": "Amazon S3 Notification",
            "Message": message,
        }
    )


def over_eventbridge(
    detail_type: str = "Object Created",
    key: str = KEY,
    bucket: str = BUCKET,
    sequencer: str = SEQUENCER,
    source: str = "aws.s3",
) -> str:
    """S3 → EventBridge → SQS."""
    return json.dumps(
        {
            "version": "0",
            "time": "2025-06-01T12:00:00Z",
            "detail-type": detail_type,
            "source": source,
            "detail": {
                "bucket": {"name": bucket},
                "object": {"key": key, "size": 5, "etag": "abc", "sequencer": sequencer},
                "reason": "PutObject",
            },
        }
    )


TEST_EVENT = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET})
