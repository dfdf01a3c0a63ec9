"""The SQS gateway: the events queue, and the depth of every queue. Celery has its own access."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from uploads.aws import clients
from uploads.aws.errors import aws_errors
from uploads.core.conf import conf

#: The maximum number of messages per call.
BATCH = 10
#: The maximum message size: the body, and the names, types and values of the attributes.
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MAX_BYTES = 1_048_576
#: The maximum length of a dead letter's reason, in characters.
MAX_REASON = 512


@dataclass(frozen=True)
class Message:
    """A received message. It stays in the queue until it is deleted by its receipt handle."""

    body: str
    receipt: str
    id: str


@dataclass(frozen=True)
class Depth:
    """How many messages a queue has. SQS counts approximately and up to a minute late."""

    #: Ready to be received.
    visible: int
    #: Received, and neither deleted nor visible again.
    in_flight: int
    #: Sent with a delay that has not elapsed.
    delayed: int

    @property
    def total(self) -> int:
        return self.visible + self.in_flight + self.delayed


def url(name: str) -> str:
    """The URL of a queue, looked up once per process."""
    return _url(name, conf().region, conf().endpoint("sqs"))


@cache
def _url(name: str, region: str, endpoint: str | None) -> str:
    with aws_errors(f"SQS could not find the queue {name}."):
        return clients.sqs().get_queue_url(QueueName=name)["QueueUrl"]


def receive(name: str) -> list[Message]:
    """Wait at most POLL_SECONDS for messages; return up to BATCH of them."""
    return _receive(name, clients.POLL, clients.POLL_SECONDS)


def receive_more(name: str) -> list[Message]:
    """Return up to BATCH messages that are there already, without waiting."""
    return _receive(name, clients.OPTIONAL, 0)


def _receive(name: str, timeouts: clients.Timeouts, wait: int) -> list[Message]:
    with aws_errors("SQS could not receive messages."):
        response = clients.sqs(timeouts).receive_message(
            QueueUrl=url(name), MaxNumberOfMessages=BATCH, WaitTimeSeconds=wait
        )
    return [
        Message(m["Body"], m["ReceiptHandle"], m["MessageId"]) for m in response.get("Messages", [])
    ]


def delete(name: str, messages: list[Message]) -> int:
    """Delete messages, BATCH of them in one call; return how many SQS did not delete.

    Those reappear after their visibility timeout. Processing them again changes nothing. Raises
    BackendUnavailable; the messages before the failed call have been deleted then.
    """
    return sum(
        _delete(name, messages[start : start + BATCH]) for start in range(0, len(messages), BATCH)
    )


def _delete(name: str, messages: list[Message]) -> int:
    with aws_errors("SQS could not delete messages."):
        response = clients.sqs().delete_message_batch(
            QueueUrl=url(name),
            Entries=[
                {"Id": str(number), "ReceiptHandle": message.receipt}
                for number, message in enumerate(messages)
            ],
        )
    return len(response.get("Failed", []))


def send_to_dead_letter_queue(name: str, body: str, error: str) -> None:
    """Send a message that cannot be processed to `<name>-dlq`, with the reason as an attribute.

    The reason is truncated to the space that the body leaves.
    """
    room = MAX_BYTES - len(body.encode()) - len("error") - len("String")
    reason = error[:MAX_REASON].encode()[: max(room, 0)].decode(errors="ignore")
    with aws_errors("SQS could not store a dead letter."):
        clients.sqs().send_message(
            QueueUrl=url(dead_letter_queue(name)),
            MessageBody=body,
            # SQS does not accept empty values.
            MessageAttributes=(
                {"error": {"DataType": "String", "StringValue": reason}} if reason else {}
            ),
        )


def dead_letter_queue(name: str) -> str:
    """The name of a queue's dead-letter queue (infra/filehub.yaml)."""
    return f"{name}-dlq"


def depth(name: str) -> Depth:
    """Count the messages in a queue without receiving any."""
    with aws_errors(f"SQS could not count the messages in {name}."):
        counts = clients.sqs().get_queue_attributes(
            QueueUrl=url(name),
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ],
        )["Attributes"]
    return Depth(
        int(counts["ApproximateNumberOfMessages"]),
        int(counts["ApproximateNumberOfMessagesNotVisible"]),
        int(counts["ApproximateNumberOfMessagesDelayed"]),
    )


def ping(name: str) -> None:
    """Raise BackendUnavailable unless the queue can be reached."""
    with aws_errors(f"SQS could not reach the queue {name}."):
        clients.sqs().get_queue_attributes(QueueUrl=url(name), AttributeNames=["QueueArn"])
