"""A check that is refused names the IAM action that is missing."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.operations.doctor.helpers import findings
from tests.support.policies import client
from uploads.aws import clients
from uploads.core.conf import Conf
from uploads.operations.doctor.finding import Finding

#: Action that is missing -> the subjects of the lines that name it.
REFUSED = {
    "s3:ListBucket": {"permissions", "bucket"},
    "s3:GetBucketCORS": {"bucket, CORS"},
    "s3:GetBucketNotification": {"bucket, notifications"},
    "s3:GetBucketPublicAccessBlock": {"bucket, public access"},
    "s3:GetBucketVersioning": {"bucket, versioning"},
    "s3:GetEncryptionConfiguration": {"bucket, encryption"},
    "s3:GetLifecycleConfiguration": {"bucket, lifecycle"},
    "s3:GetObject": {"permissions"},
    "sqs:GetQueueUrl": {"queue {events}", "queue {tasks}", "queue {tasks}-low", "broker"},
    "sqs:GetQueueAttributes": {"queue {events}", "queue {tasks}", "queue {tasks}-low", "broker"},
    "dynamodb:GetItem": {"permissions"},
    "dynamodb:Query": {"permissions"},
    "dynamodb:UpdateItem": {"permissions"},
    "dynamodb:DescribeTable": {"table"},
    "dynamodb:DescribeTimeToLive": {"table, time to live"},
    "dynamodb:DescribeContinuousBackups": {"table, backups"},
}


@pytest.fixture
def fresh_clients() -> Iterator[None]:
    """Let clients and Celery read the credentials again."""
    caches: list[Any] = [clients._make, clients.session]
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


@pytest.mark.parametrize(
    "action",
    [
        pytest.param(
            action,
            marks=[] if action in {"s3:GetBucketCORS", "s3:GetObject"} else pytest.mark.exhaustive,
        )
        for action in REFUSED
    ],
)
def test_a_refused_check_names_the_missing_action(
    installed: Conf, fresh_clients: None, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    sign_in_without(action, monkeypatch)
    clients.session.cache_clear()
    clients._make.cache_clear()
    named = {finding.subject for finding in findings() if names(finding, action)}
    expected = {
        subject.format(events=installed.events_queue, tasks=installed.tasks_queue)
        for subject in REFUSED[action]
    }
    assert named == expected


def names(finding: Finding, action: str) -> bool:
    return action.lower() in str(finding).lower() and finding.level in {"skip", "FAIL"}


def sign_in_without(action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Become a user who has every action of the operator's policy but this one."""
    iam, name = client("iam"), f"operator-{uuid.uuid4().hex[:8]}"
    statements = [
        {"Effect": "Allow", "Action": sorted({*REFUSED, "s3:PutObject"}), "Resource": "*"},
        {"Effect": "Deny", "Action": action, "Resource": "*"},
    ]
    document = {"Version": "2012-10-17", "Statement": statements}
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
