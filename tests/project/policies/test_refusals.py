"""Each process is refused what it must not do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.policies import client, create_user, policies, signed_by
from uploads.core.conf import conf

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("aws")]

KEY = "uploads/0/no-such-file"
ID = {"id": {"S": "no-such-file"}}
THUMBNAIL = "thumbnails/no-such-file"


def s3(operation: str, **arguments: Any) -> Callable[[], Any]:
    return lambda: getattr(client("s3"), operation)(Bucket=conf().bucket, **arguments)


def table(operation: str, **arguments: Any) -> Callable[[], Any]:
    return lambda: getattr(client("dynamodb"), operation)(TableName=conf().table, **arguments)


def query(index: str, key: str) -> Callable[[], Any]:
    return table(
        "query",
        IndexName=index,
        KeyConditionExpression="#key = :value",
        ExpressionAttributeNames={"#key": key},
        ExpressionAttributeValues={":value": {"S": "nobody"}},
    )


def queue(operation: str, name: str, **arguments: Any) -> Callable[[], Any]:
    def call() -> Any:
        sqs = client("sqs")
        url = f"{conf().endpoint_url}/000000000000/{names()[name]}"
        return getattr(sqs, operation)(QueueUrl=url, **arguments)

    return call


def names() -> dict[str, str]:
    return {
        "events": conf().events_queue,
        "tasks": conf().tasks_queue,
        "events-dlq": f"{conf().events_queue}-dlq",
        "tasks-dlq": f"{conf().tasks_queue}-dlq",
        "low": conf().low_queue,
    }


def _deleted_together(key: str) -> None:
    """DeleteObjects reports a refusal for each key, in a response with status 200."""
    response = client("s3").delete_objects(Bucket=conf().bucket, Delete={"Objects": [{"Key": key}]})
    for error in response.get("Errors", ()):
        raise ClientError({"Error": {"Code": error["Code"]}}, "DeleteObjects")


QUEUE_OPERATIONS: dict[str, dict[str, Any]] = {
    # Otherwise an empty queue takes 20 s.
    "receive_message": {"WaitTimeSeconds": 0},
    "delete_message": {"ReceiptHandle": "x"},
    "change_message_visibility": {"ReceiptHandle": "x", "VisibilityTimeout": 0},
    "send_message": {"MessageBody": "x"},
    "get_queue_attributes": {"AttributeNames": ["QueueArn"]},
    "purge_queue": {},
    "delete_queue": {},
    "set_queue_attributes": {"Attributes": {"Policy": ""}},
}
#: Requests that change nothing, or nothing that matters, if one of them is allowed.
ATTEMPTS: dict[str, Callable[[], Any]] = {
    "s3:PutObject": s3("put_object", Key=KEY, Body=b""),
    "s3:PutObject elsewhere": s3("put_object", Key="elsewhere", Body=b""),
    "s3:GetObject": s3("get_object", Key=KEY),
    "s3:GetObject elsewhere": s3("get_object", Key="elsewhere"),
    "s3:DeleteObject": s3("delete_object", Key=KEY),
    "s3:DeleteObject elsewhere": s3("delete_object", Key="elsewhere"),
    "s3:PutObject of thumbnails": s3("put_object", Key=THUMBNAIL, Body=b""),
    "s3:GetObject of thumbnails": s3("get_object", Key=THUMBNAIL),
    "s3:DeleteObject of thumbnails": s3("delete_object", Key=THUMBNAIL),
    "s3:DeleteObject of many": lambda: _deleted_together(KEY),
    "s3:DeleteObject of many elsewhere": lambda: _deleted_together("elsewhere"),
    "s3:DeleteObjectVersion": s3("delete_object", Key=KEY, VersionId="null"),
    "s3:ListBucket": s3("list_objects_v2"),
    "s3:ListBucketMultipartUploads": s3("list_multipart_uploads"),
    "s3:ListMultipartUploadParts": s3("list_parts", Key=KEY, UploadId="x"),
    "s3:AbortMultipartUpload": s3("abort_multipart_upload", Key=KEY, UploadId="x"),
    "s3:DeleteBucket": s3("delete_bucket"),
    "s3:DeleteBucketPolicy": s3("delete_bucket_policy"),
    "s3:PutBucketPolicy": s3("put_bucket_policy", Policy="{}"),
    "s3:PutBucketPublicAccessBlock": s3("delete_public_access_block"),
    "s3:PutBucketCORS": s3("delete_bucket_cors"),
    "s3:PutLifecycleConfiguration": s3("delete_bucket_lifecycle"),
    "s3:PutBucketNotification": s3(
        "put_bucket_notification_configuration", NotificationConfiguration={}
    ),
    "s3:PutBucketVersioning": s3(
        "put_bucket_versioning", VersioningConfiguration={"Status": "Suspended"}
    ),
    "s3:GetBucketCORS": s3("get_bucket_cors"),
    "s3:GetBucketNotification": s3("get_bucket_notification_configuration"),
    "s3:ListAllMyBuckets": lambda: client("s3").list_buckets(),
    "dynamodb:GetItem": table("get_item", Key=ID),
    "dynamodb:BatchGetItem": lambda: client("dynamodb").batch_get_item(
        RequestItems={conf().table: {"Keys": [ID]}}
    ),
    "dynamodb:PutItem": table("put_item", Item=ID),
    "dynamodb:UpdateItem": table("update_item", Key=ID),
    "dynamodb:DeleteItem": table("delete_item", Key=ID),
    "dynamodb:BatchWriteItem": lambda: client("dynamodb").batch_write_item(
        RequestItems={conf().table: [{"DeleteRequest": {"Key": ID}}]}
    ),
    "dynamodb:Scan": table("scan"),
    "dynamodb:Query AllFeed": query("AllFeed", "feed"),
    "dynamodb:Query OwnerFeed": query("OwnerFeed", "ownerFeed"),
    "dynamodb:Query FileNameIndex": query("FileNameIndex", "originalFileName"),
    "dynamodb:Query FolderFeed": query("FolderFeed", "folderFeed"),
    "dynamodb:Query FolderNames": query("FolderNames", "folderFeed"),
    "dynamodb:DescribeTable": table("describe_table"),
    "dynamodb:DeleteTable": table("delete_table"),
    "dynamodb:UpdateTable": table("update_table", DeletionProtectionEnabled=False),
    "dynamodb:UpdateTimeToLive": table(
        "update_time_to_live",
        TimeToLiveSpecification={"AttributeName": "createdAt", "Enabled": True},
    ),
    "cloudwatch:GetMetricData": lambda: client("cloudwatch").get_metric_data(
        MetricDataQueries=[], StartTime=0, EndTime=1
    ),
    "cloudformation:DescribeStacks": lambda: client("cloudformation").describe_stacks(),
    "iam:ListUsers": lambda: client("iam").list_users(),
    **{
        f"{operation} {name}": queue(operation, name, **arguments)
        for operation, arguments in QUEUE_OPERATIONS.items()
        for name in ("events", "tasks", "events-dlq", "tasks-dlq", "low")
    },
}

_READ_QUEUES = {f"get_queue_attributes {name}" for name in ("events", "tasks")}
_READ_DLQS = {f"get_queue_attributes {name}" for name in ("events-dlq", "tasks-dlq")}
_PUBLISH = {"send_message tasks", "get_queue_attributes tasks"}
_PUBLISH_LOW = {"send_message low", "get_queue_attributes low"}
#: Only for folders, which the local AWS does not check (tests/project/test_template.py).
_DELETE_FOLDERS = {"dynamodb:DeleteItem"}
#: Written down here a second time, so that no one widens a policy by accident.
ALLOWED: dict[str, set[str]] = {
    "Web": {
        "s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:DeleteObject of many",
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload",
        "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem",
        "dynamodb:Query AllFeed", "dynamodb:Query OwnerFeed", "dynamodb:Query FileNameIndex",
        "dynamodb:Query FolderFeed", "dynamodb:Query FolderNames", *_DELETE_FOLDERS,
        "cloudwatch:GetMetricData", "send_message events", *_PUBLISH, *_READ_QUEUES, *_READ_DLQS,
        *_PUBLISH_LOW, "s3:GetObject of thumbnails", "s3:DeleteObject of thumbnails",
        *(f"{operation} {name}-dlq"
          for operation in ("receive_message", "delete_message", "change_message_visibility")
          for name in ("events", "tasks")),
    },
    "Consumer": {
        "receive_message events", "delete_message events", "send_message events-dlq", *_PUBLISH,
    },
    "Worker": {
        "s3:GetObject", "s3:DeleteObject", "s3:DeleteObject of many", "s3:ListBucket",
        "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem",
        "dynamodb:Query AllFeed", "dynamodb:Query FolderFeed", *_DELETE_FOLDERS,
        "receive_message tasks", "delete_message tasks", "change_message_visibility tasks",
        *_PUBLISH, *_PUBLISH_LOW, "receive_message low", "delete_message low",
        "change_message_visibility low", "s3:PutObject of thumbnails",
        "s3:DeleteObject of thumbnails",
    },
    "Beat": _PUBLISH,
    "Operator": {
        "s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:DeleteObject of many",
        "s3:ListBucket", "s3:GetBucketCORS", "s3:GetBucketNotification",
        "dynamodb:GetItem", "dynamodb:UpdateItem",
        "dynamodb:Query OwnerFeed", "dynamodb:DescribeTable", *_READ_QUEUES, *_READ_DLQS,
        "get_queue_attributes low", "s3:GetObject of thumbnails",
    },
    "Adoption": {
        "s3:PutObject", "s3:GetObject", "s3:ListBucket", "s3:ListBucketMultipartUploads",
        "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload", "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
    },
    "Maintenance": {"dynamodb:Scan", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"},
}  # fmt: skip


def is_refused(attempt: Callable[[], Any]) -> bool:
    try:
        attempt()
    except ClientError as exc:
        return exc.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException"}
    return False


def test_the_table_has_every_policy() -> None:
    assert set(policies()) == set(ALLOWED)


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(name, marks=[] if name in {"Web", "Consumer"} else pytest.mark.exhaustive)
        for name in ALLOWED
    ],
)
def test_a_process_may_do_its_own_work_and_nothing_else(policy: str) -> None:
    key = create_user(policies()[policy])
    allowed = ALLOWED[policy]
    with signed_by(key):
        refused = {name for name, attempt in ATTEMPTS.items() if is_refused(attempt)}
    assert set(ATTEMPTS) - refused == allowed
