"""Who asks, whether the clocks agree, and whether these credentials can do the web's work.

What consumer and worker may do is seen in the round trip, where they work with their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from botocore.exceptions import BotoCoreError, ClientError

from uploads.aws import clients
from uploads.core import keys
from uploads.core.conf import conf
from uploads.operations.doctor import http
from uploads.operations.doctor.finding import (
    CLOCK,
    UNREACHABLE,
    Finding,
    code_of,
    explain,
    guarded,
    is_denied,
)

#: Seconds. S3 refuses what was signed 15 minutes before or after its own time.
#: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (RequestTimeTooSkewed)
MOST_SKEW = 300
MUCH_SKEW = 30


def inspect() -> Iterator[Finding]:
    yield from guarded("credentials", _credentials)
    yield _clock()
    yield from guarded("permissions", _permissions)


def _credentials() -> Iterator[Finding]:
    try:
        who = clients.sts().get_caller_identity()
    except (BotoCoreError, ClientError) as exc:
        found = explain("credentials", exc)
        if found.mend == UNREACHABLE:
            # STS is asked by nothing else in filehub: a network may well have no way there.
            found = Finding("skip", "credentials", "STS does not answer, who it is stays unknown.")
        yield found
        return
    yield Finding("ok", "credentials", f"{who['Arn']}.")


def _clock() -> Finding:
    """By the Date of S3's answer, whatever else it says: no permission is needed."""
    try:
        answer = http.send("HEAD", conf().s3_bucket_url)
    except http.NoAnswer as exc:
        return Finding("FAIL", "clock", f"S3 does not tell the time: {exc}.", UNREACHABLE)
    try:
        there = parsedate_to_datetime(answer.headers.get("Date") or "")
    except ValueError:
        return Finding("skip", "clock", "S3's answer has no date.")
    seconds = (datetime.now(UTC) - there).total_seconds()
    text = f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} S3's."
    if abs(seconds) > MOST_SKEW:
        return Finding("FAIL", "clock", f"{text} From 900 s on S3 refuses signatures.", CLOCK)
    if abs(seconds) > MUCH_SKEW:
        return Finding("warn", "clock", text, CLOCK)
    return Finding("ok", "clock", "agrees with S3's.")


def _permissions() -> Iterator[Finding]:
    """What the web does, done to a file that does not exist: nothing is changed."""
    probes: dict[str, Callable[[], object]] = {
        "s3:GetObject or s3:ListBucket": _head,
        "dynamodb:GetItem": _get,
        "dynamodb:Query": _query,
        "dynamodb:UpdateItem": _update,
    }
    denied = []
    for name, probe in probes.items():
        found = _try(probe)
        if found is not None and found.level != "skip":
            yield found
            return
        if found is not None:
            denied.append(name)
    if denied:
        yield Finding(
            "FAIL", "permissions", f"denied: {', '.join(denied)}.",
            "Attach WebPolicyArn to the role of the web; or run doctor as the web or as an "
            "operator (OperatorPolicyArn), not as another process.",
        )  # fmt: skip
    else:
        yield Finding("ok", "permissions", "what the web does is allowed, as far as can be tried.")


def _try(probe: Callable[[], object]) -> Finding | None:
    try:
        probe()
    except ClientError as exc:
        # There is no such object, and no such record.
        if code_of(exc) in {"404", "NoSuchKey", "ConditionalCheckFailedException"}:
            return None
        if is_denied(exc):
            return Finding("skip", "permissions", code_of(exc))
        return explain("permissions", exc)
    return None


def _nobody() -> str:
    return keys.new_upload_id("nobody", "an id that filehub did not make")


def _head() -> object:
    return clients.s3(clients.DIAGNOSIS).head_object(
        Bucket=conf().bucket, Key=keys.object_key(_nobody())
    )


def _get() -> object:
    return clients.dynamodb(clients.DIAGNOSIS).get_item(
        TableName=conf().table, Key={"id": {"S": _nobody()}}
    )


def _query() -> object:
    return clients.dynamodb(clients.DIAGNOSIS).query(
        TableName=conf().table,
        IndexName="OwnerFeed",
        KeyConditionExpression="ownerFeed = :owner",
        ExpressionAttributeValues={":owner": {"S": "nobody"}},
        Limit=1,
    )


def _update() -> object:
    return clients.dynamodb(clients.DIAGNOSIS).update_item(
        TableName=conf().table,
        Key={"id": {"S": _nobody()}},
        UpdateExpression="SET downloads = :none",
        ConditionExpression="attribute_exists(id)",
        ExpressionAttributeValues={":none": {"N": "0"}},
    )
