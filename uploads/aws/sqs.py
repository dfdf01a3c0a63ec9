"""The SQS gateway: the events queue, and how full every queue is. Celery talks to its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from uploads.aws import clients
from uploads.aws.errors import aws_errors
from uploads.core.conf import conf

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


def url(name: str) -> str:
    """The URL of a queue, looked up once in a process."""
    return _url(name, conf().region, conf().endpoint("sqs"))


@cache
def _url(name: str, region: str, endpoint: str | None) -> str:
    with aws_errors(f"SQS could not find the queue {name}."):
        return clients.sqs().get_queue_url(QueueName=name)["QueueUrl"]


def receive(name: str) -> list[Message]:
    """Wait for up to BATCH messages, at most POLL_SECONDS."""
    with aws_errors("SQS could not receive messages."):
        answer = clients.sqs(clients.POLL).receive_message(
            QueueUrl=url(name), MaxNumberOfMessages=BATCH, WaitTimeSeconds=clients.POLL_SECONDS
        )
    return [Message(m["Body"], m["ReceiptHandle"]) for m in answer.get("Messages", [])]


def delete(name: str, messages: list[Message]) -> int:
    """Delete up to BATCH messages in one call; returns how many SQS did not delete.

    Those come back after their visibility timeout, and confirming them again changes nothing.
    """
    with aws_errors("SQS could not delete messages."):
        answer = clients.sqs().delete_message_batch(
            QueueUrl=url(name),
            Entries=[
                {"Id": str(number), "ReceiptHandle": message.receipt}
                for number, message in enumerate(messages)
            ],
        )
    return len(answer.get("Failed", []))


def send_to_dead_letter_queue(name: str, body: str, error: str) -> None:
    """Put a message that nobody can process into `<name>-dlq`, with the reason beside it.

    Of the reason there is as much as the message leaves room for.
    """
    room = MAX_BYTES - len(body.encode()) - len("error") - len("String")
    reason = error[:MAX_REASON].encode()[: max(room, 0)].decode(errors="ignore")
    with aws_errors("SQS could not store a dead letter."):
        clients.sqs().send_message(
            QueueUrl=url(dead_letter_queue(name)),
            MessageBody=body,
            # SQS takes no empty value.
            MessageAttributes=(
                {"error": {"DataType": "String", "StringValue": reason}} if reason else {}
            ),
        )


def dead_letter_queue(name: str) -> str:
    """The name of a queue's dead-letter queue (infra/filehub.yaml)."""
    return f"{name}-dlq"


def depth(name: str) -> Depth:
    """How many messages a queue has. Receives nothing, so the queue is as it was."""
    with aws_errors(f"SQS could not count the messages in {name}."):
        found = clients.sqs().get_queue_attributes(
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
    for name in (conf().events_queue, conf().tasks_queue):
        with aws_errors(f"SQS could not reach the queue {name}."):
            clients.sqs().get_queue_attributes(QueueUrl=url(name), AttributeNames=["QueueArn"])
