"""Deploy infra/filehub.yaml with CloudFormation, locally and on AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from uploads.aws import clients
from uploads.core.conf import conf
from uploads.core.limits import VISIBILITY_TIMEOUT

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef, TagTypeDef

#: Seconds between two checks of the stack, and the maximum number of checks.
_WAIT = {"Delay": 2, "MaxAttempts": 450}
#: Parameters that name resources -> the setting that they come from. If one of them changes,
#: CloudFormation makes a new resource, and deletes a queue with its messages.
_NAMES = {
    "BucketName": "FILEHUB_BUCKET",
    "TableName": "FILEHUB_TABLE",
    "EventsQueueName": "FILEHUB_EVENTS_QUEUE",
    "TasksQueueName": "FILEHUB_TASKS_QUEUE",
}
_EXISTING_TABLE = "ExistingTable"


class ProvisioningError(Exception):
    """The stack could not be deployed; the message names the resource and the reason."""


@dataclass(frozen=True)
class Choices:
    """What an operator chooses for a stack, besides the settings. It is kept by later runs."""

    #: Values of the template's parameters.
    parameters: Mapping[str, str] = field(default_factory=dict)
    #: Tags of the stack and of everything in it.
    tags: Mapping[str, str] = field(default_factory=dict)
    #: Replace resources whose names have changed. Not kept.
    replace: bool = False


@dataclass(frozen=True)
class _Stack:
    """A stack as it is before it is deployed."""

    name: str
    exists: bool
    parameters: Mapping[str, str]
    tags: Mapping[str, str]


def deploy(stack: str, template: str, choices: Choices | None = None) -> dict[str, str]:
    """Create or update the stack, wait for it, and return its outputs.

    Raises ProvisioningError, also if that would touch a table that the stack has not made, or
    replace a resource without `choices.replace`.
    """
    client = clients.cloudformation()
    choices = choices or Choices()
    try:
        current = _describe(client, stack)
        declared = {
            parameter["ParameterKey"]
            for parameter in client.get_template_summary(TemplateBody=template)["Parameters"]
        }
        _check_choices(choices, declared)
        _check_names(current, choices)
        if _EXISTING_TABLE in declared:
            _check_table(client, current, choices)
        return _deploy(client, current, template, _parameters(current, choices, declared), choices)
    except (BotoCoreError, ClientError) as exc:
        raise ProvisioningError(f"CloudFormation refused: {exc}") from exc


def _from_settings() -> dict[str, str]:
    """The values of the template's parameters that follow from the settings."""
    endpoint = conf().endpoint("s3") or ""
    return {
        "BucketName": conf().bucket,
        "TableName": conf().table,
        "EventsQueueName": conf().events_queue,
        "TasksQueueName": conf().tasks_queue,
        "TasksVisibilityTimeout": str(VISIBILITY_TIMEOUT),
        "CorsOrigins": ",".join(conf().cors_origins),
        "TlsOnly": "false" if endpoint.startswith("http:") else "true",
    }


def _parameters(current: _Stack, choices: Choices, declared: set[str]) -> list[ParameterTypeDef]:
    """From the settings, then from the choices, then as before, then the template's default."""
    values = {**choices.parameters, **_from_settings()}
    parameters: list[ParameterTypeDef] = []
    for key in sorted(declared):
        if key in values:
            parameters.append({"ParameterKey": key, "ParameterValue": values[key]})
        elif key in current.parameters:
            parameters.append({"ParameterKey": key, "UsePreviousValue": True})
    return parameters


def _deploy(
    client: CloudFormationClient,
    current: _Stack,
    template: str,
    parameters: list[ParameterTypeDef],
    choices: Choices,
) -> dict[str, str]:
    action = client.update_stack if current.exists else client.create_stack
    try:
        action(
            StackName=current.name,
            TemplateBody=template,
            Parameters=parameters,
            Tags=_tags(current, choices),
            Capabilities=["CAPABILITY_IAM"],
        )
    except ClientError as exc:
        if "No updates are to be performed" in str(exc):
            return _outputs(client, current.name)
        raise
    name = "stack_update_complete" if current.exists else "stack_create_complete"
    try:
        client.get_waiter(name).wait(StackName=current.name, WaiterConfig=_WAIT)  # type: ignore[call-overload]
    except WaiterError as exc:
        raise ProvisioningError(_failure(client, current.name)) from exc
    return _outputs(client, current.name)


def _tags(current: _Stack, choices: Choices) -> list[TagTypeDef]:
    """CloudFormation passes a stack's tags on to its resources, and removes those left out."""
    own = {"application": "filehub", "installation": current.name}
    tags = {**own, **current.tags, **choices.tags}
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _describe(client: CloudFormationClient, stack: str) -> _Stack:
    try:
        found = client.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as exc:
        if "does not exist" in str(exc):
            return _Stack(stack, exists=False, parameters={}, tags={})
        raise
    status = found["StackStatus"]
    if status == "ROLLBACK_COMPLETE":
        raise ProvisioningError(
            f"The stack {stack} failed when it was first created and can only be deleted: "
            f"aws cloudformation delete-stack --stack-name {stack}"
        )
    if status == "DELETE_COMPLETE":
        return _Stack(stack, exists=False, parameters={}, tags={})
    return _Stack(
        stack,
        exists=True,
        parameters={p["ParameterKey"]: p["ParameterValue"] for p in found.get("Parameters", [])},
        tags={tag["Key"]: tag["Value"] for tag in found.get("Tags", [])},
    )


def _check_choices(choices: Choices, declared: set[str]) -> None:
    for key in choices.parameters:
        if key in _from_settings():
            source = _NAMES.get(key, "the settings")
            raise ProvisioningError(f"{key} cannot be chosen: it comes from {source}.")
        if key not in declared:
            raise ProvisioningError(
                f"{key} is not a parameter of the template. It has: {', '.join(sorted(declared))}."
            )


def _check_names(current: _Stack, choices: Choices) -> None:
    """Refuse to replace resources: the settings may be those of another installation."""
    values = _from_settings()
    is_existing = _uses_existing_table(current, choices)
    for key, setting in _NAMES.items():
        before = current.parameters.get(key, values[key])
        if before == values[key] or choices.replace or (key == "TableName" and is_existing):
            continue
        raise ProvisioningError(
            f"The stack {current.name} has {before!r}, but {setting} is {values[key]!r}. If the "
            "settings are those of another installation, use a stack of its own (--stack, or "
            "FILEHUB_PREFIX). To get a new, empty resource instead of the present one, add "
            "--replace: a bucket or table then stays, but a queue is deleted with its messages."
        )


def _uses_existing_table(current: _Stack, choices: Choices) -> bool:
    chosen = choices.parameters.get(_EXISTING_TABLE)
    return (chosen or current.parameters.get(_EXISTING_TABLE)) == "true"


def _check_table(client: CloudFormationClient, current: _Stack, choices: Choices) -> None:
    """Refuse to touch a table that the stack has not made, and to rely on one that is missing."""
    table, exists = conf().table, _table_exists()
    if _uses_existing_table(current, choices):
        if not exists:
            raise ProvisioningError(
                f"The table {table} does not exist, so the stack cannot use it. Restore it first, "
                f"or let the stack make it: --parameter {_EXISTING_TABLE}=false"
            )
    elif exists and table != _own_table(client, current):
        raise ProvisioningError(
            f"The table {table} exists, but the stack {current.name} has not made it, so provision "
            "does not touch it. To use the table as it is, add --existing-table."
        )


def _table_exists() -> bool:
    try:
        clients.dynamodb().describe_table(TableName=conf().table)
    except ClientError as exc:
        if exc.response["Error"]["Code"] == "ResourceNotFoundException":
            return False
        raise
    return True


def _own_table(client: CloudFormationClient, current: _Stack) -> str | None:
    """The name of the table that is part of the stack, if there is one."""
    if not current.exists:
        return None
    try:
        resource = client.describe_stack_resource(
            StackName=current.name, LogicalResourceId="Table"
        )["StackResourceDetail"]
    except ClientError as exc:
        if "does not exist" in str(exc):
            return None
        raise
    if resource["ResourceStatus"].startswith("DELETE_"):
        return None
    return resource.get("PhysicalResourceId")


def _failure(client: CloudFormationClient, stack: str) -> str:
    """The resource that failed first, and why."""
    events = client.describe_events(StackName=stack)["OperationEvents"]
    # Newest first. A validation error, found before any change, is the best explanation.
    invalid = [e for e in events if e.get("ValidationStatus") == "FAILED"]
    failed = [e for e in events if e.get("ResourceStatus", "").endswith("_FAILED")]
    # The oldest failure is the cause; the others were cancelled because of it.
    causes = [e for e in failed if "cancelled" not in e.get("ResourceStatusReason", "")] or failed
    if not invalid and not causes:
        return f"The stack {stack} did not become ready and reported no failed resource."
    cause = (invalid or causes)[-1]
    reason = cause.get("ValidationStatusReason") or cause.get("ResourceStatusReason")
    resource = f"{cause.get('LogicalResourceId')} ({cause.get('ResourceType')})"
    return f"{resource} failed: {reason or 'no reason was given'}{_advice(reason or '')}"


def _advice(reason: str) -> str:
    """What to do if CloudFormation cannot make a change at all.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
    (GlobalSecondaryIndexes)
    """
    if "Cannot update GSI" not in reason:
        return ""
    return (
        " The indexes of this version have other attributes than those of the existing table. Run "
        "provision --existing-table --repair: the table leaves the stack, stays as it is, and its "
        "indexes are built again, one at a time. Lists that need an index fail until it is built."
    )


def _outputs(client: CloudFormationClient, stack: str) -> dict[str, str]:
    description = client.describe_stacks(StackName=stack)["Stacks"][0]
    return {o["OutputKey"]: o["OutputValue"] for o in description.get("Outputs", [])}
