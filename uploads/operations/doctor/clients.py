"""boto3's clients, impatient: who asks what is broken does not want to wait for it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from uploads.core.conf import env

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

_CONFIG = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2}
)


@cache
def _client(service: str, region: str, endpoint: str | None, signature: str) -> Any:
    config = _CONFIG.merge(Config(signature_version=signature))
    return boto3.client(service, region_name=region, endpoint_url=endpoint, config=config)  # type: ignore[call-overload]


def s3() -> S3Client:
    client: S3Client = _client("s3", env().aws_region, env().endpoint("s3"), "s3v4")
    return client


def sqs() -> SQSClient:
    client: SQSClient = _client("sqs", env().aws_region, env().endpoint("sqs"), "v4")
    return client


def dynamodb() -> DynamoDBClient:
    client: DynamoDBClient = _client("dynamodb", env().aws_region, env().endpoint("dynamodb"), "v4")
    return client


def sts() -> Any:
    return _client("sts", env().aws_region, env().aws_endpoint_url, "v4")
