"""What infra/filehub.yaml makes, as doctor compares it; a test compares the two.

`provision` is CloudFormation: it changes what differs between the template and the one deployed
before, and does not see what somebody changed by hand. Hence doctor names AWS's own commands.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from datetime import datetime
from typing import Any

#: Event types of the bucket's notification -> all that each of them stands for.
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
EVENTS: Mapping[str, frozenset[str]] = {
    "s3:ObjectCreated:*": frozenset(
        f"s3:ObjectCreated:{name}" for name in ("Put", "Post", "Copy", "CompleteMultipartUpload")
    ),
    "s3:ObjectRemoved:*": frozenset(
        f"s3:ObjectRemoved:{name}" for name in ("Delete", "DeleteMarkerCreated")
    ),
    "s3:LifecycleExpiration:*": frozenset(
        f"s3:LifecycleExpiration:{name}" for name in ("Delete", "DeleteMarkerCreated")
    ),
}

PUBLIC_ACCESS_BLOCK = (
    "BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets",
)  # fmt: skip

#: What the upload client sends to S3 from a page.
CORS_METHODS = ("GET", "HEAD", "PUT")
CORS_HEADERS = (
    "content-type", "if-none-match", "x-amz-checksum-sha256", "x-amz-meta-filename",
    "x-amz-meta-owner",
)  # fmt: skip
CORS_EXPOSED = ("ETag", "x-amz-checksum-sha256", "x-amz-request-id")
CORS_MAX_AGE = 3000

#: Days after which the parts of an unfinished upload go.
ABORT_AFTER = 8

#: Seconds. The most that SQS keeps a message for.
RETENTION = 1_209_600
#: Receives until a message becomes a dead letter.
EVENTS_RECEIVES = 20
TASKS_RECEIVES = 8
#: Seconds that an event stays hidden while the consumer has it in hand.
EVENTS_VISIBILITY = 60
#: Bytes. The largest task has 100 events; events are smaller.
MESSAGE_SIZE = 64 * 1024


def command(service: str, action: str, **options: Any) -> str:
    """A command of the AWS command line that can be copied as it is."""
    words = ["aws", service, action]
    for name, value in options.items():
        text = value
        if not isinstance(value, str):
            # Lifecycle rules may have moments in them.
            text = json.dumps(value, separators=(",", ":"), default=datetime.isoformat)
        words += [f"--{name.replace('_', '-')}", text]
    return shlex.join(words)
