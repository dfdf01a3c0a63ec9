"""The deployed template matches the documentation."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import boto3
import pytest
import yaml
from django.core.management import CommandError, call_command
from pytest_django import Settings

from local.aws import LocalAws
from tests.support.local_aws import TEMPLATE
from uploads.aws import clients, sqs
from uploads.aws.cloudformation import ProvisioningError, deploy
from uploads.core import limits
from uploads.core.conf import conf
from uploads.files.record import StoredFile

pytestmark = pytest.mark.usefixtures("aws")


def attributes(queue: str) -> dict[str, Any]:
    return dict(
        clients.sqs().get_queue_attributes(QueueUrl=sqs.url(queue), AttributeNames=["All"])[
            "Attributes"
        ]
    )


def test_provisioning_again_changes_nothing_and_prints_the_outputs() -> None:
    out = StringIO()
    call_command("provision", stdout=out)
    assert f"Bucket = {conf().bucket}" in out.getvalue()
    assert f"Table = {conf().table}" in out.getvalue()


@pytest.mark.parametrize("name", ["events_queue", "tasks_queue"])
def test_every_queue_has_a_dead_letter_queue(name: str) -> None:
    queue = getattr(conf(), name)
    target = json.loads(attributes(queue)["RedrivePolicy"])["deadLetterTargetArn"]
    assert target == attributes(f"{queue}-dlq")["QueueArn"]


def test_tasks_stay_hidden_for_longer_than_a_task_may_take(settings: Settings) -> None:
    hidden = int(attributes(conf().tasks_queue)["VisibilityTimeout"])
    assert hidden > settings.CELERY_TASK_TIME_LIMIT
    assert hidden == settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]


def test_the_bucket_is_private_and_encrypted_and_expires_unfinished_uploads() -> None:
    client, bucket = clients.s3(), conf().bucket
    block = client.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert all(block.values())
    rules = client.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"][
        "Rules"
    ]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    cors = client.get_bucket_cors(Bucket=bucket)["CORSRules"][0]
    assert cors["AllowedOrigins"] == list(conf().cors_origins)


def test_the_bucket_reports_creations_and_removals_under_the_prefix() -> None:
    configuration = clients.s3().get_bucket_notification_configuration(Bucket=conf().bucket)
    assert {event for q in configuration["QueueConfigurations"] for event in q["Events"]} == {
        "s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*",
    }  # fmt: skip
    for queue in configuration["QueueConfigurations"]:
        (rule,) = queue["Filter"]["Key"]["FilterRules"]
        assert (rule["Name"].lower(), rule["Value"]) == ("prefix", "uploads/")


def template() -> Any:
    """The resources of the template, unevaluated."""

    class Loader(yaml.SafeLoader):
        """Reads CloudFormation's short tags (!Ref, !Sub) as their plain values."""

    Loader.add_multi_constructor("!", lambda loader, suffix, node: node.value)
    return yaml.load(TEMPLATE.read_text(), Loader)["Resources"]


def test_the_web_policy_for_objects_is_minimal() -> None:
    statements = template()["WebPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    (objects,) = [
        statement for statement in statements if statement["Resource"] == "${Bucket.Arn}/uploads/*"
    ]
    assert set(objects["Action"]) == {
        "s3:PutObject", "s3:GetObject", "s3:DeleteObject",
        "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload",
    }  # fmt: skip


def test_the_template_contains_what_local_aws_does_not_apply() -> None:
    """Lifecycle, TTL and backups, which ministack's CloudFormation silently ignores."""
    resources = template()
    (rule,) = resources["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert rule["Status"] == "Enabled"
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 8}
    assert timedelta(days=8) > limits.MULTIPART_LIFETIME
    table = resources["Table"]["Properties"]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_the_table_has_the_models_indexes() -> None:
    client = boto3.client(
        "dynamodb", region_name=conf().region, endpoint_url=conf().endpoint("dynamodb")
    )
    table = client.describe_table(TableName=conf().table)["Table"]
    assert {i["IndexName"] for i in table["GlobalSecondaryIndexes"]} == set(StoredFile._indexes)
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_a_failure_reports_the_resource_and_the_reason() -> None:
    template = json.dumps(
        {
            "Parameters": {
                name: {"Type": "String"}
                for name in (
                    "BucketName", "TableName", "EventsQueueName", "TasksQueueName",
                    "TasksVisibilityTimeout", "CorsOrigins",
                )
            },
            "Resources": {
                "Broken": {
                    "Type": "AWS::S3::Bucket",
                    "Properties": {"BucketName": conf().bucket},
                }
            },
        }
    )  # fmt: skip
    with pytest.raises(ProvisioningError, match=r"Broken .*already exists"):
        deploy("broken", template)


@pytest.mark.usefixtures("no_pauses")
def test_an_endpoint_that_is_down_is_one_sentence(aws: LocalAws, settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"ENDPOINT_URL": "http://127.0.0.1:9"}
    with pytest.raises(CommandError, match="CloudFormation"):
        call_command("provision")
