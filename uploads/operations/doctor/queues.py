"""Check the queues and dead-letter queues. IAM: sqs:GetQueueUrl, sqs:GetQueueAttributes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from uploads.aws import clients, sqs
from uploads.core.conf import conf
from uploads.core.limits import VISIBILITY_TIMEOUT
from uploads.operations.doctor import expected
from uploads.operations.doctor.call import Call
from uploads.operations.doctor.finding import Finding, code_of, guarded
from uploads.operations.queue_status import KINDS, Kind, queue_name
from uploads.worker.configuration import TASK_TIME_LIMIT

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: Error codes for a queue that does not exist.
MISSING = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}


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

    def fix(self, **attributes: str) -> tuple[str, tuple[Call, ...]]:
        """How to set these attributes, as a command and as requests."""
        call = Call("sqs", "set_queue_attributes", {"QueueUrl": self.url, "Attributes": attributes})
        return str(call), (call,)


class Queues:
    """Checks all queues. `inspect` sets `events_arn` if the events queue exists."""

    def __init__(self) -> None:
        self.events_arn: str | None = None

    def inspect(self) -> Iterator[Finding]:
        client = clients.sqs(clients.DIAGNOSIS)
        for kind in KINDS:
            name = queue_name(kind)
            yield from guarded(f"queue {name}", partial(self._pair, client, kind, name))
        if conf().uses_low_queue:
            yield from guarded(f"queue {conf().low_queue}", partial(_low, client))

    def _pair(self, client: SQSClient, kind: Kind, name: str) -> Iterator[Finding]:
        """Check a queue and its dead-letter queue."""
        live = _describe(client, name)
        dead = _describe(client, sqs.dead_letter_queue(name))
        if dead is None:
            yield _missing(sqs.dead_letter_queue(name), (_create_dead_letter_queue(name),))
        if live is None:
            # It refers to its dead-letter queue, which must exist first.
            yield _missing(name, (_create(name, kind, dead),) if dead else ())
        if live is not None:
            if kind == "events":
                self.events_arn = live.arn
            yield from _with_summary(live, [*_problems(live, dead, kind)])
        if dead is not None:
            yield from _with_summary(dead, [*_dead_letters(dead, kind)])


def _low(client: SQSClient) -> Iterator[Finding]:
    """Check the queue of low-priority tasks. Its dead letters go where those of all tasks do."""
    name = conf().low_queue
    live = _describe(client, name)
    dead = _describe(client, sqs.dead_letter_queue(conf().tasks_queue))
    if live is None:
        yield _missing(name, (_create(name, "tasks", dead),) if dead else ())
    else:
        yield from _with_summary(live, [*_problems(live, dead, "tasks")])


def _missing(name: str, calls: tuple[Call, ...]) -> Finding:
    return Finding(
        "FAIL", f"queue {name}", "it does not exist.",
        "Check AWS_REGION and the queue's name (FILEHUB_…_QUEUE). If filehub was never deployed "
        f"here, or the queue was deleted: {expected.REPAIR}",
        calls,
    )  # fmt: skip


def _create_dead_letter_queue(name: str) -> Call:
    attributes = {
        "MessageRetentionPeriod": str(expected.RETENTION),
        "SqsManagedSseEnabled": "true",
    }
    return _create_call(sqs.dead_letter_queue(name), attributes)


def _create(name: str, kind: Kind, dead: Queue) -> Call:
    """A queue as in the template, without the policy of the events queue, which is set later."""
    seconds = expected.EVENTS_VISIBILITY if kind == "events" else VISIBILITY_TIMEOUT
    attributes = {
        "MessageRetentionPeriod": str(expected.RETENTION),
        "SqsManagedSseEnabled": "true",
        "VisibilityTimeout": str(seconds),
        "ReceiveMessageWaitTimeSeconds": str(expected.WAIT),
        "RedrivePolicy": _redrive_policy(dead, kind),
    }
    return _create_call(name, attributes)


def _create_call(name: str, attributes: dict[str, str]) -> Call:
    return Call("sqs", "create_queue", {"QueueName": name, "Attributes": attributes})


def _describe(client: SQSClient, name: str) -> Queue | None:
    try:
        url = client.get_queue_url(QueueName=name)["QueueUrl"]
        response = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    except ClientError as exc:
        if code_of(exc) in MISSING:
            return None
        raise
    return Queue(name, url, {str(key): value for key, value in response["Attributes"].items()})


def _with_summary(queue: Queue, problems: list[Finding]) -> Iterator[Finding]:
    """The problems, or one line that says that the queue is fine."""
    yield from problems
    if not problems:
        depth = queue.number("ApproximateNumberOfMessages")
        yield Finding(
            "ok", f"queue {queue.name}", f"configured correctly; about {depth} messages waiting."
        )


def _problems(queue: Queue, dead: Queue | None, kind: Kind) -> Iterator[Finding]:
    subject = f"queue {queue.name}"
    yield from _sizes(queue)
    yield from _redrive(queue, dead, kind)
    delay = queue.number("DelaySeconds")
    if delay:
        yield Finding(
            "warn", subject, f"each message waits {delay} s before it is received.",
            *queue.fix(DelaySeconds="0"),
        )  # fmt: skip
    hidden = queue.number("VisibilityTimeout")
    if kind == "tasks" and hidden <= TASK_TIME_LIMIT:
        yield Finding(
            "FAIL", subject,
            f"a task is redelivered after {hidden} s but may run for "
            f"{TASK_TIME_LIMIT} s: it may run twice, and become a dead letter.",
            *queue.fix(VisibilityTimeout=str(VISIBILITY_TIMEOUT)),
        )  # fmt: skip
    if kind == "events":
        if hidden < expected.EVENTS_VISIBILITY:
            yield Finding(
                "FAIL", subject,
                f"an event is redelivered after {hidden} s, perhaps before its task is queued.",
                *queue.fix(VisibilityTimeout=str(expected.EVENTS_VISIBILITY)),
            )  # fmt: skip
        yield from _senders(queue)


def _sizes(queue: Queue) -> Iterator[Finding]:
    subject = f"queue {queue.name}"
    size = queue.number("MaximumMessageSize")
    if size < expected.MESSAGE_SIZE:
        yield Finding(
            "FAIL", subject, f"it rejects messages larger than {size:,} bytes.",
            *queue.fix(MaximumMessageSize="262144"),
        )  # fmt: skip
    retention = queue.number("MessageRetentionPeriod")
    if retention < expected.RETENTION:
        yield Finding(
            "warn", subject, f"messages are lost after {retention / 86400:.1f} days.",
            *queue.fix(MessageRetentionPeriod=str(expected.RETENTION)),
        )  # fmt: skip


def _receives(kind: Kind) -> int:
    return expected.EVENTS_RECEIVES if kind == "events" else expected.TASKS_RECEIVES


def _redrive_policy(dead: Queue, kind: Kind) -> str:
    return json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": _receives(kind)})


def _redrive(queue: Queue, dead: Queue | None, kind: Kind) -> Iterator[Finding]:
    subject = f"queue {queue.name}"
    if dead is None:
        return
    receives = _receives(kind)
    fix = queue.fix(RedrivePolicy=_redrive_policy(dead, kind))
    current = _json(queue.attributes.get("RedrivePolicy"))
    if current.get("deadLetterTargetArn") != dead.arn:
        text = f"a message that keeps failing does not go to {dead.name}."
        yield Finding("FAIL", subject, text, *fix)
    elif int(current.get("maxReceiveCount", 0)) < receives:
        text = (
            f"it gives up after {current.get('maxReceiveCount')} receives, too early to survive a "
            f"short outage; set {receives}."
        )
        yield Finding("warn", subject, text, *fix)


def _senders(queue: Queue) -> Iterator[Finding]:
    """Check that S3 can and may send to the events queue."""
    subject, bucket = f"queue {queue.name}", conf().bucket
    if queue.attributes.get("KmsMasterKeyId") == "alias/aws/sqs":
        yield Finding(
            "FAIL", subject, "S3 cannot use its encryption key (alias/aws/sqs).",
            *queue.fix(KmsMasterKeyId="", SqsManagedSseEnabled="true"),
        )  # fmt: skip
    statements = _json(queue.attributes.get("Policy")).get("Statement", [])
    allowed = [item for item in _list(statements) if _allows_sending(item)]
    has_guardduty = conf().scan == "guardduty"
    if has_guardduty and not any(_is_for(item, "events.amazonaws.com") for item in allowed):
        yield Finding(
            "FAIL", subject, "its policy does not let EventBridge send the results of GuardDuty.",
            "python manage.py provision --parameter Scan=guardduty",
        )  # fmt: skip
    if any(_is_for(item, "s3.amazonaws.com") and _is_from(item, bucket) for item in allowed):
        return
    # With GuardDuty, EventBridge is there for its results.
    services = ("sns.amazonaws.com", *(() if has_guardduty else ("events.amazonaws.com",)))
    if any(_is_for(item, service) for item in allowed for service in services):
        yield Finding(
            "warn", subject, "its policy allows SNS or EventBridge to send, but not S3.",
            "Correct if events arrive that way; see “round trip”.",
        )  # fmt: skip
        return
    partition = queue.arn.split(":")[1]
    account = queue.arn.split(":")[4]
    # Without the template's Sid, which must be unique: a changed statement may still have it.
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
        "FAIL", subject, f"its policy does not let S3 send events of {bucket}.",
        *queue.fix(Policy=json.dumps(policy)),
    )  # fmt: skip


def _allows_sending(statement: dict[str, Any]) -> bool:
    actions = {str(action).lower() for action in _list(statement.get("Action", []))}
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


def _is_from(statement: dict[str, Any], bucket: str) -> bool:
    """Whether the statement has no condition on the source, or one that allows the bucket."""
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
            "FAIL", f"queue {queue.name}", f"about {waiting} dead letters.",
            "See the reasons in the admin (/admin/, Queues). Once the cause is fixed: "
            f"python manage.py redrive --queue {kind}",
        )  # fmt: skip


def _json(text: str | None) -> dict[str, Any]:
    value = json.loads(text) if text else {}
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]
