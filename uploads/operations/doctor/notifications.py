"""The bucket's notifications: does S3 report to the events queue? IAM: s3:GetBucketNotification."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from uploads.aws import clients
from uploads.core.conf import conf
from uploads.core.keys import PREFIX
from uploads.operations.doctor import expected
from uploads.operations.doctor.finding import Finding, guarded

SUBJECT = "bucket, notifications"
_KINDS = (
    "QueueConfigurations", "TopicConfigurations", "LambdaFunctionConfigurations",
    "EventBridgeConfiguration",
)  # fmt: skip


def inspect(queue_arn: str | None) -> Iterator[Finding]:
    """`queue_arn` is the events queue's, if it is known: the command that mends names it."""
    yield from guarded(SUBJECT, partial(_compare, queue_arn))


def _compare(queue_arn: str | None) -> Iterator[Finding]:
    bucket, queue = conf().bucket, conf().events_queue
    answer: dict[str, Any] = dict(
        clients.s3(clients.DIAGNOSIS).get_bucket_notification_configuration(Bucket=bucket)
    )
    there = {kind: answer[kind] for kind in _KINDS if kind in answer}
    reported = {
        event
        for each in there.get("QueueConfigurations", ())
        if each["QueueArn"].rpartition(":")[2] == queue and _is_for_uploads(each)
        for event in each["Events"]
    }
    missing = [
        event
        for event, parts in expected.EVENTS.items()
        if event not in reported and parts - reported
    ]
    if not missing:
        yield Finding("ok", SUBJECT, f"{', '.join(expected.EVENTS)} go to {queue}.")
        return
    text = f"{', '.join(missing)} of {PREFIX} do not go to {queue}."
    ways = [
        name
        for name, kind in (
            ("EventBridge", "EventBridgeConfiguration"), ("SNS", "TopicConfigurations"),
        )
        if kind in there
    ]  # fmt: skip
    if ways:
        yield Finding(
            "warn", SUBJECT, f"{text} {' and '.join(ways)} may bring them.",
            f"The round trip tells whether they arrive. If not, add a rule or a subscription that "
            f"sends them to {queue}, and let its policy accept them.",
        )  # fmt: skip
        return
    if any(each["QueueArn"].rpartition(":")[2] != queue for each in there.get(_KINDS[0], ())):
        text += " Something else has replaced the configuration."
    yield Finding("FAIL", SUBJECT, text, _mend(there, queue_arn))


def _filters(configuration: Any) -> dict[str, str]:
    """prefix and suffix -> value, as far as they are set."""
    rules = configuration.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    return {rule["Name"].lower(): rule.get("Value", "") for rule in rules if rule.get("Value")}


def _is_for_uploads(configuration: Any) -> bool:
    """Whether it reports all that is under the prefix."""
    filters = _filters(configuration)
    return set(filters) <= {"prefix"} and PREFIX.startswith(filters.get("prefix", ""))


def _overlaps(configuration: Any) -> bool:
    """Whether it reports something that filehub wants: S3 refuses to send that to both."""
    prefix = _filters(configuration).get("prefix", "")
    families = {event.rpartition(":")[0] for event in expected.EVENTS}
    return (PREFIX.startswith(prefix) or prefix.startswith(PREFIX)) and any(
        event.rpartition(":")[0] in families for event in configuration["Events"]
    )


def _mend(there: dict[str, Any], queue_arn: str | None) -> str:
    if queue_arn is None:
        return "First the events queue (see there); then run doctor again."
    replaced = []
    configuration = dict(there)
    for kind in _KINDS[:3]:
        configuration[kind] = [each for each in there.get(kind, ()) if not _overlaps(each)]
        replaced += [each for each in there.get(kind, ()) if _overlaps(each)]
    configuration["QueueConfigurations"].append(
        {
            "QueueArn": queue_arn,
            "Events": list(expected.EVENTS),
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": PREFIX}]}},
        }
    )
    command = expected.command(
        "s3api", "put-bucket-notification-configuration", bucket=conf().bucket,
        notification_configuration={kind: each for kind, each in configuration.items() if each},
    )  # fmt: skip
    others = [each for each in replaced if each.get("QueueArn") != queue_arn]
    note = (
        " It takes these events from whoever gets them now: S3 sends an event to one place. If "
        "both need them, send them to both by EventBridge or SNS."
        if others
        else ""
    )
    return (
        f"{command} (provision does not see what was changed by hand).{note} "
        "Then, for what was missed: python manage.py reconcile --since …"
    )
