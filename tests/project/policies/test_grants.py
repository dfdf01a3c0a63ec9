"""No permission is missing, and none is unnecessary: without any one of them, something fails."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from tests.operations.adoption.helpers import new_bucket
from tests.project.documents import blocks, read
from tests.project.policies import work
from tests.project.policies.web_steps import THRESHOLD
from tests.support.policies import Grant, create_user, grants, policies, policy_of, without
from uploads.core.conf import conf

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("aws", "small_parts")]


@pytest.fixture
def small_parts(settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"MULTIPART_THRESHOLD": THRESHOLD, "PART_SIZE": THRESHOLD}


def reading(bucket: str) -> list[object]:
    """What docs/adopting.md grants on the bucket of the originals, each in a policy of its own."""
    (block,) = blocks(read("docs/adopting.md"), "json")
    statements = json.loads(block.replace("old-bucket", bucket))["Statement"]
    return [policy_of(statement["Action"], statement["Resource"]) for statement in statements]


def unnecessary(
    policy: str, steps: work.Steps, stack: str = "filehub", others: Sequence[object] = ()
) -> list[Grant]:
    """The permissions without which all steps still succeed, beside those of `others`.

    Those of worker and beat on queues are left to test_process_grants.py: only their real processes
    poll and acknowledge.
    """
    document = policies(stack)[policy]
    assert work.first_failure(steps, create_user(document, *others)) == ""
    return [
        grant
        for grant in grants(policy, document)
        if not (policy == "Worker" and grant.action.startswith("sqs:"))
        and not work.first_failure(steps, create_user(without(document, grant), *others))
    ]


@pytest.mark.exhaustive
def test_the_web_needs_each_of_its_permissions(root: User) -> None:
    User.objects.create_user("other")
    assert unnecessary("Web", work.web(root)) == []


@pytest.mark.exhaustive
def test_the_consumer_needs_each_of_its_permissions() -> None:
    assert unnecessary("Consumer", work.consumer()) == []


@pytest.mark.exhaustive
def test_the_worker_needs_each_of_its_permissions() -> None:
    assert unnecessary("Worker", work.worker()) == []


def test_recount_needs_each_of_its_permissions() -> None:
    assert unnecessary("Maintenance", work.maintenance()) == []


@pytest.mark.exhaustive
def test_adopt_needs_each_of_its_permissions(alice: User) -> None:
    bucket = new_bucket()
    assert unnecessary("Adoption", work.adoption(bucket, alice), others=reading(bucket)) == []


@pytest.mark.exhaustive
def test_adopt_needs_each_permission_on_the_originals(alice: User) -> None:
    bucket, adoption = new_bucket(), policies()["Adoption"]
    steps, both = work.adoption(bucket, alice), reading(bucket)
    assert work.first_failure(steps, create_user(adoption, *both)) == ""
    for one in both:
        assert work.first_failure(steps, create_user(adoption, one))


@pytest.mark.exhaustive
@pytest.mark.usefixtures("pipeline")
def test_doctor_needs_each_of_its_permissions() -> None:
    stack = f"stack-{conf().bucket.removeprefix('bucket-')}"
    assert unnecessary("Operator", work.operator(), stack) == []
