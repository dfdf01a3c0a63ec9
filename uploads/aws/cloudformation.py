"""Deploy infra/filehub.yaml with CloudFormation, locally and on AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from uploads.aws import clients
from uploads.core.conf import conf
from uploads.core.limits import VISIBILITY_TIMEOUT

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef

#: Seconds between two checks of the stack, and the maximum number of checks.
_WAIT = {"Delay": 2, "MaxAttempts": 450}


class ProvisioningError(Exception):
    """The stack could not be deployed; the message names the resource and the reason."""


def parameters() -> list[ParameterTypeDef]:
    """The values of the template's parameters, from the settings."""
    values = {
        "BucketName": conf().bucket,
        "TableName": conf().table,
        "EventsQueueName": conf().events_queue,
        "TasksQueueName": conf().tasks_queue,
        "TasksVisibilityTimeout": str(VISIBILITY_TIMEOUT),
        "CorsOrigins": ",".join(conf().cors_origins),
    }
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def deploy(stack: str, template: str) -> dict[str, str]:
    """Create or update the stack, wait for it, and return its outputs.

    Raises ProvisioningError.
    """
    client = clients.cloudformation()
    try:
        exists = _exists(client, stack)
        action = client.update_stack if exists else client.create_stack
        try:
            action(
                StackName=stack,
                TemplateBody=template,
                Parameters=parameters(),
                Capabilities=["CAPABILITY_IAM"],
            )
        except ClientError as exc:
            if "No updates are to be performed" in str(exc):
                return _outputs(client, stack)
            raise
        waiter = client.get_waiter("stack_update_complete" if exists else "stack_create_complete")
        try:
            waiter.wait(StackName=stack, WaiterConfig=_WAIT)  # type: ignore[arg-type]
        except WaiterError as exc:
            raise ProvisioningError(_failure(client, stack)) from exc
        return _outputs(client, stack)
    except (BotoCoreError, ClientError) as exc:
        raise ProvisioningError(f"CloudFormation refused: {exc}") from exc


def _exists(client: CloudFormationClient, stack: str) -> bool:
    try:
        stacks = client.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as exc:
        if "does not exist" in str(exc):
            return False
        raise
    status = stacks[0]["StackStatus"]
    if status == "ROLLBACK_COMPLETE":
        raise ProvisioningError(
            f"The stack {stack} failed when it was first created and can only be deleted: "
            f"aws cloudformation delete-stack --stack-name {stack}"
        )
    return status != "DELETE_COMPLETE"


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
    return f"{resource} failed: {reason or 'no reason was given'}"


def _outputs(client: CloudFormationClient, stack: str) -> dict[str, str]:
    description = client.describe_stacks(StackName=stack)["Stacks"][0]
    return {o["OutputKey"]: o["OutputValue"] for o in description.get("Outputs", [])}
