"""The SQS gateway: the events queue, and how full every queue is. Celery talks to its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from uploads.core.conf import env
from uploads.core.errors import BackendUnavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: The longest poll that SQS offers: the fewest empty receives.
WAIT_SECONDS = 20
#: The most messages that one call can carry.
BATCH = 10
#: What SQS takes as one message: its body, and the names, types and values of its attributes.
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MAX_BYTES = 1_048_576
#: Characters of the reason why a message was given up.
MAX_REASON = 512


@dataclass(frozen=True)
class Message:
    """A message in hand. It stays in the queue until it is deleted by its receipt."""

    body: str
    receipt: str


@dataclass(frozen=True)
class Depth:
    """How many messages a queue has; SQS counts approximately, and up to a minute late."""

    #: Anybody may receive these now.
    visible: int
    #: Received by somebody, and neither deleted nor visible again.
    in_flight: int
    #: Sent with a delay that has not passed.
    delayed: int

    @property
    def total(self) -> int:
        return self.visible + self.in_flight + self.delayed


@cache
def client() -> SQSClient:
    """One client per process, for everything but long polls. Fails in seconds."""
    return _new_client(read_timeout=8, attempts=3)


@cache
def _polling_client() -> SQSClient:
    """The client for long polls. Its caller polls again anyway, after a pause."""
    return _new_client(read_timeout=WAIT_SECONDS + 5, attempts=1)


def _new_client(*, read_timeout: int, attempts: int) -> SQSClient:
    return boto3.client(
        "sqs",
        region_name=env().aws_region,
        endpoint_url=env().endpoint("sqs"),
        config=Config(
            connect_timeout=5,
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": attempts},
        ),
    )


@contextmanager
def sqs_errors(doing: str) -> Iterator[None]:
    """Turn any failure of SQS into one BackendUnavailable with its cause."""
    try:
        yield
    except (BotoCoreError, ClientError) as exc:
        raise BackendUnavailable(f"SQS could not {doing}. Try again in a moment.") from exc


@cache
def url(name: str) -> str:
    """The URL of a queue."""
    with sqs_errors(f"find the queue {name}"):
        return client().get_queue_url(QueueName=name)["QueueUrl"]


def receive(name: str) -> list[Message]:
    """Wait for up to BATCH messages, at most WAIT_SECONDS."""
    with sqs_errors("receive messages"):
        answer = _polling_client().receive_message(
            QueueUrl=url(name), MaxNumberOfMessages=BATCH, WaitTimeSeconds=WAIT_SECONDS
        )
    return [Message(m["Body"], m["ReceiptHandle"]) for m in answer.get("Messages", [])]


def delete(name: str, messages: list[Message]) -> int:
    """Delete up to BATCH messages in one call; returns how many SQS did not delete.

    Those come back after their visibility timeout, and confirming them again changes nothing.
    """
    with sqs_errors("delete messages"):
        answer = client().delete_message_batch(
            QueueUrl=url(name),
            Entries=[
                {"Id": str(number), "ReceiptHandle": message.receipt}
                for number, message in enumerate(messages)
            ],
        )
    return len(answer.get("Failed", []))


def send_to_dead_letters(name: str, body: str, error: str) -> None:
    """Put a message that nobody can process into `<name>-dlq`, with the reason beside it.

    Of the reason there is as much as the message leaves room for.
    """
    room = MAX_BYTES - len(body.encode()) - len("error") - len("String")
    reason = error[:MAX_REASON].encode()[: max(room, 0)].decode(errors="ignore")
    with sqs_errors("store a dead letter"):
        client().send_message(
            QueueUrl=url(dead_letters_of(name)),
            MessageBody=body,
            # SQS takes no empty value.
            MessageAttributes=(
                {"error": {"DataType": "String", "StringValue": reason}} if reason else {}
            ),
        )


def dead_letters_of(name: str) -> str:
    """The name of a queue's dead-letter queue (infra/filehub.yaml)."""
    return f"{name}-dlq"


def depth(name: str) -> Depth:
    """How many messages a queue has. Receives nothing, so the queue is as it was."""
    with sqs_errors(f"count the messages in {name}"):
        found = client().get_queue_attributes(
            QueueUrl=url(name),
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ],
        )["Attributes"]
    return Depth(
        int(found["ApproximateNumberOfMessages"]),
        int(found["ApproximateNumberOfMessagesNotVisible"]),
        int(found["ApproximateNumberOfMessagesDelayed"]),
    )


def ping() -> None:
    """Raise BackendUnavailable unless both queues can be reached."""
    for name in (env().filehub_events_queue, env().filehub_tasks_queue):
        with sqs_errors(f"reach the queue {name}"):
            client().get_queue_attributes(QueueUrl=url(name), AttributeNames=["QueueArn"])
