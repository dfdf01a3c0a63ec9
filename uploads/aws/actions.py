"""The IAM action that a request needs, to name it when it is missing (pure).

https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from __future__ import annotations

import re
from functools import cache

import botocore.session
from botocore.exceptions import ClientError

#: Operations whose action has another name.
_ODD = {
    "HeadObject": "s3:GetObject",
    "HeadBucket": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "ListParts": "s3:ListMultipartUploadParts",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "UploadPartCopy": "s3:PutObject",
    "CopyObject": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "DeleteObjects": "s3:DeleteObject",
    "GetBucketCors": "s3:GetBucketCORS",
    "PutBucketCors": "s3:PutBucketCORS",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "PutBucketNotificationConfiguration": "s3:PutBucketNotification",
    "GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "SendMessageBatch": "sqs:SendMessage",
    "DeleteMessageBatch": "sqs:DeleteMessage",
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "TransactGetItems": "dynamodb:GetItem",
    "TransactWriteItems": "dynamodb:UpdateItem",
}
_SERVICES = ("s3", "sqs", "dynamodb", "sts", "cloudwatch", "cloudformation", "guardduty")
#: AWS names the action in most of its messages.
_NAMED = re.compile(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z]+)")


def missing_action(exc: ClientError) -> str:
    """The action that a refused request lacks, such as `s3:GetObject`.

    Taken from AWS's message, which is right also where a request needs several actions; otherwise
    from the operation, since S3 does not always explain itself, and never to a HEAD request.
    """
    named = _NAMED.search(str(exc.response.get("Error", {}).get("Message", "")))
    return named[1] if named else action_of(exc.operation_name)


def action_of(operation: str) -> str:
    """The action for an operation as botocore names it, such as `HeadObject`."""
    if operation in _ODD:
        return _ODD[operation]
    for service in _SERVICES:
        if operation in _operations(service):
            return f"{service}:{operation}"
    return operation


@cache
def _operations(service: str) -> frozenset[str]:
    return frozenset(botocore.session.get_session().get_service_model(service).operation_names)
