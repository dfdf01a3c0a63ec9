"""Permissions, the number of requests to AWS, and outages."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.operations.report.helpers import (
    ABORT,
    PATH,
    begin,
    choice,
    page,
    section,
    unfinished_in_s3,
)
from tests.support.aws_requests import AwsRequests
from tests.support.files import store
from tests.support.users import Api, signed_in, staff
from uploads.files.usage import Counter
from uploads.models import ApiToken
from uploads.operations import report

pytestmark = pytest.mark.usefixtures("aws")


def test_each_permission_opens_its_own_part(alice: User) -> None:
    upload_id, s3_id = begin()
    form = {"upload": choice(upload_id, s3_id), "confirmed": "yes"}
    for permissions, see, end in [
        ((), 403, 403),
        (("view_file", "delete_file"), 403, 403),
        (("view_storagereport",), 200, 403),
    ]:
        client = staff(User.objects.get(pk=alice.pk), *permissions)
        assert client.get(PATH).status_code == see, permissions
        assert client.post(ABORT, form).status_code == end, permissions
        assert unfinished_in_s3() == {s3_id}
    assert 'name="only"' not in page(client)
    client = staff(User.objects.get(pk=alice.pk), "view_storagereport", "delete_storagereport")
    assert 'name="only"' in page(client)
    assert client.post(ABORT, form).status_code == 302
    assert unfinished_in_s3() == set()


def test_an_api_token_gives_no_access(api: Api) -> None:
    assert ApiToken.objects.count() == 1
    assert api.get(PATH).status_code == 302


def test_a_cross_site_form_aborts_nothing(admin_user: User) -> None:
    upload_id, s3_id = begin()
    client = signed_in(admin_user, checks_csrf=True)
    form = {"upload": choice(upload_id, s3_id), "confirmed": "yes"}
    assert client.post(ABORT, form).status_code == 403
    assert unfinished_in_s3() == {s3_id}


@pytest.mark.parametrize("owners", [2, 150])
def test_the_cost_does_not_depend_on_the_number_of_owners(
    admin: Client,
    aws_requests: AwsRequests,
    owners: int,
) -> None:
    with Counter.batch_write() as batch:
        for number in range(owners):
            batch.save(
                Counter(f"owner#{number}", owner=str(number), feed="owners", files=9, bytes=9)
            )
    for _ in range(3):
        begin()
    aws_requests.counts()
    page(admin)
    # One request for the groups, two for 30 days in four parts, one for owners, one for the last
    # runs; one for the unfinished uploads and one more for each of those on the page.
    assert aws_requests.counts() == {"dynamodb": 5, "s3": 1 + 3}


def test_only_the_unfinished_uploads_on_the_page_are_requested(
    admin: Client,
    aws_requests: AwsRequests,
) -> None:
    for _ in range(report.UNFINISHED + 4):
        begin()
    aws_requests.counts()
    page(admin)
    assert aws_requests.counts()["s3"] == 1 + report.UNFINISHED


@pytest.mark.parametrize(
    ("service", "unavailable", "available"),
    [
        ("s3", {"unfinished"}, {"kinds-title", "owners-title", "days-title"}),
        ("dynamodb", {"kinds-title", "owners-title", "days-title"}, {"unfinished"}),
    ],
)
@pytest.mark.usefixtures("no_pauses")
def test_an_outage_affects_only_the_parts_of_that_service(
    admin: Client,
    aws_requests: AwsRequests,
    service: str,
    unavailable: set[str],
    available: set[str],
) -> None:
    store("7")
    begin(b"x")
    aws_requests.cut.add(service)
    html = page(admin)
    for title in unavailable:
        assert "not available at the moment" in section(html, title)
    for title in available:
        assert "not available" not in section(html, title)
        assert re.search(r"\d", section(html, title))
