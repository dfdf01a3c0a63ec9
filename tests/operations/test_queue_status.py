"""Depth and age of each queue, and the permissions that the dashboard needs."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from pytest_django import Settings

from tests.support.dead_letters import celery_body, dlq, events_queue, send_dead_letter
from uploads.aws import clients, cloudwatch, dead_letters, sqs
from uploads.core.conf import Conf, conf
from uploads.core.errors import BackendUnavailable
from uploads.core.reasons import Reason
from uploads.ingest import task_failures
from uploads.ingest.task_failures import TaskFailure
from uploads.operations import dashboard, queue_status


@pytest.mark.usefixtures("aws")
def test_the_status_counts_every_queue_without_receiving_from_live_ones() -> None:
    client, live = clients.sqs(), sqs.url(events_queue())
    client.send_message(QueueUrl=live, MessageBody="a")
    client.send_message(QueueUrl=live, MessageBody="b", DelaySeconds=60)
    send_dead_letter("c")
    statuses = {status.name: status for status in queue_status.queue_statuses()}
    assert statuses[events_queue()].depth == sqs.Depth(visible=1, in_flight=0, delayed=1)
    assert statuses[dlq()].depth == sqs.Depth(visible=1, in_flight=0, delayed=0)
    assert statuses[conf().low_queue].depth == sqs.Depth(visible=0, in_flight=0, delayed=0)
    assert len(statuses) == 5
    (message,) = client.receive_message(
        QueueUrl=live, MessageSystemAttributeNames=["ApproximateReceiveCount"]
    )["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    client.purge_queue(QueueUrl=live)


@pytest.mark.usefixtures("aws")
def test_without_the_queue_of_tasks_that_may_wait_all_others_are_shown(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Conf, "low_queue", "there-is-none")
    depths = [status.depth for status in queue_status.queue_statuses()]
    assert [depth is None for depth in depths] == [False, False, False, True, False]
    assert dashboard.queue_depths().low is None
    assert "there-is-none" in caplog.text
    settings.FILEHUB = settings.FILEHUB | {"THUMBNAILS": "off"}
    caplog.clear()
    assert len(queue_status.queue_statuses()) == 4
    assert dashboard.queue_depths().low is None
    assert not caplog.text


@pytest.mark.usefixtures("aws")
def test_the_age_of_a_live_queue_is_cloudwatchs_newest_value() -> None:
    name = f"age-{uuid.uuid4().hex}"
    now = datetime.now(UTC)
    for minutes, seconds in ((3, 30.0), (1, 90.0), (2, 60.0), (30, 7.0)):
        clients.cloudwatch().put_metric_data(
            Namespace="AWS/SQS",
            MetricData=[
                {
                    "MetricName": "ApproximateAgeOfOldestMessage",
                    "Dimensions": [{"Name": "QueueName", "Value": name}],
                    "Timestamp": now - timedelta(minutes=minutes),
                    "Value": seconds,
                }
            ],
        )
    assert cloudwatch.oldest_ages(["other", name]) == {name: timedelta(seconds=90)}


@pytest.mark.usefixtures("aws")
def test_without_cloudwatch_only_the_ages_are_unknown(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    send_dead_letter("x")
    clients.sqs()  # The SQS client has its endpoint already.
    settings.FILEHUB = settings.FILEHUB | {
        "ENDPOINT_URL": "http://127.0.0.1:9",
        "ENDPOINT_URL_SQS": conf().endpoint_url,
        "ENDPOINT_URL_DYNAMODB": conf().endpoint_url,
    }
    live, dead, *_ = queue_status.queue_statuses()
    assert live.oldest is None
    assert dead.oldest is not None
    assert dead.oldest < timedelta(minutes=1)
    assert "CloudWatch" in caplog.text


def role(policy: str, monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    """Give this process exactly the permissions of a policy of the stack."""
    admin = {"region_name": conf().region, "endpoint_url": conf().endpoint_url}
    outputs = boto3.client("cloudformation", **admin).describe_stacks(StackName="filehub")
    (arn,) = [
        output["OutputValue"]
        for output in outputs["Stacks"][0]["Outputs"]
        if output["OutputKey"] == policy
    ]
    iam, name = boto3.client("iam", **admin), f"role-{uuid.uuid4().hex[:8]}"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    for statement in document["Statement"]:
        actions = statement["Action"]
        # On AWS an action includes its batch variant; local AWS needs both names.
        statement["Action"] = [
            name
            for action in ([actions] if isinstance(actions, str) else actions)
            for name in (action, f"{action}Batch")
        ]
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    monkeypatch.setattr(TaskFailure.Meta, "aws_access_key_id", key["AccessKeyId"])
    monkeypatch.setattr(TaskFailure.Meta, "aws_secret_access_key", key["SecretAccessKey"])
    monkeypatch.setattr(TaskFailure, "_connection", None)
    return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=conf().region)


@pytest.mark.usefixtures("aws")
def test_the_web_policy_allows_the_page_but_not_receiving_from_live_queues(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for queue in (events_queue(), conf().tasks_queue):
        send_dead_letter("a", queue)
        send_dead_letter(celery_body([]), queue)
    task_failures.record("t-1", "why")
    session = role("WebPolicyArn", monkeypatch)
    for service in ("sqs", "cloudwatch"):
        client = session.client(service, endpoint_url=conf().endpoint_url)  # type: ignore[call-overload]
        monkeypatch.setattr(clients, service, lambda client=client: client)
    sqs._url.cache_clear()

    assert len(queue_status.queue_statuses()) == 5
    for kind in queue_status.KINDS:
        first, second = queue_status.list_dead_letters(kind).letters
        assert second.errors == ((Reason(sentence="why"),) if kind == "tasks" else ())
        assert dead_letters.replay(queue_status.queue_name(kind), [first.id]).complete
        assert dead_letters.discard(queue_status.queue_name(kind)).complete
        with pytest.raises(ClientError, match="AccessDenied"):
            clients.sqs().receive_message(QueueUrl=sqs.url(queue_status.queue_name(kind)))
    assert "CloudWatch" not in caplog.text
    assert "cannot be read" not in caplog.text


@pytest.mark.usefixtures("aws")
def test_the_worker_policy_allows_recording_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    role("WorkerPolicyArn", monkeypatch)
    task_failures.record("t", "why")
    role("ConsumerPolicyArn", monkeypatch)
    with pytest.raises(BackendUnavailable):
        task_failures.record("t", "why")
