"""Faults of an installation, with the line that doctor reports for each."""

from __future__ import annotations

import json
from typing import Any

from tests.operations.doctor.helpers import (
    ALL,
    PARTS,
    Break,
    arn,
    call,
    call_on_bucket,
    cors,
    events,
    lifecycle,
    notify,
    queue_url,
    set_queue,
    tasks,
)
from uploads.core.conf import conf
from uploads.operations.doctor.table import OBSOLETE_INDEXES


def set_time_to_live(*, enabled: bool) -> None:
    specification = {"Enabled": enabled, "AttributeName": "expiresAt"}
    call("dynamodb", "update_time_to_live", TableName=conf().table,
         TimeToLiveSpecification=specification)  # fmt: skip


def turn_backups_off() -> None:
    off = {"PointInTimeRecoveryEnabled": False}
    call("dynamodb", "update_continuous_backups", TableName=conf().table,
         PointInTimeRecoverySpecification=off)  # fmt: skip


def delete_index(name: str) -> None:
    call("dynamodb", "update_table", TableName=conf().table,
         GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": name}}])  # fmt: skip


def create_index(
    index_name: str, key: str, *, hash_key: str = "folderFeed", **changes: Any
) -> None:
    """An index under this name with another key, or with other `changes`."""
    keys = [
        {"AttributeName": hash_key, "KeyType": "HASH"},
        {"AttributeName": key, "KeyType": "RANGE"},
    ]
    index = {"IndexName": index_name, "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}
    definitions = [{"AttributeName": n, "AttributeType": "S"} for n in (hash_key, key)]
    if index_name not in OBSOLETE_INDEXES:
        delete_index(index_name)
    call("dynamodb", "update_table", TableName=conf().table, AttributeDefinitions=definitions,
         GlobalSecondaryIndexUpdates=[{"Create": index | changes}])  # fmt: skip


def delete_queues(*names: str) -> None:
    for name in names:
        call("sqs", "delete_queue", QueueUrl=queue_url(name))


def unprotect_table() -> None:
    call("dynamodb", "update_table", TableName=conf().table, DeletionProtectionEnabled=False)


def delete_table() -> None:
    unprotect_table()
    call("dynamodb", "delete_table", TableName=conf().table)


def delete_bucket() -> None:
    call("s3", "delete_bucket", Bucket=conf().bucket)


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
        call_on_bucket("delete_bucket_lifecycle"), "bucket, lifecycle", "forever",
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
    "thumbnails come again too soon": (
        lambda: set_queue(f"{tasks()}-low", VisibilityTimeout="30"), "queue {tasks}-low",
        "after 30 s",
    ),
    "no redrive of thumbnails": (
        lambda: set_queue(f"{tasks()}-low", RedrivePolicy=""), "queue {tasks}-low",
        "does not go to",
    ),
    "small messages only": (
        lambda: set_queue(tasks(), MaximumMessageSize="1024"), "queue {tasks}", "1,024 bytes",
    ),
    "S3 may not send": (
        lambda: set_queue(events(), Policy=""), "queue {events}", "does not let S3 send",
    ),
    "time to live off": (
        lambda: set_time_to_live(enabled=False), "table, time to live", "it is off",
    ),
}  # fmt: skip

WARNINGS: dict[str, tuple[Break, str, str]] = {
    "no forms": (
        lambda: cors(AllowedMethods=["GET", "HEAD", "PUT"]), "bucket, CORS", "may not POST",
    ),
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
    "messages are delayed": (
        lambda: set_queue(tasks(), DelaySeconds="30"), "queue {tasks}", "waits 30 s",
    ),
    "backups off": (turn_backups_off, "table, backups", "cannot be restored"),
    "an index has all attributes": (
        lambda: create_index("FolderNames", "nameKey"), "table, index FolderNames",
        "more attributes",
    ),
    "an index of an earlier version": (
        lambda: create_index("AllNames", "nameKey", hash_key="feed"), "table, index AllNames",
        "nothing reads it",
    ),
    "table unprotected": (unprotect_table, "table, deletion protection", "it is off"),
}  # fmt: skip

KEYS_ONLY = {"Projection": {"ProjectionType": "KEYS_ONLY"}}
#: Name -> what happened to a resource, and the subject of the first line that reports it. Each is
#: fixed by `provision --repair`.
LOST: dict[str, tuple[Break, str]] = {
    **{
        f"no index {name}": (lambda name=name: delete_index(name), f"table, index {name}")
        for name in ("FileNameIndex", "OwnerFeed", "FolderFeed", "FolderNames", "AllFeed")
    },
    "two indexes missing": (
        lambda: (delete_index("OwnerFeed"), delete_index("FolderNames")), "table, index OwnerFeed",
    ),
    "an index with another key": (
        lambda: create_index("FolderNames", "createdAt"), "table, index FolderNames",
    ),
    "an index without all attributes": (
        lambda: create_index("FolderNames", "nameKey", **KEYS_ONLY), "table, index FolderNames",
    ),
    "no events queue": (lambda: delete_queues(events()), "queue {events}"),
    "no tasks queue": (lambda: delete_queues(tasks()), "queue {tasks}"),
    "no queue of thumbnails": (lambda: delete_queues(f"{tasks()}-low"), "queue {tasks}-low"),
    "no dead-letter queue of events": (
        lambda: delete_queues(f"{events()}-dlq"), "queue {events}-dlq",
    ),
    "no dead-letter queue of tasks": (lambda: delete_queues(f"{tasks()}-dlq"), "queue {tasks}-dlq"),
    "no queues at all": (
        lambda: delete_queues(
            events(), tasks(), f"{events()}-dlq", f"{tasks()}-dlq", f"{tasks()}-low"
        ),
        "queue {events}-dlq",
    ),
    "no bucket": (delete_bucket, "bucket"),
    "no table": (delete_table, "table"),
}  # fmt: skip
