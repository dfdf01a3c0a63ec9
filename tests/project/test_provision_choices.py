"""What operators choose for a stack is kept, and `provision` refuses what would do damage."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.support.policies import client, create_user, grants, policies, signed_by
from tests.support.template import render
from uploads.aws import clients, cloudformation, s3
from uploads.core.conf import InvalidSettings, conf, validate
from uploads.core.errors import BackendUnavailable


@pytest.fixture
def stack(own_queues: None) -> str:
    """A stack of this test's own; returns its name."""
    return f"stack-{conf().bucket.removeprefix('bucket-')}"


def provision(stack: str, *options: str) -> str:
    out = StringIO()
    call_command("provision", "--stack", stack, *options, stdout=out)
    return out.getvalue()


def described(stack: str) -> Any:
    return clients.cloudformation().describe_stacks(StackName=stack)["Stacks"][0]


def parameters_of(stack: str) -> dict[str, str]:
    return {p["ParameterKey"]: p["ParameterValue"] for p in described(stack)["Parameters"]}


def resources_of(stack: str) -> dict[str, str]:
    listed = clients.cloudformation().describe_stack_resources(StackName=stack)["StackResources"]
    return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in listed}


def refusal(stack: str, *options: str) -> str:
    """The sentence with which the command refuses; it has changed nothing."""
    before = resources_of(stack)
    with pytest.raises(CommandError) as refused:
        provision(stack, *options)
    assert resources_of(stack) == before
    return str(refused.value)


@pytest.mark.exhaustive
def test_later_runs_keep_parameters_and_tags(stack: str) -> None:
    before = resources_of(stack)
    provision(
        stack, "--parameter", "Versioning=Enabled", "--parameter", "NoncurrentDays=7",
        "--tag", "team=files", "--tag", "cost=a=b",
    )  # fmt: skip
    provision(stack, "--parameter", "Alarms=false")
    provision(stack, "--tag", "team=others")
    kept = parameters_of(stack)
    assert (kept["Versioning"], kept["NoncurrentDays"], kept["Alarms"]) == ("Enabled", "7", "false")
    tags = {tag["Key"]: tag["Value"] for tag in described(stack)["Tags"]}
    assert tags == {
        "application": "filehub", "installation": stack, "team": "others", "cost": "a=b",
    }  # fmt: skip
    assert clients.s3().get_bucket_versioning(Bucket=conf().bucket)["Status"] == "Enabled"
    assert resources_of(stack) == {
        name: value for name, value in before.items() if not name.endswith("Alarm")
    }


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--parameter", "Colour=red"), "Colour is not a parameter of the template. It has: A"),
        (("--parameter", "BucketName=x"), "BucketName cannot be chosen: it comes from FILEHUB_B"),
        (("--parameter", "CorsOrigins=x"), "CorsOrigins cannot be chosen: it comes from the sett"),
        (("--parameter", "Versioning=yes"), "Versioning"),
        (("--parameter", "KmsKeyArn=alias/mine"), "KmsKeyArn"),
        (("--parameter", "Versioning"), "'Versioning' is not of the form KEY=VALUE"),
        (("--tag", "=x"), "'=x' is not of the form KEY=VALUE"),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_wrong_options_are_one_sentence_and_change_nothing(
    stack: str, options: tuple[str, ...], text: str
) -> None:
    assert text in refusal(stack, *options)


@pytest.mark.parametrize("key", ["BUCKET", "TABLE", "EVENTS_QUEUE", "TASKS_QUEUE"])
def test_a_stack_of_other_names_is_not_touched(stack: str, key: str, settings: Settings) -> None:
    name = f"other-{conf().bucket}"
    settings.FILEHUB = settings.FILEHUB | {key: name}
    text = refusal(stack)
    assert f"FILEHUB_{key} is {name!r}" in text
    assert "FILEHUB_PREFIX" in text
    assert "--replace" in text


@pytest.mark.exhaustive
def test_a_queue_is_replaced_on_request(stack: str, settings: Settings) -> None:
    name = f"other-{conf().tasks_queue}"
    settings.FILEHUB = settings.FILEHUB | {"TASKS_QUEUE": name}
    provision(stack, "--replace")
    assert resources_of(stack)["TasksQueue"].endswith(f"/{name}")


def restored_table() -> str:
    """A table as DynamoDB restores it from a backup, under another name."""
    name = f"restored-{conf().table}"
    client("dynamodb").restore_table_to_point_in_time(
        SourceTableName=conf().table, TargetTableName=name, UseLatestRestorableTime=True
    )
    return name


def table_of_policies(stack: str) -> set[str]:
    return {
        grant.resource.partition(":table/")[2].partition("/")[0]
        for policy, document in policies(stack).items()
        for grant in grants(policy, document)
        if grant.action.startswith("dynamodb:")
    }


@pytest.mark.exhaustive
def test_a_restored_table_is_used_but_never_touched(stack: str, settings: Settings) -> None:
    dynamodb, made, name = client("dynamodb"), conf().table, restored_table()
    before = dynamodb.describe_table(TableName=name)["Table"]
    settings.FILEHUB = settings.FILEHUB | {"TABLE": name}
    assert "--replace" in refusal(stack)
    text = refusal(stack, "--replace")
    assert f"The table {name} exists, but the stack {stack} has not made it" in text
    assert "--existing-table" in text
    assert f"Table = {name}" in provision(stack, "--existing-table")
    provision(stack)
    assert dynamodb.describe_table(TableName=name)["Table"] == before
    assert table_of_policies(stack) == {name}
    # The table of the stack stays, but no longer belongs to it.
    assert "Table" not in resources_of(stack)
    assert dynamodb.describe_table(TableName=made)["Table"]["TableStatus"] == "ACTIVE"
    settings.FILEHUB = settings.FILEHUB | {"TABLE": made}
    provision(stack)
    assert table_of_policies(stack) == {made}
    assert "has not made it" in refusal(stack, "--parameter", "ExistingTable=false")


def projections() -> dict[str, Any]:
    table = client("dynamodb").describe_table(TableName=conf().table)["Table"]
    return {index["IndexName"]: index["Projection"] for index in table["GlobalSecondaryIndexes"]}


@pytest.mark.exhaustive
def test_the_indexes_of_an_older_table_are_built_again_outside_the_stack(stack: str) -> None:
    """What provision suggests if CloudFormation cannot change the indexes."""
    made = projections()
    dynamodb = client("dynamodb")
    record = {"id": {"S": "1"}, "feed": {"S": "stored#0"}}
    dynamodb.put_item(TableName=conf().table, Item=record)
    for name in made:
        outdate(name)
    assert {each["ProjectionType"] for each in projections().values()} == {"ALL"}
    text = provision(stack, "--existing-table", "--repair")
    assert text.count("repaired: aws dynamodb update-table") == 2 * len(made)
    assert projections() == made
    assert dynamodb.scan(TableName=conf().table)["Items"] == [record]


def outdate(name: str) -> None:
    """Give an index all attributes, as earlier versions did."""
    dynamodb = client("dynamodb")
    table = dynamodb.describe_table(TableName=conf().table)["Table"]
    (keys,) = (
        index["KeySchema"]
        for index in table["GlobalSecondaryIndexes"]
        if index["IndexName"] == name
    )
    updates = (
        {"Delete": {"IndexName": name}},
        {"Create": {"IndexName": name, "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}},
    )
    for update in updates:
        dynamodb.update_table(
            TableName=conf().table,
            AttributeDefinitions=[
                {"AttributeName": key["AttributeName"], "AttributeType": "S"} for key in keys
            ],
            GlobalSecondaryIndexUpdates=[update],
        )


@pytest.mark.parametrize(
    ("reason", "advises"),
    [
        (
            "Cannot update GSI's properties other than Provisioned Throughput and Contributor "
            "Insights Specification. You can create a new GSI with a different name.",
            True,
        ),
        ("Cannot perform more than one GSI creation or deletion in a single update", False),
        ("", False),
    ],
)
def test_provision_says_what_to_do_about_indexes_that_cannot_be_changed(
    reason: str, advises: bool
) -> None:
    assert ("provision --existing-table --repair" in cloudformation._advice(reason)) is advises


def test_a_missing_table_is_not_used(stack: str, settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"TABLE": "nowhere-to-be-found"}
    text = refusal(stack, "--existing-table")
    assert text.startswith("The table nowhere-to-be-found does not exist")


def test_a_new_stack_does_not_touch_a_table_that_exists(stack: str, settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {
        "BUCKET": f"new-{conf().bucket}", "EVENTS_QUEUE": "new-events", "TASKS_QUEUE": "new-tasks",
    }  # fmt: skip
    with pytest.raises(CommandError, match="has not made it"):
        provision("new-stack")


@pytest.mark.exhaustive
def test_each_process_may_have_a_role_with_its_policy(stack: str) -> None:
    provision(stack, "--parameter", "RoleService=ecs-tasks.amazonaws.com")
    iam = client("iam")
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described(stack)["Outputs"]}
    for name in ("Web", "Consumer", "Worker", "Beat"):
        role = outputs[f"{name}RoleArn"].rpartition("/")[2]
        attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        assert [policy["PolicyArn"] for policy in attached] == [outputs[f"{name}PolicyArn"]]


@pytest.mark.exhaustive
def test_the_bucket_refuses_requests_without_tls(stack: str) -> None:
    """Local AWS has no TLS, so `provision` does not ask for it there."""
    assert parameters_of(stack)["TlsOnly"] == "false"
    key = create_user(policies(stack)["Web"])
    with signed_by(key):
        s3.ping()
    document = render(BucketName=conf().bucket)["Resources"]["BucketPolicy"]["Properties"]
    text = json.dumps(document["PolicyDocument"])
    arn = f"arn:aws:s3:::{conf().bucket}"
    client("s3").put_bucket_policy(Bucket=conf().bucket, Policy=text.replace("<Bucket.Arn>", arn))
    with signed_by(key), pytest.raises(BackendUnavailable):
        s3.ping()


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [(None, "true"), ("https://s3.example.com", "true"), ("http://127.0.0.1:4566", "false")],
)
def test_only_an_endpoint_without_tls_turns_off_the_policy(
    endpoint: str | None, expected: str, settings: Settings
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"ENDPOINT_URL": endpoint, "ENDPOINT_URL_S3": None}
    assert cloudformation._from_settings()["TlsOnly"] == expected


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({}, ("filehub", "filehub-uploads", "files", "filehub-events", "filehub-tasks")),
        ({"PREFIX": "docs"}, ("docs", "docs-uploads", "docs-files", "docs-events", "docs-tasks")),
        (
            {"PREFIX": "docs", "BUCKET": "mine", "TABLE": "records"},
            ("docs", "mine", "records", "docs-events", "docs-tasks"),
        ),
    ],
    ids=["default", "prefix", "some names"],
)
def test_a_prefix_begins_the_default_names(values: dict[str, str], names: tuple[str, ...]) -> None:
    found = validate(values)
    assert names == (
        found.prefix, found.bucket, found.table, found.events_queue, found.tasks_queue,
    )  # fmt: skip


@pytest.mark.parametrize("prefix", ["", "Docs", "1st", "a_b", "x" * 51, "-a", "ä"])
def test_a_prefix_that_no_bucket_may_have_is_refused(prefix: str) -> None:
    with pytest.raises(InvalidSettings, match="PREFIX"):
        validate({"PREFIX": prefix})


@pytest.mark.parametrize(
    ("region", "suffix"),
    [
        ("us-east-1", "amazonaws.com"),
        ("us-gov-west-1", "amazonaws.com"),
        ("cn-north-1", "amazonaws.com.cn"),
        ("eusc-de-east-1", "amazonaws.eu"),
        ("xx-nowhere-1", "amazonaws.com"),
    ],
)
def test_the_address_of_s3_is_that_of_its_partition(region: str, suffix: str) -> None:
    assert validate({"REGION": region}).s3_url == f"https://s3.{region}.{suffix}"
