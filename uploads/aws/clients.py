"""The factory of all AWS clients, with time-outs for each use.

boto3's clients are thread-safe and expensive to create, so each process has one per service,
region, endpoint and set of time-outs. Within a web request, `uploads.aws.time_limit` shortens them.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import botocore
import botocore.session
from botocore.config import Config
from botocore.loaders import create_loader

from uploads.aws import connections, credentials, time_limit, traces
from uploads.core.conf import conf

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True)
class Timeouts:
    """Seconds to connect and to wait for a response, and the total number of attempts."""

    connect: float
    read: float
    attempts: int

    def as_config(self) -> dict[str, Any]:
        """The keyword arguments for botocore's Config."""
        return {
            "connect_timeout": self.connect,
            "read_timeout": self.read,
            "retries": {"mode": "standard", "total_max_attempts": self.attempts},
        }


#: SQS's longest poll in seconds, for the fewest empty receives.
POLL_SECONDS = 20
#: Seconds to connect: a lost packet is sent again after one second.
CONNECT = 2

#: Requests and tasks: fail in seconds, not minutes. Tasks are retried anyway.
STANDARD = Timeouts(connect=CONNECT, read=20, attempts=4)
#: SQS responds quickly, except to a long poll.
QUEUE = Timeouts(connect=CONNECT, read=8, attempts=3)
#: A long poll. The caller retries after its own pause.
POLL = Timeouts(connect=5, read=POLL_SECONDS + 5, attempts=1)
#: DynamoDB: small items.
TABLE = Timeouts(connect=CONNECT, read=10, attempts=5)
#: kombu acknowledges from the worker's only loop, and the consumer queues tasks between polls.
#: Neither may hang for minutes, as botocore's defaults allow.
BROKER = Timeouts(connect=CONNECT, read=5, attempts=3)
#: For optional data that is not worth a wait. A web request waits OPTIONAL_SECONDS in total.
OPTIONAL_SECONDS = 1.5
OPTIONAL = Timeouts(connect=CONNECT, read=3, attempts=1)
#: For `doctor`, which expects services not to respond.
DIAGNOSIS = Timeouts(connect=3, read=10, attempts=2)
#: Copies inside S3, which sends white space while a large one takes its time. More attempts than
#: usual, because many copies at once are throttled.
COPY = Timeouts(connect=CONNECT, read=120, attempts=8)
#: For deployment commands: botocore's defaults.
DEPLOYMENT = Timeouts(connect=60, read=60, attempts=3)

#: Requests to S3 that a process may send at the same time without opening connections for them:
#: the web process has 20 threads, and a worker inspects 16 objects (`uploads.ingest.observe`).
S3_CONNECTIONS = 24

connections.attach()
# PynamoDB and kombu create sessions of their own.
botocore.register_initializer(time_limit.attach)
botocore.register_initializer(credentials.attach)
botocore.register_initializer(traces.attach)


def s3(timeouts: Timeouts = STANDARD) -> S3Client:
    client: S3Client = _client("s3", timeouts)
    return client


def sqs(timeouts: Timeouts = QUEUE) -> SQSClient:
    client: SQSClient = _client("sqs", timeouts)
    return client


def dynamodb(timeouts: Timeouts = TABLE) -> DynamoDBClient:
    client: DynamoDBClient = _client("dynamodb", timeouts)
    return client


def cloudformation() -> CloudFormationClient:
    client: CloudFormationClient = _client("cloudformation", DEPLOYMENT)
    return client


def cloudwatch() -> Any:
    return _client("cloudwatch", OPTIONAL)


def guardduty(timeouts: Timeouts = STANDARD) -> Any:
    return _client("guardduty", timeouts)


def sts() -> Any:
    return _client("sts", DIAGNOSIS)


def _client(service: str, timeouts: Timeouts) -> Any:
    return _make(service, conf().region, conf().endpoint(service), timeouts)


def ca_bundle() -> str | None:
    """The file with the CA certificates for AWS, as botocore finds it; None for the usual ones.

    botocore uses it by itself. This is for requests to AWS that other libraries send. Sources: the
    variable AWS_CA_BUNDLE, `ca_bundle` in AWS's configuration file, then REQUESTS_CA_BUNDLE.
    """
    configured = botocore.session.get_session().get_config_variable("ca_bundle")
    return configured or os.environ.get("REQUESTS_CA_BUNDLE") or None


# Creating clients from one session is not thread-safe.
# https://boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html
_lock = threading.Lock()


@cache
def _make(service: str, region: str, endpoint: str | None, timeouts: Timeouts) -> Any:
    config = Config(**timeouts.as_config())
    if service == "s3":
        config = config.merge(Config(signature_version="s3v4", max_pool_connections=S3_CONNECTIONS))
    with _lock:
        return session(region).client(service, endpoint_url=endpoint, config=config)  # type: ignore[call-overload]


@cache
def session(region: str) -> boto3.Session:
    """The session of all clients in a region. It loads the credentials once and refreshes them."""
    return boto3.Session(region_name=region)


def _share_loader(session: botocore.session.Session) -> None:
    session.register_component("data_loader", _loader)


#: Reads botocore's descriptions of services, and keeps them in memory. PynamoDB creates a session
#: for each model: with a loader each, they would read and keep the description of DynamoDB again,
#: about 12 MB for each model.
_loader = create_loader(os.environ.get("AWS_DATA_PATH"))
botocore.register_initializer(_share_loader)
