"""The queues and their dead-letter queues. IAM: sqs:GetQueueUrl, sqs:GetQueueAttributes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from django.conf import settings

from uploads.aws import clients, sqs
from uploads.core.conf import conf
from uploads.core.limits import VISIBILITY_TIMEOUT
from uploads.operations.doctor import expected
from uploads.operations.doctor.finding import Finding, code_of, guarded
from uploads.operations.queue_status import KINDS, Kind, queue_name

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_MISSING = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}


@dataclass(frozen=True)
class Queue:
    """A queue as SQS describes it."""

    name: str
    url: str
    attributes: dict[str, str]

    @property
    def arn(self) -> str:
        return self.attributes["QueueArn"]

    def number(self, name: str) -> int:
        return int(self.attributes.get(name, 0))

    def set_to(self, **attributes: str) -> str:
        return expected.command(
            "sqs", "set-queue-attributes", queue_url=self.url, attributes=attributes
        )


class Queues:
    """Looks at all four; afterwards `events_arn` is known, if the events queue is there."""

    def __init__(self) -> None:
        self.events_arn: str | None = None

    def inspect(self) -> Iterator[Finding]:
        client = clients.sqs(clients.DIAGNOSIS)
        for kind in KINDS:
            name = queue_name(kind)
            if kind == "tasks" and not settings.CELERY_BROKER_URL.startswith("sqs:"):
                text = "not used: Celery's broker is another (CELERY_BROKER_URL)."
                yield Finding("skip", f"queue {name}", text)
                continue
            yield from guarded(f"queue {name}", partial(self._pair, client, kind, name))

    def _pair(self, client: SQSClient, kind: Kind, name: str) -> Iterator[Finding]:
        """A queue and its dead-letter queue."""
        live = _describe(client, name)
        dead = _describe(client, sqs.dead_letter_queue(name))
        for each, wanted_name in ((live, name), (dead, sqs.dead_letter_queue(name))):
            if each is None:
                yield Finding(
                    "FAIL", f"queue {wanted_name}", "it does not exist.",
                    "Are AWS_REGION and the queue's name (FILEHUB_…_QUEUE) right? If filehub was "
                    "never deployed here: python manage.py provision",
                )  # fmt: skip
        if live is not None:
            if kind == "events":
                self.events_arn = live.arn
            yield from _summed_up(live, [*_problems(live, dead, kind)])
        if dead is not None:
            yield from _summed_up(dead, [*_dead_letters(dead, kind)])


def _describe(client: SQSClient, name: str) -> Queue | None:
    try:
        url = client.get_queue_url(QueueName=name)["QueueUrl"]
        answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    except ClientError as exc:
        if code_of(exc) in _MISSING:
            return None
        raise
    return Queue(name, url, {str(key): value for key, value in answer["Attributes"].items()})


def _summed_up(queue: Queue, problems: list[Finding]) -> Iterator[Finding]:
    yield from problems
    if not problems:
        depth = queue.number("ApproximateNumberOfMessages")
        yield Finding("ok", f"queue {queue.name}", f"as it should be; about {depth} wait.")


def _problems(queue: Queue, dead: Queue | None, kind: Kind) -> Iterator[Finding]:
    subject = f"queue {queue.name}"
    yield from _sizes(queue)
    yield from _redrive(queue, dead, kind)
    hidden = queue.number("VisibilityTimeout")
    if kind == "tasks" and hidden <= settings.CELERY_TASK_TIME_LIMIT:
        yield Finding(
            "FAIL", subject,
            f"a task comes again after {hidden} s, while it may still run for "
            f"{settings.CELERY_TASK_TIME_LIMIT} s: it would run twice, and soon be a dead letter.",
            queue.set_to(VisibilityTimeout=str(VISIBILITY_TIMEOUT)),
        )  # fmt: skip
    if kind == "events":
        if hidden < expected.EVENTS_VISIBILITY:
            yield Finding(
                "FAIL", subject,
                f"an event comes again after {hidden} s, perhaps before its task is queued.",
                queue.set_to(VisibilityTimeout=str(expected.EVENTS_VISIBILITY)),
            )  # fmt: skip
        yield from _senders(queue)


def _sizes(queue: Queue) -> Iterator[Finding]:
    subject = f"queue {queue.name}"
    size = queue.number("MaximumMessageSize")
    if size < expected.MESSAGE_SIZE:
        yield Finding(
            "FAIL", subject, f"it refuses messages of more than {size:,} bytes.",
            queue.set_to(MaximumMessageSize="262144"),
        )  # fmt: skip
    kept = queue.number("MessageRetentionPeriod")
    if kept < expected.RETENTION:
        yield Finding(
            "warn", subject, f"messages are lost after {kept / 86400:.1f} days.",
            queue.set_to(MessageRetentionPeriod=str(expected.RETENTION)),
        )  # fmt: skip


def _redrive(queue: Queue, dead: Queue | None, kind: Kind) -> Iterator[Finding]:
    subject = f"queue {queue.name}"
    if dead is None:
        return
    receives = expected.EVENTS_RECEIVES if kind == "events" else expected.TASKS_RECEIVES
    policy = {"deadLetterTargetArn": dead.arn, "maxReceiveCount": receives}
    mend = queue.set_to(RedrivePolicy=json.dumps(policy))
    found = _json(queue.attributes.get("RedrivePolicy"))
    if found.get("deadLetterTargetArn") != dead.arn:
        text = f"what fails again and again does not go to {dead.name}."
        yield Finding("FAIL", subject, text, mend)
    elif int(found.get("maxReceiveCount", 0)) < receives:
        text = (
            f"it gives up after {found.get('maxReceiveCount')} receives, before a short outage "
            f"is over; {receives} are wanted."
        )
        yield Finding("warn", subject, text, mend)


def _senders(queue: Queue) -> Iterator[Finding]:
    """Whether S3 may send to the events queue, and can."""
    subject, bucket = f"queue {queue.name}", conf().bucket
    if queue.attributes.get("KmsMasterKeyId") == "alias/aws/sqs":
        yield Finding(
            "FAIL", subject, "S3 cannot use the key that it is encrypted with (alias/aws/sqs).",
            queue.set_to(KmsMasterKeyId="", SqsManagedSseEnabled="true"),
        )  # fmt: skip
    statements = _json(queue.attributes.get("Policy")).get("Statement", [])
    allowed = [each for each in _list(statements) if _allows_sending(each)]
    if any(_is_for(each, "s3.amazonaws.com") and _is_of(each, bucket) for each in allowed):
        return
    if any(_is_for(each, f"{way}.amazonaws.com") for each in allowed for way in ("sns", "events")):
        yield Finding(
            "warn", subject, "its policy lets SNS or EventBridge send, and S3 not.",
            "Right if events come that way; the round trip tells.",
        )  # fmt: skip
        return
    partition = queue.arn.split(":")[1]
    account = queue.arn.split(":")[4]
    # Without the template's Sid: a statement that was changed may have it, and it has to be unique.
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue.arn,
        "Condition": {
            "ArnEquals": {"aws:SourceArn": f"arn:{partition}:s3:::{bucket}"},
            "StringEquals": {"aws:SourceAccount": account},
        },
    }
    policy = {"Version": "2012-10-17", "Statement": [*_list(statements), statement]}
    yield Finding(
        "FAIL", subject, f"its policy does not let S3 send for {bucket}.",
        queue.set_to(Policy=json.dumps(policy)),
    )  # fmt: skip


def _allows_sending(statement: dict[str, Any]) -> bool:
    actions = {str(each).lower() for each in _list(statement.get("Action", []))}
    return statement.get("Effect") == "Allow" and bool(
        actions & {"*", "sqs:*", "sqs:sendmessage", "sqs:send*"}
    )


def _is_for(statement: dict[str, Any], service: str) -> bool:
    principal = statement.get("Principal")
    if isinstance(principal, dict):
        return service in _list(principal.get("Service", [])) or "*" in _list(
            principal.get("AWS", [])
        )
    return bool(principal == "*")


def _is_of(statement: dict[str, Any], bucket: str) -> bool:
    """Whether a condition on the source, if there is one, names the bucket."""
    conditions = [
        value
        for operator in statement.get("Condition", {}).values()
        for name, values in operator.items()
        if name.lower() == "aws:sourcearn"
        for value in _list(values)
    ]
    return not conditions or any(
        str(value).endswith((f":{bucket}", ":*", "*")) for value in conditions
    )


def _dead_letters(queue: Queue, kind: Kind) -> Iterator[Finding]:
    yield from _sizes(queue)
    waiting = queue.number("ApproximateNumberOfMessages") + queue.number(
        "ApproximateNumberOfMessagesNotVisible"
    )
    if waiting:
        yield Finding(
            "FAIL", f"queue {queue.name}", f"about {waiting} were given up and wait here.",
            "The admin (/admin/, Queues) says why. When the cause is gone: "
            f"python manage.py redrive --queue {kind}",
        )  # fmt: skip


def _json(text: str | None) -> dict[str, Any]:
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {}


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]
