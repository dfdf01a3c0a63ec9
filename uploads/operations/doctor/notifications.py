"""Check that the bucket notifies the events queue. IAM: s3:GetBucketNotification."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from uploads.aws import clients
from uploads.core.conf import conf
from uploads.core.keys import PREFIX
from uploads.operations.doctor import expected
from uploads.operations.doctor.call import Call
from uploads.operations.doctor.finding import Finding, guarded

SUBJECT = "bucket, notifications"
_KINDS = (
    "QueueConfigurations", "TopicConfigurations", "LambdaFunctionConfigurations",
    "EventBridgeConfiguration",
)  # fmt: skip


def inspect(queue_arn: str | None) -> Iterator[Finding]:
    """Check the notifications. The suggested command needs the events queue's ARN."""
    yield from guarded(SUBJECT, partial(_compare, queue_arn))


def _compare(queue_arn: str | None) -> Iterator[Finding]:
    bucket, queue = conf().bucket, conf().events_queue
    response: dict[str, Any] = dict(
        clients.s3(clients.DIAGNOSIS).get_bucket_notification_configuration(Bucket=bucket)
    )
    current = {kind: response[kind] for kind in _KINDS if kind in response}
    reported = {
        event
        for target in current.get("QueueConfigurations", ())
        if target["QueueArn"].rpartition(":")[2] == queue and _is_for_uploads(target)
        for event in target["Events"]
    }
    missing = [
        event
        for event, covered in expected.EVENTS.items()
        if event not in reported and covered - reported
    ]
    if not missing:
        yield Finding("ok", SUBJECT, f"{queue} receives {', '.join(expected.EVENTS)}.")
        return
    text = f"{queue} does not receive {', '.join(missing)} for {PREFIX}."
    routes = [
        name
        for name, kind in (
            ("EventBridge", "EventBridgeConfiguration"), ("SNS", "TopicConfigurations"),
        )
        if kind in current
        # GuardDuty has turned it on for itself.
        and not (kind == "EventBridgeConfiguration" and conf().scan == "guardduty")
    ]  # fmt: skip
    if routes:
        yield Finding(
            "warn", SUBJECT, f"{text} {' and '.join(routes)} may deliver them.",
            f"See “round trip” for whether they arrive. If not, add a rule or a subscription that "
            f"sends them to {queue}, and allow it in the queue's policy.",
        )  # fmt: skip
        return
    if any(
        target["QueueArn"].rpartition(":")[2] != queue
        for target in current.get("QueueConfigurations", ())
    ):
        text += " The configuration was replaced by something else."
    yield Finding("FAIL", SUBJECT, text, *_fix(current, queue_arn))


def _filters(configuration: Any) -> dict[str, str]:
    """The prefix and suffix filters that are set."""
    rules = configuration.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    return {rule["Name"].lower(): rule.get("Value", "") for rule in rules if rule.get("Value")}


def _is_for_uploads(configuration: Any) -> bool:
    """Whether it covers everything under the prefix."""
    filters = _filters(configuration)
    return set(filters) <= {"prefix"} and PREFIX.startswith(filters.get("prefix", ""))


def _overlaps(configuration: Any) -> bool:
    """Whether it covers an event that filehub needs: S3 rejects overlapping configurations."""
    prefix = _filters(configuration).get("prefix", "")
    families = {event.rpartition(":")[0] for event in expected.EVENTS}
    return (PREFIX.startswith(prefix) or prefix.startswith(PREFIX)) and any(
        event.rpartition(":")[0] in families for event in configuration["Events"]
    )


def _fix(current: dict[str, Any], queue_arn: str | None) -> tuple[str, tuple[Call, ...]]:
    """How to fix the configuration, as a text and as requests."""
    if queue_arn is None:
        return "Fix the events queue first, then run doctor again.", ()
    replaced = []
    configuration = dict(current)
    for kind in _KINDS[:3]:
        configuration[kind] = [target for target in current.get(kind, ()) if not _overlaps(target)]
        replaced += [target for target in current.get(kind, ()) if _overlaps(target)]
    configuration["QueueConfigurations"].append(
        {
            "QueueArn": queue_arn,
            "Events": list(expected.EVENTS),
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": PREFIX}]}},
        }
    )
    call = Call(
        "s3",
        "put_bucket_notification_configuration",
        {
            "Bucket": conf().bucket,
            "NotificationConfiguration": {
                kind: value
                for kind, value in configuration.items()
                # This one is empty, and is there or not.
                if value or kind == "EventBridgeConfiguration"
            },
        },
    )
    others = [target for target in replaced if target.get("QueueArn") != queue_arn]
    note = (
        " This takes these events away from their current destination: S3 sends an event to one "
        "only. If both need them, use EventBridge or SNS."
        if others
        else ""
    )
    fix = (
        f"{call} (provision without --repair does not detect manual changes).{note} "
        "Then process what was missed: python manage.py reconcile --all"
    )
    # Taking events away from another destination needs a decision.
    return fix, () if others else (call,)
