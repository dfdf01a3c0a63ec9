"""The IAM action of each request, and the one that AWS names when it refuses a request."""

from __future__ import annotations

import re

import pytest
from botocore.exceptions import ClientError

from tests.support.local_aws import TEMPLATE
from uploads.aws.actions import action_of, missing_action

ACTIONS = {
    "HeadObject": "s3:GetObject",
    "HeadBucket": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "ListParts": "s3:ListMultipartUploadParts",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "CreateMultipartUpload": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "PutObject": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
    "GetBucketCors": "s3:GetBucketCORS",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "GetBucketVersioning": "s3:GetBucketVersioning",
    "GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "SendMessage": "sqs:SendMessage",
    "SendMessageBatch": "sqs:SendMessage",
    "ReceiveMessage": "sqs:ReceiveMessage",
    "DeleteMessageBatch": "sqs:DeleteMessage",
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "GetQueueUrl": "sqs:GetQueueUrl",
    "GetQueueAttributes": "sqs:GetQueueAttributes",
    "GetItem": "dynamodb:GetItem",
    "BatchGetItem": "dynamodb:BatchGetItem",
    "Query": "dynamodb:Query",
    "UpdateItem": "dynamodb:UpdateItem",
    "DescribeTable": "dynamodb:DescribeTable",
    "DescribeTimeToLive": "dynamodb:DescribeTimeToLive",
    "DescribeContinuousBackups": "dynamodb:DescribeContinuousBackups",
    "GetMetricData": "cloudwatch:GetMetricData",
}


@pytest.mark.parametrize(("operation", "action"), ACTIONS.items())
def test_each_operation_has_the_action_that_the_policies_grant(operation: str, action: str) -> None:
    assert action_of(operation) == action
    assert re.search(rf"\b{action}\b", TEMPLATE.read_text())


def test_an_unknown_operation_is_named_itself() -> None:
    assert action_of("DoSomethingNew") == "DoSomethingNew"


ARN = "arn:aws:sts::123456789012:assumed-role/web/i-1"
MESSAGES = {
    "DynamoDB": (
        f"User: {ARN} is not authorized to perform: dynamodb:PutItem on resource: t because no "
        "identity-based policy allows the dynamodb:PutItem action",
        "dynamodb:PutItem",
    ),
    "SQS": (f"User: {ARN} is not authorized to perform: sqs:sendmessage on r", "sqs:sendmessage"),
    "KMS": (f"User: {ARN} is not authorized to perform: kms:Decrypt on resource", "kms:Decrypt"),
    "S3 without a reason": ("Access Denied", "s3:GetObject"),
    "HEAD": ("Forbidden", "s3:GetObject"),
    "nothing": ("", "s3:GetObject"),
}


@pytest.mark.parametrize(("message", "action"), MESSAGES.values(), ids=MESSAGES.keys())
def test_the_action_that_aws_names_comes_first(message: str, action: str) -> None:
    response = {"Error": {"Code": "AccessDenied", "Message": message}}
    assert missing_action(ClientError(response, "HeadObject")) == action  # type: ignore[arg-type]
