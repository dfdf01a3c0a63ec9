"""What infra/filehub.yaml creates, for doctor to compare with; a test keeps the two in step.

`provision` uses CloudFormation, which applies the difference between the template and the one
deployed before, and does not detect manual changes. So doctor suggests AWS CLI commands, and
`provision --repair` sends the same requests (`uploads.operations.repair`).
"""

from __future__ import annotations

from collections.abc import Mapping

from uploads.core.limits import MULTIPART_ABORT_AFTER

#: Event types in the bucket's notification configuration -> the types that each one covers.
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

#: Methods and headers that browsers need: the upload client, and for POST Uppy 6, which sends files
#: in one request as forms.
CORS_METHODS = ("GET", "HEAD", "PUT", "POST")
CORS_HEADERS = (
    "content-type", "if-none-match", "x-amz-checksum-sha256", "x-amz-meta-context",
    "x-amz-meta-destination", "x-amz-meta-field", "x-amz-meta-field-limits",
    "x-amz-meta-filename", "x-amz-meta-folder", "x-amz-meta-owner", "x-amz-meta-tags",
)  # fmt: skip
CORS_EXPOSED = ("ETag", "x-amz-checksum-sha256", "x-amz-request-id")
CORS_MAX_AGE = 3000

#: Days after which the parts of an unfinished upload are deleted.
ABORT_AFTER = MULTIPART_ABORT_AFTER.days

#: Seconds. The longest retention that SQS allows.
RETENTION = 1_209_600
#: How often a message is received before it becomes a dead letter.
EVENTS_RECEIVES = 20
TASKS_RECEIVES = 8
#: Seconds that an event is invisible while the consumer handles it.
EVENTS_VISIBILITY = 60
#: Seconds of a long poll.
WAIT = 20
#: Bytes. The largest task has 100 events; events are smaller.
MESSAGE_SIZE = 64 * 1024

#: What to run if a resource was deleted, or an upgrade needs a new one.
REPAIR = "python manage.py provision --repair"
