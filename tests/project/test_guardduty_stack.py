"""The stack with GuardDuty, on local AWS as far as that has it, and what doctor says about it."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import pytest
from pytest_django import Settings

from tests.support.guardduty import FakeGuardDuty, scan_result
from tests.support.local_aws import TEMPLATE
from tests.support.policies import client
from tests.support.template import render
from uploads.aws.cloudformation import Choices, deploy
from uploads.core.conf import conf
from uploads.operations.doctor import scanner

pytestmark = pytest.mark.usefixtures("aws")

UPLOAD_ID = "0190a5c0-1234-7abc-8def-0123456789ab"


def event(**changes: Any) -> dict[str, Any]:
    return scan_result(UPLOAD_ID, "NO_THREATS_FOUND", etag="e", bucket="the-bucket", **changes)


@pytest.mark.parametrize(
    ("given", "is_sent"),
    [
        (event, True),
        (lambda: {**event(), "source": "com.example"}, False),
        (lambda: {**event(), "detail-type": "GuardDuty Finding"}, False),
        (lambda: scan_result(UPLOAD_ID, "FAILED", etag="e", bucket="another-bucket"), False),
    ],
    ids=["a result", "another source", "a finding", "another bucket"],
)
def test_the_rule_sends_results_about_this_bucket_alone(given: Any, is_sent: bool) -> None:
    pattern = render(Scan="guardduty")["Resources"]["ScanRule"]["Properties"]["EventPattern"]
    answer = client("events").test_event_pattern(
        EventPattern=json.dumps(pattern), Event=json.dumps(given())
    )
    assert answer["Result"] is is_sent


def test_a_stack_can_get_guardduty_and_nobody_else_can_send_its_events(settings: Settings) -> None:
    """Without the plan itself, which local AWS does not have."""
    suffix = uuid.uuid4().hex[:8]
    names = {"BUCKET": "bucket", "EVENTS_QUEUE": "events", "TASKS_QUEUE": "tasks", "TABLE": "table"}
    settings.FILEHUB = settings.FILEHUB | {key: f"{it}-{suffix}" for key, it in names.items()}
    template, count = re.subn(r"\n  ScanPlan:\n(?:    .*\n)+", "\n", TEMPLATE.read_text())
    assert count == 1
    deploy(f"stack-{suffix}", template)
    deploy(f"stack-{suffix}", template, Choices({"Scan": "guardduty"}))

    events = client("events")
    (rule,) = [
        rule
        for rule in events.list_rules()["Rules"]
        if conf().bucket in rule.get("EventPattern", "")
    ]
    (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert target["Arn"].endswith(f":{conf().events_queue}")
    queue = client("sqs").get_queue_url(QueueName=conf().events_queue)["QueueUrl"]
    policy = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])
    assert rule["Arn"] in policy["Attributes"]["Policy"]
    refused = events.put_events(
        Entries=[{"Source": "aws.guardduty", "DetailType": "x", "Detail": "{}"}]
    )
    assert refused["FailedEntryCount"] == 1


@pytest.mark.parametrize(
    ("fields", "level", "text"),
    [
        ({}, "ok", "GuardDuty checks new objects of"),
        ({"prefixes": []}, "ok", "GuardDuty checks new objects of"),
        ({"prefixes": ["imports/"]}, "FAIL", "does not cover uploads/"),
        ({"bucket": "another-bucket"}, "FAIL", "no plan"),
        ({"plan_status": "WARNING"}, "warn", "EVENTBRIDGE_MANAGED_EVENTS_DELIVERY_DISABLED"),
        ({"plan_status": "ERROR"}, "FAIL", "is ERROR"),
        ({"refuses": True}, "skip", "guardduty:ListMalwareProtectionPlans"),
    ],
)
def test_doctor_checks_the_plan(
    guardduty: FakeGuardDuty, fields: dict[str, Any], level: str, text: str
) -> None:
    for name, value in fields.items():
        setattr(guardduty, name, value)
    (finding,) = scanner.inspect()
    assert (finding.level, text in str(finding)) == (level, True), finding
