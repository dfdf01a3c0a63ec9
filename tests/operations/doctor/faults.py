"""Faults of an installation, with the line that doctor reports for each."""

from __future__ import annotations

import json

from tests.operations.doctor.helpers import (
    ALL,
    PARTS,
    Break,
    arn,
    call_on_bucket,
    cors,
    events,
    lifecycle,
    notify,
    set_queue,
    tasks,
)

#: Name -> the fault, the subject of the one line that reports it, and a word of that line.
FAULTS: dict[str, tuple[Break, str, str]] = {
    "no notification": (lambda: notify(None), "bucket, notifications", "s3:ObjectCreated:*"),
    "notification for others": (
        lambda: notify(tasks(), *ALL), "bucket, notifications", "replaced",
    ),
    "no event for parts": (
        lambda: notify(events(), "s3:ObjectCreated:Put", *ALL[1:]), "bucket, notifications",
        "s3:ObjectCreated:*",
    ),
    "removals not reported": (
        lambda: notify(events(), ALL[0], ALL[2]), "bucket, notifications", "s3:ObjectRemoved:*",
    ),
    "notification for one shard": (
        lambda: notify(events(), *ALL, prefix="uploads/0/"), "bucket, notifications", "uploads/",
    ),
    "public": (
        call_on_bucket("delete_public_access_block"), "bucket, public access", "BlockPublicAcls",
    ),
    "unfinished uploads stay": (
        call_on_bucket("delete_bucket_lifecycle"), "bucket, lifecycle", "for ever",
    ),
    "unfinished uploads end early": (
        lambda: lifecycle(Filter={"Prefix": ""}, AbortIncompleteMultipartUpload={
            "DaysAfterInitiation": 1}), "bucket, lifecycle", "after 1 days",
    ),
    "unfinished uploads of others end": (
        lambda: lifecycle(Filter={"Prefix": "tmp/"}, **PARTS), "bucket, lifecycle", "forever",
    ),
    "tasks come again too soon": (
        lambda: set_queue(tasks(), VisibilityTimeout="30"), "queue {tasks}", "after 30 s",
    ),
    "events come again too soon": (
        lambda: set_queue(events(), VisibilityTimeout="5"), "queue {events}", "after 5 s",
    ),
    "no redrive of events": (
        lambda: set_queue(events(), RedrivePolicy=""), "queue {events}", "does not go to",
    ),
    "no redrive of tasks": (
        lambda: set_queue(tasks(), RedrivePolicy=""), "queue {tasks}", "does not go to",
    ),
    "small messages only": (
        lambda: set_queue(tasks(), MaximumMessageSize="1024"), "queue {tasks}", "1,024 bytes",
    ),
    "S3 may not send": (
        lambda: set_queue(events(), Policy=""), "queue {events}", "does not let S3 send",
    ),
}  # fmt: skip

WARNINGS: dict[str, tuple[Break, str, str]] = {
    "any origin": (lambda: cors(AllowedOrigins=["*"]), "bucket, CORS", "other origins"),
    "messages are lost early": (
        lambda: set_queue(events(), MessageRetentionPeriod="86400"), "queue {events}", "1.0 days",
    ),
    "gives up early": (
        lambda: set_queue(
            tasks(), RedrivePolicy=json.dumps({"deadLetterTargetArn": arn(f"{tasks()}-dlq"),
                                               "maxReceiveCount": 2})
        ), "queue {tasks}", "after 2 receives",
    ),
}  # fmt: skip
