"""No permission is missing, and none is unnecessary: without any one of them, something fails."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from tests.project.policies import work
from tests.project.policies.web_steps import THRESHOLD
from tests.support.policies import Grant, create_user, grants, policies, without
from uploads.core.conf import conf

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("aws", "small_parts")]


@pytest.fixture
def small_parts(settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"MULTIPART_THRESHOLD": THRESHOLD, "PART_SIZE": THRESHOLD}


def unnecessary(policy: str, steps: work.Steps, stack: str = "filehub") -> list[Grant]:
    """The permissions without which all steps still succeed.

    Those of worker and beat on queues are left to test_process_grants.py: only their real processes
    poll and acknowledge.
    """
    document = policies(stack)[policy]
    assert work.first_failure(steps, create_user(document)) == ""
    return [
        grant
        for grant in grants(policy, document)
        if not (policy == "Worker" and grant.action.startswith("sqs:"))
        and not work.first_failure(steps, create_user(without(document, grant)))
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
@pytest.mark.usefixtures("pipeline")
def test_doctor_needs_each_of_its_permissions() -> None:
    stack = f"stack-{conf().bucket.removeprefix('bucket-')}"
    assert unnecessary("Operator", work.operator(), stack) == []
