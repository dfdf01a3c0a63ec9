"""The settings that name filehub's resources on AWS: a part of `uploads.core.conf.Conf`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, Field

from uploads.core.setting_values import (
    BUCKET_NAME,
    PREFIX,
    QUEUE_NAME,
    REGION,
    TABLE_NAME,
    Endpoint,
    boto3_region,
    dns_suffix,
)

DEFAULT_PREFIX = "filehub"


def _prefixed(name: str, *, without_prefix: str = "") -> Callable[[dict[str, Any]], str]:
    """Make a default name of the prefix, which is validated before."""

    def default(values: dict[str, Any]) -> str:
        prefix = values.get("prefix", DEFAULT_PREFIX)
        return without_prefix if without_prefix and prefix == DEFAULT_PREFIX else f"{prefix}-{name}"

    return default


class AwsConf(BaseModel):
    """Where the bucket, the queues and the table are, and how browsers reach the bucket."""

    region: str = Field(
        default_factory=boto3_region,
        pattern=f"^{REGION}$",
        description=(
            "AWS region of the bucket, queues and table. Unset: boto3's own "
            "(`AWS_DEFAULT_REGION`, then the AWS profile), else `us-east-1`."
        ),
    )
    endpoint_url: Endpoint = Field(
        None, description="Endpoint of all AWS services, for a local AWS. Unset: AWS itself."
    )
    endpoint_url_s3: Endpoint = Field(
        None, description="Endpoint of S3 only. Browsers must be able to reach it."
    )
    endpoint_url_sqs: Endpoint = Field(None, description="Endpoint of SQS only.")
    endpoint_url_dynamodb: Endpoint = Field(None, description="Endpoint of DynamoDB only.")

    prefix: str = Field(
        DEFAULT_PREFIX,
        pattern=f"^{PREFIX}$",
        description=(
            "Begins the default names of the stack, bucket, queues and table, so that several "
            "installations fit into one account."
        ),
    )
    bucket: str = Field(
        default_factory=_prefixed("uploads"),
        pattern=f"^{BUCKET_NAME}$",
        description="Bucket that holds the files. Unset: `<FILEHUB_PREFIX>-uploads`.",
    )
    table: str = Field(
        # The default of the first installations had no prefix.
        default_factory=_prefixed("files", without_prefix="files"),
        pattern=f"^{TABLE_NAME}$",
        description=(
            "DynamoDB table that holds the records. Unset: `files`, or with a prefix of your own "
            "`<FILEHUB_PREFIX>-files`."
        ),
    )
    events_queue: str = Field(
        default_factory=_prefixed("events"),
        pattern=f"^{QUEUE_NAME}$",
        description=(
            "Queue of S3's notifications; its dead-letter queue is `<name>-dlq`. "
            "Unset: `<FILEHUB_PREFIX>-events`."
        ),
    )
    tasks_queue: str = Field(
        default_factory=_prefixed("tasks"),
        pattern=f"^{QUEUE_NAME}$",
        description=(
            "Queue of Celery's tasks; its dead-letter queue is `<name>-dlq`, and the queue of "
            "low-priority tasks `<name>-low`. Unset: `<FILEHUB_PREFIX>-tasks`."
        ),
    )

    def endpoint(self, service: str) -> str | None:
        """The endpoint URL of a service, such as `s3`; None for AWS itself."""
        specific: str | None = getattr(self, f"endpoint_url_{service}", None)
        return specific or self.endpoint_url

    @property
    def low_queue(self) -> str:
        """The queue of low-priority tasks, such as thumbnails."""
        return f"{self.tasks_queue}-low"

    @property
    def s3_path_style(self) -> bool:
        """Whether the bucket is part of the URL's path instead of its host name.

        A custom endpoint has no DNS entry per bucket, and AWS's wildcard certificate does not
        cover bucket names with dots.
        """
        return bool(self.endpoint("s3")) or "." in self.bucket

    @property
    def s3_url(self) -> str:
        """The URL of S3, including its region.

        botocore omits the region in us-east-1; the pages' Content-Security-Policy would then name a
        different host.
        """
        return self.endpoint("s3") or f"https://s3.{self.region}.{dns_suffix(self.region)}"

    @property
    def s3_bucket_url(self) -> str:
        """The URL of the bucket as a browser sees it, without a trailing slash."""
        if self.s3_path_style:
            return f"{self.s3_url}/{self.bucket}"
        return self.s3_url.replace("://", f"://{self.bucket}.", 1)

    @property
    def s3_origin(self) -> str:
        """The origin of the bucket, as a Content-Security-Policy names it."""
        parts = urlsplit(self.s3_bucket_url)
        return f"{parts.scheme}://{parts.netloc}"
