"""Users of local AWS with the policies of the stack, whole or with one permission removed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.credentials import Credentials, ReadOnlyCredentials

from tests.support.processes import ROOT
from uploads.core.conf import conf

#: Local AWS checks the batch operations of SQS under names of their own, which AWS does not have:
#: there, the permission for the single operation covers both.
_BATCHES = {
    f"sqs:{action}": f"sqs:{action}Batch"
    for action in ("SendMessage", "DeleteMessage", "ChangeMessageVisibility")
}


@dataclass(frozen=True)
class Grant:
    """One action on one resource, by the logical name of the policy that allows it."""

    policy: str
    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.policy}: {self.action} on {self.resource}"


@dataclass(frozen=True)
class UserKey:
    """The access key of a user."""

    access_key: str
    secret_key: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }


ROOT_KEY = UserKey("test", "test")


def client(service: str) -> Any:
    """A client with the permissions of local AWS's root user."""
    return boto3.client(
        service,  # type: ignore[call-overload]
        region_name=conf().region,
        endpoint_url=conf().endpoint_url,
    )


def policies(stack: str = "filehub") -> dict[str, Any]:
    """The documents of a stack's policies, by the name of their output without `PolicyArn`."""
    outputs = client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    return {
        output["OutputKey"].removesuffix("PolicyArn"): _document(output["OutputValue"])
        for output in outputs
        if output["OutputKey"].endswith("PolicyArn")
    }


def _document(arn: str) -> Any:
    iam = client("iam")
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def grants(policy: str, document: Any) -> list[Grant]:
    """Everything that a policy allows, one action and one resource at a time."""
    return [
        Grant(policy, action, resource)
        for statement in document["Statement"]
        for action in _as_list(statement["Action"])
        for resource in _as_list(statement["Resource"])
    ]


def without(document: Any, removed: Grant) -> Any:
    """The document without this action on this resource."""
    return _document_of(grant for grant in grants(removed.policy, document) if grant != removed)


def policy_of(action: str, resource: str) -> Any:
    """A document that allows one action on one resource."""
    return _document_of([Grant("", action, resource)])


def _document_of(allowed: Iterable[Grant]) -> Any:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": grant.action, "Resource": grant.resource}
            for grant in allowed
        ],
    }


def create_user(*documents: Any) -> UserKey:
    """A user with exactly these policies, and with what only local AWS asks for."""
    iam, name = client("iam"), f"user-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    for number, document in enumerate(documents):
        _put(name, f"policy-{number}", document)
        # Separately, since AWS has no such actions.
        batches = [
            Grant("", _BATCHES[grant.action], grant.resource)
            for grant in grants("", document)
            if grant.action in _BATCHES
        ]
        if batches:
            _put(name, f"only-for-local-aws-{number}", _document_of(batches))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return UserKey(key["AccessKeyId"], key["SecretAccessKey"])


def _put(user: str, name: str, document: Any) -> None:
    client("iam").put_user_policy(
        UserName=user, PolicyName=name, PolicyDocument=json.dumps(document)
    )


def run(key: UserKey, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python …` as this user."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | key.environment,
        capture_output=True,
        text=True,
    )


@contextmanager
def signed_by(key: UserKey) -> Iterator[None]:
    """Sign every request of this process as this user, also with clients that exist already.

    botocore reads the key from this one method for every signature, and so does filehub for
    presigned requests.
    """
    frozen = ReadOnlyCredentials(key.access_key, key.secret_key, None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Credentials, "get_frozen_credentials", lambda self: frozen)
        yield


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
