"""Only superusers create tokens for others, since a token acts as its user."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.admin.helpers import SECRET, TOKENS, USERS, make, token_of
from tests.support.users import staff
from uploads.accounts import api_tokens
from uploads.core.errors import NotAllowed
from uploads.models import ApiToken

pytestmark = pytest.mark.usefixtures("_static_files")


def test_staff_create_tokens_for_themselves(alice: User) -> None:
    client = staff(alice, "add_apitoken")
    (secret,) = SECRET.findall(make(client, alice).content.decode())
    token = api_tokens.find(secret)
    assert token is not None
    assert token.user == alice


def test_staff_cannot_choose_another_user(alice: User, bob: User, root: User) -> None:
    page = staff(alice, "add_apitoken", "view_user").get(f"{TOKENS}add/").content.decode()
    assert re.findall(r"<option value=\"(\d+)\"", page) == [str(alice.pk)]


@pytest.mark.parametrize("more", [{}, {"_popup": "1"}, {"_to_field": "id"}])
def test_staff_cannot_create_a_token_for_another_user(
    alice: User, bob: User, root: User, more: dict[str, str]
) -> None:
    client = staff(alice, "add_apitoken", "view_apitoken", "change_user", "view_user")
    for victim in (bob, root):
        assert SECRET.search(make(client, victim, **more).content.decode()) is None
        assert (
            SECRET.search(
                client.post(
                    f"{TOKENS}add/?user={victim.pk}", {"user": str(victim.pk), "scopes": ["read"]}
                ).content.decode()
            )
            is None
        )
    assert not ApiToken.objects.exists()


def test_issuing_a_token_for_another_user_is_refused(alice: User, bob: User, root: User) -> None:
    for victim in (bob, root):
        with pytest.raises(NotAllowed):
            api_tokens.issue(victim, by=alice)
    assert not ApiToken.objects.exists()


def test_the_user_page_offers_a_token_only_if_it_can_be_created(
    alice: User, bob: User, admin: Client
) -> None:
    client = staff(alice, "add_apitoken", "change_user")
    link = f"{TOKENS}add/?user="
    assert link in client.get(f"{USERS}{alice.pk}/change/").content.decode()
    assert link not in client.get(f"{USERS}{bob.pk}/change/").content.decode()
    assert link in admin.get(f"{USERS}{bob.pk}/change/").content.decode()


@pytest.mark.parametrize(
    ("codenames", "statuses"),
    [
        ((), {"list": 403, "add": 403, "view": 403, "revoke": 403}),
        (("view_apitoken",), {"list": 200, "add": 403, "view": 200, "revoke": 403}),
        (("add_apitoken",), {"list": 403, "add": 200, "view": 403, "revoke": 403}),
        (("delete_apitoken",), {"list": 403, "add": 403, "view": 403, "revoke": 200}),
        (("change_apitoken",), {"list": 200, "add": 403, "view": 200, "revoke": 403}),
    ],
    ids=["nothing", "view", "add", "delete", "change"],
)
def test_each_page_needs_its_permission(
    alice: User, bob: User, codenames: tuple[str, ...], statuses: dict[str, int]
) -> None:
    client = staff(alice, *codenames)
    pk = token_of(bob).pk
    pages = {"list": "", "add": "add/", "view": f"{pk}/change/", "revoke": f"{pk}/delete/"}
    assert {name: client.get(TOKENS + path).status_code for name, path in pages.items()} == statuses


def test_tokens_cannot_be_changed(admin: Client, alice: User, bob: User) -> None:
    token = token_of(alice, "mine")
    response = admin.post(f"{TOKENS}{token.pk}/change/", {"user": bob.pk, "name": "yours"})
    assert response.status_code == 403
    token.refresh_from_db()
    assert (token.user, token.name) == (alice, "mine")


def test_staff_without_the_permission_cannot_revoke(alice: User, bob: User) -> None:
    token = token_of(bob)
    client = staff(alice, "view_apitoken")
    client.post(f"{TOKENS}{token.pk}/delete/", {"post": "yes"})
    form = {"action": "delete_selected", "_selected_action": [token.pk], "post": "yes"}
    client.post(TOKENS, form)
    assert ApiToken.objects.count() == 1
