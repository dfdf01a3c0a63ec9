"""Users in the admin: their usage, and the tokens on their page."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.admin.helpers import FORGED, GIB, USERS, set_quota, token_of, tokens_form
from tests.support.users import staff
from uploads.core.errors import BackendUnavailable
from uploads.files import usage
from uploads.models import ApiToken, Quota

pytestmark = pytest.mark.usefixtures("_static_files")


class Counters:
    """Fake counters that record each call."""

    def __init__(self) -> None:
        self.requested: list[list[str]] = []
        self.of: dict[str, usage.Usage] = {}
        self.broken = False

    def __call__(self, owners: Iterable[str]) -> dict[str, usage.Usage]:
        owners = list(owners)
        self.requested.append(owners)
        if self.broken:
            raise BackendUnavailable
        return {owner: self.of.get(owner, usage.Usage(0, 0)) for owner in owners}


@pytest.fixture
def counters(monkeypatch: pytest.MonkeyPatch) -> Counters:
    counters = Counters()
    monkeypatch.setattr(usage, "usage_of", counters)
    return counters


def test_the_list_shows_what_each_user_has_stored(
    admin: Client, alice: User, counters: Counters
) -> None:
    counters.of[str(alice.pk)] = usage.Usage(files=31_337, bytes=3 * GIB // 2)
    page = admin.get(USERS).content.decode()
    assert re.search(r'field-used">1.6\xa0GB<.*field-files">31337<', page)


def test_the_list_costs_the_same_for_many_users(admin: Client, counters: Counters) -> None:
    def queries(users: range) -> int:
        for number in users:
            user = User.objects.create_user(f"user-{number}")
            if number % 2:
                Quota.objects.create(user=user, limit=number)
            token_of(user)
        counters.requested.clear()
        with CaptureQueriesContext(connection) as captured:
            assert admin.get(USERS).status_code == 200
        (owners,) = counters.requested
        assert len(owners) == User.objects.count()
        return len(captured)

    few = queries(range(3))
    assert queries(range(3, 30)) == few


def test_usage_is_read_only_for_the_users_on_the_page(admin: Client, counters: Counters) -> None:
    User.objects.bulk_create(User(username=f"user-{number:03}") for number in range(150))
    assert admin.get(USERS, {"p": "2"}).status_code == 200
    ((*owners,),) = counters.requested
    assert len(owners) == 51


def test_the_list_opens_while_the_counters_cannot_be_read(
    admin: Client, alice: User, counters: Counters
) -> None:
    counters.broken = True
    page = admin.get(USERS)
    assert page.status_code == 200
    assert "not available at the moment" in page.content.decode()
    assert page.content.decode().count('field-used">—<') == 2
    assert "alice" in page.content.decode()


def test_a_user_is_created_with_djangos_form(admin: Client) -> None:
    form = {
        "username": "carol",
        "usable_password": "true",
        "password1": "a-long-pass-phrase",
        "password2": "a-long-pass-phrase",
    }
    assert admin.get(f"{USERS}add/").status_code == 200
    assert admin.post(f"{USERS}add/", form).status_code == 302
    assert User.objects.filter(username="carol").exists()


def test_tokens_are_revoked_on_the_users_page(admin: Client, alice: User) -> None:
    kept, deleted = token_of(alice, "kept").pk, token_of(alice, "surplus").pk
    page = admin.get(f"{USERS}{alice.pk}/change/").content.decode()
    assert "surplus" in page
    assert "filehub_api_tokens-0-DELETE" in page
    form = tokens_form(alice, deleted, kept, deleted=[0])
    assert set_quota(admin, alice, "", **form).status_code == 302
    assert [token.pk for token in ApiToken.objects.all()] == [kept]
    assert "surplus" not in admin.get(f"{USERS}{alice.pk}/change/").content.decode()


def test_a_forged_row_on_the_users_page_is_ignored(admin: Client, alice: User, bob: User) -> None:
    of_bob = token_of(bob).pk
    for forged in (*FORGED, of_bob):
        for deleted in ([0], []):
            form = tokens_form(alice, forged, deleted=deleted)
            assert set_quota(admin, alice, "", **form).status_code in {200, 302, 400}, forged
    assert ApiToken.objects.count() == 1


def test_the_users_page_creates_no_token(admin: Client, alice: User) -> None:
    form = tokens_form(alice, "") | {
        "filehub_api_tokens-INITIAL_FORMS": "0",
        "filehub_api_tokens-0-name": "x",
    }
    set_quota(admin, alice, "", **form)
    assert not ApiToken.objects.exists()


def test_staff_without_the_permission_neither_sees_nor_revokes_tokens_of_a_user(
    alice: User, bob: User
) -> None:
    token = token_of(bob, "backup")
    client = staff(alice, "change_user")
    assert "backup" not in client.get(f"{USERS}{bob.pk}/change/").content.decode()
    set_quota(client, bob, "", **tokens_form(bob, token.pk, deleted=[0]))
    assert ApiToken.objects.count() == 1


def test_the_users_page_costs_the_same_for_many_tokens(admin: Client, alice: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin.get(f"{USERS}{alice.pk}/change/").status_code == 200
        return len(captured)

    token_of(alice)
    queries()  # Django caches the content types from now on.
    few = queries()
    for _ in range(20):
        token_of(alice)
    assert queries() == few
