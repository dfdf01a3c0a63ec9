"""The stack on local AWS matches the documentation."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import boto3
import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from local.aws import LocalAws
from uploads.aws import clients, sqs
from uploads.aws.cloudformation import ProvisioningError, deploy
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


def test_the_table_has_the_models_indexes() -> None:
    client = boto3.client(
        "dynamodb", region_name=conf().region, endpoint_url=conf().endpoint("dynamodb")
    )
    table = client.describe_table(TableName=conf().table)["Table"]
    assert {i["IndexName"] for i in table["GlobalSecondaryIndexes"]} == set(StoredFile._indexes)
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_a_failure_reports_the_resource_and_the_reason() -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": conf().bucket}}
    with pytest.raises(ProvisioningError, match=r"Broken .*already exists"):
        deploy("broken", json.dumps({"Resources": {"Broken": bucket}}))


@pytest.mark.usefixtures("no_pauses")
def test_an_endpoint_that_is_down_is_one_sentence(aws: LocalAws, settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"ENDPOINT_URL": "http://127.0.0.1:9"}
    with pytest.raises(CommandError, match="CloudFormation"):
        call_command("provision")
