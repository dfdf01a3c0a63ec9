"""Scopes and expiry of tokens in the admin."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.admin.helpers import SECRET, TOKENS, USERS, make
from uploads.accounts import api_tokens
from uploads.models import ApiToken, Scope

pytestmark = pytest.mark.usefixtures("_static_files")


def cells(page: str) -> set[str]:
    """The texts of the elements of a page."""
    return {text.strip() for text in re.findall(r">([^<>]+)<", page)}


def test_a_token_has_the_chosen_scopes_and_expiry(admin: Client, alice: User) -> None:
    page = make(admin, alice, scopes=["delete", "read"], expires_on="2999-12-31").content.decode()
    assert SECRET.search(page)
    assert "read, delete" in page
    assert "2999-12-31" in page
    token = ApiToken.objects.get()
    assert token.scope_list == [Scope.READ, Scope.DELETE]
    assert token.expires_on == date(2999, 12, 31)


def test_deleting_has_to_be_chosen(admin: Client) -> None:
    page = admin.get(f"{TOKENS}add/").content.decode()
    chosen = [scope for scope in Scope if f'value="{scope}" id="id_scopes' in page]
    assert chosen == list(Scope)
    assert page.count("checked") == 2
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"scopes": []},
        {"scopes": ["write"]},
        {"scopes": ["read", "write"]},
        {"scopes": ["upload read delete"]},
        {"expires_on": "2020-01-01"},
        {"expires_on": "soon"},
        {"expires_on": "2027-02-30"},
    ],
)
def test_what_makes_no_sense_is_refused(admin: Client, alice: User, fields: dict[str, str]) -> None:
    assert "errornote" in make(admin, alice, **fields).content.decode()
    assert not ApiToken.objects.exists()


def test_the_lists_show_scopes_and_expiry(admin: Client, alice: User) -> None:
    today = datetime.now(UTC).date()
    api_tokens.issue(alice, scopes=[Scope.READ])
    api_tokens.issue(alice, expires_on=today)
    ended = api_tokens.issue(alice, expires_on=today)
    ApiToken.objects.filter(pk=ended.id).update(expires_on=today - timedelta(days=1), scopes="new")
    for path in (TOKENS, f"{USERS}{alice.pk}/change/"):
        # A scope of a later version grants nothing here.
        expected = {"read", "upload, read, delete", "none", "never", f"{today}"}
        expected.add(f"{today - timedelta(days=1)} (expired)")
        assert expected <= cells(admin.get(path).content.decode()), path
    assert "(expired)" in admin.get(f"{TOKENS}{ended.id}/change/").content.decode()
