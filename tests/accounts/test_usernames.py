"""Usernames are found however their characters were typed, wherever one can be entered."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from tests.admin.files.helpers import LIST, act, ids_on, text_of
from tests.admin.helpers import TOKENS, USERS
from tests.support.files import store
from tests.support.users import PASSWORD, signed_in
from uploads.accounts import api_tokens, owners
from uploads.files import queries

NAME = "José-ﬁ"

#: Ways to type it. Django stores the first.
SPELLINGS = {
    "as stored": unicodedata.normalize("NFKC", NAME),
    "composed": NAME,
    "decomposed": unicodedata.normalize("NFD", NAME),
    "decomposed, without a ligature": unicodedata.normalize("NFKD", NAME),
    "wide letters": "Ｊosé-fi",
}


@pytest.fixture
def user(db: None) -> User:
    user = User.objects.create_user(NAME, password=PASSWORD)
    assert user.username == SPELLINGS["as stored"]
    return user


def by_token_command(typed: str, user: User, admin: Client) -> bool:
    out = StringIO()
    call_command("create_api_token", typed, stdout=out)
    token = api_tokens.find(out.getvalue().strip())
    return token is not None and token.user == user


def by_upload_command(typed: str, user: User, admin: Client) -> bool:
    out = StringIO()
    path = Path(__file__)
    call_command("upload", path, "--owner", typed, "--no-wait", stdout=out, stderr=StringIO())
    upload_id = out.getvalue().split()[0]
    return queries.upload_status(upload_id, str(user.pk)).state == "pending"


def by_owner_filter(typed: str, user: User, admin: Client) -> bool:
    upload_id = store(str(user.pk))
    return upload_id in ids_on(admin.get(LIST, {"owner": typed}))


def by_change_of_owner(typed: str, user: User, admin: Client) -> bool:
    upload_id = store("7")
    act(admin, "change_owner", upload_id, confirmed="yes", answer=typed)
    return queries.any_stored_file(upload_id).owner == str(user.pk)


def by_user_search(typed: str, user: User, admin: Client) -> bool:
    return user.username in text_of(admin.get(USERS, {"q": typed}))


def by_token_search(typed: str, user: User, admin: Client) -> bool:
    api_tokens.create(user, name="of José")
    return "of José" in text_of(admin.get(TOKENS, {"q": typed}))


def by_autocompletion(typed: str, user: User, admin: Client) -> bool:
    query = {"term": typed, "app_label": "uploads", "model_name": "apitoken", "field_name": "user"}
    results = admin.get("/admin/autocomplete/", query).json()["results"]
    return [result["id"] for result in results] == [str(user.pk)]


def by_sign_in(typed: str, user: User, admin: Client) -> bool:
    form = {"username": typed, "password": PASSWORD}
    return Client().post("/accounts/login/", form).status_code == 302


WAYS: list[Callable[[str, User, Client], bool]] = [
    by_token_command, by_upload_command, by_owner_filter, by_change_of_owner, by_user_search,
    by_token_search, by_autocompletion, by_sign_in,
]  # fmt: skip


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("way", WAYS)
def test_a_user_is_found(way: Callable[[str, User, Client], bool], user: User) -> None:
    root = signed_in(User.objects.create_superuser("root"))
    assert [how for how, typed in SPELLINGS.items() if not way(typed, user, root)] == []


@pytest.mark.parametrize("typed", ["jose", "José", "José-fi ", "josé-fi", "", "\0", "a\ud800"])
def test_another_name_finds_nobody(typed: str, user: User) -> None:
    assert owners.find_user(typed) is None
    for command in (["create_api_token", typed], ["upload", __file__, "--owner", typed]):
        with pytest.raises(CommandError, match="There is no"):
            call_command(*command, stdout=StringIO(), stderr=StringIO())


def test_a_username_that_was_not_normalized_is_found_as_it_is(db: None) -> None:
    """Something other than Django's forms and `create_user` has written it."""
    decomposed = User.objects.create(username=unicodedata.normalize("NFD", NAME))
    assert owners.find_user(decomposed.username) == decomposed
    normalized = User.objects.create_user(NAME)
    assert owners.find_user(decomposed.username) == normalized
