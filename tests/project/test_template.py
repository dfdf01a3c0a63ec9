"""infra/filehub.yaml with each of its parameters, on and off."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.support.template import NAMES, render, source
from uploads.core import limits

KEY = "arn:aws:kms:eu-west-1:123456789012:key/0a1b"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
QUEUES = ("EventsQueue", "EventsDeadLetters", "TasksQueue", "TasksDeadLetters", "LowQueue")
POLICIES = ("Web", "Consumer", "Worker", "Beat", "Operator", "Maintenance", "Adoption")
ROLES = ("Web", "Consumer", "Worker", "Beat")


def properties(name: str, **parameters: str) -> Any:
    return render(**parameters)["Resources"][name]["Properties"]


def of_type(type_: str, **parameters: str) -> dict[str, Any]:
    return {
        name: resource["Properties"]
        for name, resource in render(**parameters)["Resources"].items()
        if resource["Type"] == type_
    }


def actions(policy: str, prefix: str, **parameters: str) -> set[str]:
    """The actions of a service that a policy allows."""
    found: set[str] = set()
    for statement in properties(f"{policy}Policy", **parameters)["PolicyDocument"]["Statement"]:
        named = statement["Action"]
        found.update([named] if isinstance(named, str) else named)
    return {action for action in found if action.startswith(prefix)}


#: What is in the template by default, and what a parameter makes of it: a function of parameters,
#: the parameters, and its value without and with them.
VARIANTS: dict[str, tuple[Callable[..., Any], dict[str, str], Any, Any]] = {
    "bucket encryption": (
        lambda **p: properties("Bucket", **p)["BucketEncryption"][
            "ServerSideEncryptionConfiguration"
        ],
        {"KmsKeyArn": KEY},
        [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}],
        [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY},
          "BucketKeyEnabled": True}],
    ),
    "table encryption": (
        lambda **p: properties("Table", **p)["SSESpecification"],
        {"KmsKeyArn": KEY},
        {"SSEEnabled": True},
        {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY},
    ),
    **{
        f"encryption of {queue}": (
            lambda queue=queue, **p: {
                key: value for key, value in properties(queue, **p).items()
                if key in {"SqsManagedSseEnabled", "KmsMasterKeyId"}
            },
            {"KmsKeyArn": KEY},
            {"SqsManagedSseEnabled": True},
            {"KmsMasterKeyId": KEY},
        )
        for queue in QUEUES
    },
    **{
        f"key of {policy}": (
            lambda policy=policy, **p: actions(policy, "kms:", **p),
            {"KmsKeyArn": KEY},
            set(),
            {"kms:Decrypt"} | ({"kms:GenerateDataKey"} if policy != "Maintenance" else set()),
        )
        for policy in POLICIES
    },
    "versioning": (
        lambda **p: properties("Bucket", **p).get("VersioningConfiguration"),
        {"Versioning": "Enabled"}, None, {"Status": "Enabled"},
    ),
    "versioning, suspended": (
        lambda **p: properties("Bucket", **p).get("VersioningConfiguration"),
        {"Versioning": "Suspended"}, None, {"Status": "Suspended"},
    ),
    "days of old versions": (
        lambda **p: properties("Bucket", **p)["LifecycleConfiguration"]["Rules"][1],
        {"NoncurrentDays": "7"},
        {"Id": "expire-noncurrent-versions", "Status": "Enabled",
         "NoncurrentVersionExpiration": {"NoncurrentDays": "30"}},
        {"Id": "expire-noncurrent-versions", "Status": "Enabled",
         "NoncurrentVersionExpiration": {"NoncurrentDays": "7"}},
    ),
    "bucket policy": (
        lambda **p: len(of_type("AWS::S3::BucketPolicy", **p)), {"TlsOnly": "false"}, 1, 0,
    ),
    "table": (
        lambda **p: len(of_type("AWS::DynamoDB::Table", **p)), {"ExistingTable": "true"}, 1, 0,
    ),
    "alarms": (
        lambda **p: len(of_type("AWS::CloudWatch::Alarm", **p)), {"Alarms": "false"}, 8, 0,
    ),
    "alarm topic": (
        lambda **p: {
            (str(alarm.get("AlarmActions")), str(alarm.get("OKActions")))
            for alarm in of_type("AWS::CloudWatch::Alarm", **p).values()
        },
        {"AlarmTopicArn": TOPIC}, {("None", "None")}, {(f"['{TOPIC}']", f"['{TOPIC}']")},
    ),
    "roles": (
        lambda **p: {
            name: (role["ManagedPolicyArns"],
                   role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"])
            for name, role in of_type("AWS::IAM::Role", **p).items()
        },
        {"RoleService": "ecs-tasks.amazonaws.com"},
        {},
        {f"{name}Role": ([f"<{name}Policy>"], {"Service": "ecs-tasks.amazonaws.com"})
         for name in ROLES},
    ),
    "outputs of roles": (
        lambda **p: {name for name in render(**p)["Outputs"] if name.endswith("RoleArn")},
        {"RoleService": "ec2.amazonaws.com"}, set(), {f"{name}RoleArn" for name in ROLES},
    ),
    "actions on GuardDuty": (
        lambda **p: {
            policy: found for policy in POLICIES if (found := actions(policy, "guardduty:", **p))
        },
        {"Scan": "guardduty"},
        {},
        {"Worker": {"guardduty:SendObjectMalwareScan"},
         "Operator": {"guardduty:ListMalwareProtectionPlans",
                      "guardduty:GetMalwareProtectionPlan"}},
    ),
    "plan of GuardDuty": (
        lambda **p: [
            (plan["ProtectedResource"]["S3Bucket"], plan["Actions"]["Tagging"])
            for plan in of_type("AWS::GuardDuty::MalwareProtectionPlan", **p).values()
        ],
        {"Scan": "guardduty"},
        [],
        [({"BucketName": "<Bucket>", "ObjectPrefixes": ["uploads/"]}, {"Status": "DISABLED"})],
    ),
    "senders to the events queue": (
        lambda **p: [
            (statement["Principal"]["Service"], statement["Condition"]["ArnEquals"])
            for statement in properties("EventsQueuePolicy", **p)["PolicyDocument"]["Statement"]
        ],
        {"Scan": "guardduty"},
        [("s3.amazonaws.com", {"aws:SourceArn": "arn:aws:s3:::the-bucket"})],
        [("s3.amazonaws.com", {"aws:SourceArn": "arn:aws:s3:::the-bucket"}),
         ("events.amazonaws.com", {"aws:SourceArn": "<ScanRule.Arn>"})],
    ),
    "notifications to EventBridge": (
        lambda **p: properties("Bucket", **p)["NotificationConfiguration"].get(
            "EventBridgeConfiguration"
        ),
        {"Scan": "guardduty"}, None, {"EventBridgeEnabled": True},
    ),
    "origins": (
        lambda **p: "CorsConfiguration" in properties("Bucket", **p), {"CorsOrigins": ""},
        True, False,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("read", "parameters", "before", "after"), VARIANTS.values(), ids=VARIANTS)
def test_each_parameter_changes_what_it_names(
    read: Callable[..., Any], parameters: dict[str, str], before: Any, after: Any
) -> None:
    assert read() == before
    assert read(**parameters) == after


@pytest.mark.parametrize("boundary", ["", BOUNDARY])
def test_every_role_has_the_permissions_boundary(boundary: str) -> None:
    roles = of_type(
        "AWS::IAM::Role", RoleService="ec2.amazonaws.com", Scan="guardduty",
        PermissionsBoundaryArn=boundary,
    )  # fmt: skip
    assert {role.get("PermissionsBoundary", "") for role in roles.values()} == {boundary}


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [
        ("eu-west-1", "arn:aws:", "eu-west-1.amazonaws.com"),
        ("cn-north-1", "arn:aws-cn:", "cn-north-1.amazonaws.com.cn"),
    ],
)
def test_the_template_names_no_partition(region: str, partition: str, suffix: str) -> None:
    text = json.dumps(
        render(region, KmsKeyArn="the key", RoleService="the service", Scan="guardduty")
    )
    arns = {part.split('"')[0][:11] for part in text.split('"') if part.startswith("arn:")}
    assert {arn[: len(partition)] for arn in arns} == {partition}
    assert f'"s3.{suffix}"' in text


#: A parameter set in one of these ways only changes what exists already.
HARMLESS = (
    {"KmsKeyArn": KEY}, {"Versioning": "Enabled"}, {"Alarms": "false"}, {"AlarmTopicArn": TOPIC},
    {"RoleService": "ec2.amazonaws.com"}, {"TlsOnly": "false"}, {"NoncurrentDays": "1"},
    {"CorsOrigins": ""}, {"Scan": "guardduty"},
)  # fmt: skip
#: Type -> properties whose change replaces the resource.
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
REPLACING = {
    "AWS::S3::Bucket": ("BucketName",),
    "AWS::SQS::Queue": ("QueueName", "FifoQueue"),
    "AWS::DynamoDB::Table": ("TableName", "KeySchema", "ImportSourceSpecification"),
    "AWS::IAM::ManagedPolicy": ("Description", "ManagedPolicyName", "Path"),
}


@pytest.mark.parametrize("parameters", HARMLESS, ids=str)
def test_no_parameter_replaces_a_resource(parameters: dict[str, str]) -> None:
    for type_, names in REPLACING.items():
        before, after = of_type(type_), of_type(type_, **parameters)
        assert before.keys() == after.keys()
        for name in before:
            for key in names:
                assert before[name].get(key) == after[name].get(key)


def test_two_installations_share_no_name() -> None:
    """Whatever has a name has one of the settings; CloudFormation names the rest."""
    others = {
        **NAMES, "BucketName": "b", "TableName": "t", "EventsQueueName": "e", "TasksQueueName": "q",
    }  # fmt: skip
    named = ("BucketName", "TableName", "QueueName", "AlarmName", "RoleName", "ManagedPolicyName")
    parameters = {"RoleService": "ec2.amazonaws.com", "Scan": "guardduty"}
    first, second = (
        {
            resource["Properties"][key]
            for resource in render(**parameters, **names)["Resources"].values()
            for key in named
            if key in resource["Properties"]
        }
        for names in ({}, others)
    )
    assert len(first) == 7
    assert not first & second
    assert all("Export" not in output for output in source()["Outputs"].values())


def test_bucket_and_table_survive_mistakes() -> None:
    resources = render()["Resources"]
    for name in ("Bucket", "Table"):
        assert resources[name]["DeletionPolicy"] == resources[name]["UpdateReplacePolicy"]
        assert resources[name]["DeletionPolicy"] == "Retain"
    table = resources["Table"]["Properties"]
    assert table["DeletionProtectionEnabled"] is True
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}
    first, versions, markers = resources["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert first["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 8}
    assert timedelta(days=8) > limits.MULTIPART_LIFETIME
    assert "NoncurrentVersionExpiration" in versions
    assert markers["ExpiredObjectDeleteMarker"] is True
    assert {rule["Status"] for rule in (first, versions, markers)} == {"Enabled"}


@pytest.mark.parametrize(
    ("alarm", "metric", "threshold", "seconds"),
    [
        ("EventsDeadLettersAlarm", "ApproximateNumberOfMessagesVisible", 0, 60),
        ("TasksDeadLettersAlarm", "ApproximateNumberOfMessagesVisible", 0, 60),
        ("OldestEventAlarm", "ApproximateAgeOfOldestMessage", 300, 60),
        ("OldestTaskAlarm", "ApproximateAgeOfOldestMessage", 3600, 60),
        ("ReadThrottleAlarm", "ReadThrottleEvents", 0, 180),
        ("WriteThrottleAlarm", "WriteThrottleEvents", 0, 180),
        ("IndexThrottleAlarm", "WriteThrottleEvents", 0, 180),
    ],
)
def test_each_alarm_starts_above_its_threshold(
    alarm: str, metric: str, threshold: int, seconds: int
) -> None:
    found = properties(alarm)
    assert (found["MetricName"], found["Threshold"]) == (metric, threshold)
    assert found["ComparisonOperator"] == "GreaterThanThreshold"
    assert found["Period"] * found["EvaluationPeriods"] == seconds
    assert found["TreatMissingData"] == "notBreaching"


def test_the_records_of_files_are_never_deleted() -> None:
    """The local AWS does not check conditions on keys, so it allows more than AWS would."""
    found = []
    for name in POLICIES:
        for statement in properties(f"{name}Policy")["PolicyDocument"]["Statement"]:
            named = statement["Action"]
            if "dynamodb:DeleteItem" in ([named] if isinstance(named, str) else named):
                found.append((name, named, statement.get("Condition")))

    def only(*keys: str) -> object:
        return {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(keys)}}

    assert found == [
        ("Web", "dynamodb:DeleteItem", only("folder#*")),
        ("Worker", "dynamodb:DeleteItem", only("folder#*", "outbox#*")),
    ]
