"""Quotas are edited on a user's page."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from pytest_django import Settings

from local.aws import LocalAws
from tests.admin.helpers import GIB, USERS, set_quota
from tests.support.users import Api, script_of, signed_in, staff
from uploads.admin.users import SizeField
from uploads.files import quotas
from uploads.models import Quota

pytestmark = pytest.mark.usefixtures("_static_files")


@pytest.mark.parametrize(
    ("entered", "stored", "in_the_form", "shown"),
    [
        ("2 MB", 2_000_000, "2 MB", "2 MB"),
        ("500 mb", 500_000_000, "500 MB", "500 MB"),
        ("1,5 GB", 1_500_000_000, "1.5 GB", "1.5 GB"),
        ("1234567", 1_234_567, "1234567 B", "1.2 MB"),
        ("10 GiB", 10 * GIB, "10 GiB", "10.7 GB"),
        ("1536 MiB", 1536 * 1024**2, "1.5 GiB", "1.6 GB"),
        ("0", 0, "0 B", "0 bytes"),
    ],
)
def test_a_quota_is_entered_with_units_and_shown_in_decimal_ones(
    aws: LocalAws,
    admin: Client,
    alice: User,
    entered: str,
    stored: int,
    in_the_form: str,
    shown: str,
) -> None:
    assert set_quota(admin, alice, entered).status_code == 302
    assert Quota.objects.get(user=alice).limit == stored
    page = admin.get(f"{USERS}{alice.pk}/change/").content.decode()
    assert re.search(r'name="filehub_quota-0-limit" value="([^"]*)"', page)[1] == in_the_form  # type: ignore[index]
    shown = shown.replace(" ", "\xa0")
    assert f"{shown} (custom)" in admin.get(USERS).content.decode()
    assert f"of {shown} used" in signed_in(alice).get("/").content.decode()
    assert script_of(alice).get("/quota").json()["quota"]["limit"] == stored


@pytest.mark.parametrize(
    "entered",
    ["-1", "much", "1.500 MB", "1e9", "9223372036854775808", "9999 PiB", "9" * 5000, "\x00",
     "<b>1</b>", "NaN GB", "10 GiB; DROP TABLE", "١٠ GiB"],
)  # fmt: skip
def test_an_invalid_quota_is_refused_in_the_form(admin: Client, alice: User, entered: str) -> None:
    response = set_quota(admin, alice, entered)
    assert response.status_code == 200
    assert "errorlist" in response.content.decode()
    assert "<b>1</b>" not in response.content.decode()
    assert not Quota.objects.exists()


def test_the_error_for_an_invalid_quota_says_what_to_enter() -> None:
    with pytest.raises(ValidationError, match="such as 10 GB or 500 MB, or a number of bytes"):
        SizeField().clean("much")
    with pytest.raises(ValidationError, match="size is too large"):
        SizeField().clean("9999 PiB")


def test_an_unchanged_quota_is_not_logged(admin: Client, alice: User) -> None:
    Quota.objects.create(user=alice, limit=GIB)
    set_quota(admin, alice, "1024 MiB")
    assert "uota" not in LogEntry.objects.get().change_message


def test_an_empty_field_creates_no_quota(admin: Client, alice: User) -> None:
    assert set_quota(admin, alice, "").status_code == 302
    assert not Quota.objects.exists()


def test_a_quota_is_removed(admin: Client, alice: User) -> None:
    Quota.objects.create(user=alice, limit=GIB)
    set_quota(admin, alice, "1 GiB", **{"filehub_quota-0-DELETE": "on"})
    assert not Quota.objects.exists()


@pytest.mark.parametrize(
    ("own", "default", "effective"),
    [(None, None, None), (None, 7, 7), (5, None, 5), (5, 7, 5), (0, 7, 0)],
)
def test_a_users_own_quota_overrides_the_default(
    alice: User, settings: Settings, own: int | None, default: int | None, effective: int | None
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"USER_QUOTA": default}
    if own is not None:
        Quota.objects.create(user=alice, limit=own)
    assert quotas.limit_of(User.objects.get(pk=alice.pk)) == effective


def test_the_list_says_whether_a_quota_is_the_default(
    admin: Client, alice: User, bob: User, settings: Settings
) -> None:
    assert "no limit" in admin.get(USERS).content.decode()
    settings.FILEHUB = settings.FILEHUB | {"USER_QUOTA": 5 * GIB}
    Quota.objects.create(user=alice, limit=10 * GIB)
    page = admin.get(USERS).content.decode()
    assert "10.7\xa0GB (custom)" in page
    assert page.count("5.4\xa0GB (default)") == 2


def test_staff_without_the_permission_can_see_but_not_set_a_quota(alice: User, bob: User) -> None:
    client = staff(alice, "change_user", "view_quota")
    Quota.objects.create(user=bob, limit=GIB)
    page = client.get(f"{USERS}{bob.pk}/change/").content.decode()
    assert "1.1\xa0GB" in page
    assert "filehub_quota-0-limit" not in page
    set_quota(client, bob, "2 GiB")
    set_quota(client, bob, "2 GiB", **{"filehub_quota-0-DELETE": "on"})
    set_quota(client, alice, "2 GiB")
    assert [quota.limit for quota in Quota.objects.all()] == [GIB]


def test_a_quota_of_zero_differs_from_no_quota(api: Api, alice: User) -> None:
    Quota.objects.create(user=alice, limit=0)
    for size, status in ((1, 413), (0, 200)):
        response = api.post("/get-url", {"file_name": "a.txt", "size": size})
        assert response.status_code == status
