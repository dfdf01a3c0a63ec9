"""Credentials, clock skew, and whether these credentials have the permissions of the web process.

The round trip tests the permissions of consumer and worker, which use their own credentials.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from botocore.exceptions import BotoCoreError, ClientError

from uploads.aws import clients
from uploads.aws.actions import missing_action
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

_LIST = "s3:ListBucket"
#: Seconds. S3 rejects signatures whose time is more than 15 minutes off.
#: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (RequestTimeTooSkewed)
SKEW_FAILURE = 300
SKEW_WARNING = 30


def inspect() -> Iterator[Finding]:
    yield from guarded("credentials", _credentials)
    yield _clock()
    yield from guarded("permissions", _permissions)


def _credentials() -> Iterator[Finding]:
    try:
        identity = clients.sts().get_caller_identity()
    except (BotoCoreError, ClientError) as exc:
        finding = explain("credentials", exc)
        if finding.fix == UNREACHABLE:
            # Nothing else in filehub uses STS, so the network may not allow it.
            finding = Finding("skip", "credentials", "STS is unreachable; the identity is unknown.")
        yield finding
        return
    yield Finding("ok", "credentials", f"{identity['Arn']}.")


def _clock() -> Finding:
    """Compare with the Date header of S3's response, which needs no permission."""
    try:
        response = http.send("HEAD", conf().s3_bucket_url)
    except http.NoResponse as exc:
        return Finding("FAIL", "clock", f"no response from S3: {exc}.", UNREACHABLE)
    try:
        s3_time = parsedate_to_datetime(response.headers.get("Date") or "")
    except ValueError:
        return Finding("skip", "clock", "S3's response has no date.")
    seconds = (datetime.now(UTC) - s3_time).total_seconds()
    text = f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} S3's clock."
    if abs(seconds) > SKEW_FAILURE:
        return Finding("FAIL", "clock", f"{text} S3 rejects signatures from 900 s.", CLOCK)
    if abs(seconds) > SKEW_WARNING:
        return Finding("warn", "clock", text, CLOCK)
    return Finding("ok", "clock", "agrees with S3's clock.")


def _permissions() -> Iterator[Finding]:
    """Try the web's requests on a file that does not exist, which changes nothing."""
    probes: tuple[Callable[[], object], ...] = (
        _list, _head, _get, _query, _update,
    )  # fmt: skip
    denied = []
    for probe in probes:
        outcome = _try(probe)
        if isinstance(outcome, Finding):
            yield outcome
            return
        if outcome and (probe is not _head or _LIST not in denied):
            denied.append(outcome)
    if denied:
        yield Finding(
            "FAIL", "permissions", f"denied: {', '.join(denied)}.",
            "Attach WebPolicyArn to the role of the web process, or run doctor with credentials of "
            "the web or of an operator (OperatorPolicyArn).",
        )  # fmt: skip
    else:
        yield Finding(
            "ok", "permissions", "the web's requests are allowed, as far as can be tested."
        )


def _try(probe: Callable[[], object]) -> Finding | str:
    """The action that is missing, "" if none is, or a finding if the request failed otherwise."""
    try:
        probe()
    except ClientError as exc:
        # As expected: the object and the record do not exist.
        if code_of(exc) in {"404", "NoSuchKey", "ConditionalCheckFailedException"}:
            return ""
        return missing_action(exc) if is_denied(exc) else explain("permissions", exc)
    return ""


def _unused_id() -> str:
    return keys.new_upload_id("nobody", "a key that filehub does not use")


def _list() -> object:
    return clients.s3(clients.DIAGNOSIS).head_bucket(Bucket=conf().bucket)


def _head() -> object:
    """HeadObject. Without s3:ListBucket, S3 refuses it for an object that does not exist."""
    return clients.s3(clients.DIAGNOSIS).head_object(
        Bucket=conf().bucket, Key=keys.object_key(_unused_id())
    )


def _get() -> object:
    return clients.dynamodb(clients.DIAGNOSIS).get_item(
        TableName=conf().table, Key={"id": {"S": _unused_id()}}
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
        Key={"id": {"S": _unused_id()}},
        UpdateExpression="SET downloads = :none",
        ConditionExpression="attribute_exists(id)",
        ExpressionAttributeValues={":none": {"N": "0"}},
    )
