"""Faults of bucket, notifications and queues: one line each, and its advice fixes the fault."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pytest_django import Settings

from tests.operations.doctor.faults import FAULTS, WARNINGS
from tests.operations.doctor.helpers import (
    ALL,
    PARTS,
    Break,
    call_on_bucket,
    cors,
    events,
    follow,
    lifecycle_rules,
    notify,
    only_problem,
    queue_url,
    remaining_problems,
    run,
    tasks,
)
from tests.support.local_aws import TEMPLATE
from tests.support.policies import client
from uploads.aws import sqs
from uploads.aws.cloudformation import deploy
from uploads.core.conf import Conf, conf


@pytest.mark.parametrize(("fault", "subject", "word"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_one_line_and_its_advice_fixes_it(
    installed: Conf, fault: Break, subject: str, word: str
) -> None:
    fault()
    status, text = run("--no-upload")
    assert status == 1
    (line,) = [line for line in text.splitlines() if line.startswith("FAIL")]
    assert line.startswith(f"FAIL  {subject.format(events=events(), tasks=tasks())}: ")
    assert word in line
    follow(line)
    assert remaining_problems(subject) == []


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (call_on_bucket("delete_bucket_cors"), "no rule allows http://testserver"),
        (lambda: cors(AllowedOrigins=["https://other.example"]), "no rule allows"),
        (lambda: cors(AllowedMethods=["GET"]), "may not PUT"),
        (lambda: cors(AllowedHeaders=["content-type", "x-amz-*"]), "may not send if-none-match"),
    ],
    ids=["none", "another origin", "no PUT", "a header"],
)
def test_cors_rules_are_compared_and_tested_with_a_preflight(
    installed: Conf, fault: Break, word: str
) -> None:
    fault()
    compared, preflight = remaining_problems("bucket")
    assert (compared.level, compared.subject) == ("FAIL", "bucket, CORS")
    assert word in compared.text
    assert (preflight.level, preflight.subject) == ("FAIL", "bucket, CORS preflight")
    follow(compared.fix)
    left = remaining_problems("bucket")
    assert [finding.text for finding in left if "https://other.example" not in finding.text] == []
    for warning in left:
        follow(warning.fix)
    assert remaining_problems("bucket") == []


def test_fixing_a_lifecycle_keeps_other_rules(installed: Conf) -> None:
    logs = {
        "ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"},
        "Expiration": {"Date": datetime(2100, 1, 1, tzinfo=UTC)}, **PARTS,
    }  # fmt: skip
    everything = {
        "ID": "abort-incomplete-multipart-uploads", "Status": "Enabled", "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
    }  # fmt: skip
    lifecycle_rules(
        logs,
        {**everything, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
        {"ID": "shard", "Status": "Enabled", "Filter": {"Prefix": "uploads/0/"},
         "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}},
    )  # fmt: skip
    (finding,) = remaining_problems("bucket, lifecycle")
    assert "after 1 days" in finding.text
    follow(finding.fix)
    assert remaining_problems("bucket, lifecycle") == []
    s3 = client("s3")
    rules = s3.get_bucket_lifecycle_configuration(Bucket=conf().bucket)["Rules"]
    assert rules[:2] == [logs, everything]
    assert [rule["AbortIncompleteMultipartUpload"] for rule in rules[2:]] == [
        {"DaysAfterInitiation": 8}
    ]


def test_a_lifecycle_rule_with_a_date_is_ok(installed: Conf) -> None:
    own = {"ID": "own", "Status": "Enabled", "Filter": {"Prefix": ""}, **PARTS}
    until = {"Date": datetime(2100, 1, 1, tzinfo=UTC)}
    lifecycle_rules(
        own, {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": until}
    )
    assert remaining_problems("bucket, lifecycle") == []


@pytest.mark.parametrize(("fault", "subject", "word"), WARNINGS.values(), ids=WARNINGS.keys())
def test_an_unusual_setting_is_a_warning(
    installed: Conf, fault: Break, subject: str, word: str
) -> None:
    fault()
    finding = only_problem(remaining_problems(subject))
    assert (finding.level, finding.subject) == (
        "warn",
        subject.format(events=events(), tasks=tasks()),
    )
    assert word in finding.text
    follow(finding.fix)
    assert remaining_problems(subject) == []


def test_events_may_come_through_eventbridge(installed: Conf) -> None:
    notify(None, EventBridgeConfiguration={})
    status, text = run("--no-upload")
    (line,) = [line for line in text.splitlines() if not line.startswith("ok")]
    assert status == 0
    assert line.startswith("warn  bucket, notifications: ")
    assert "EventBridge" in line
    notify(events(), *ALL)


def test_provision_without_repair_does_not_detect_manual_changes(installed: Conf) -> None:
    """This is why doctor suggests AWS's own commands, and `--repair`."""
    notify(None)
    deploy(installed.bucket, TEMPLATE.read_text())
    finding = only_problem(remaining_problems("bucket"))
    assert "provision without --repair does not detect" in finding.fix
    follow(finding.fix)


def test_a_dead_letter_is_reported(installed: Conf) -> None:
    sqs.send_to_dead_letter_queue(events(), "not json", "why")
    finding = only_problem(remaining_problems("queue"))
    assert (finding.level, finding.subject) == ("FAIL", f"queue {events()}-dlq")
    assert "redrive --queue events" in finding.fix
    client("sqs").purge_queue(QueueUrl=queue_url(f"{events()}-dlq"))


@pytest.mark.exhaustive
def test_with_guardduty_eventbridge_does_not_replace_the_notifications(
    installed: Conf, settings: Settings
) -> None:
    settings.FILEHUB = {**settings.FILEHUB, "SCAN": "guardduty"}
    notify(None, EventBridgeConfiguration={})
    finding = only_problem(remaining_problems("bucket, notifications"))
    assert finding.level == "FAIL"
    follow(finding.fix)
    assert remaining_problems("bucket, notifications") == []
    # GuardDuty still gets its events.
    configuration = client("s3").get_bucket_notification_configuration(Bucket=installed.bucket)
    assert "EventBridgeConfiguration" in configuration
    # This stack has no GuardDuty.
    finding = only_problem(remaining_problems("queue {events}"))
    assert (finding.level, "results of GuardDuty" in finding.text) == ("FAIL", True)
