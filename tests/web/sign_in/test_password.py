"""Users change their own password, and guessing the old one is limited too."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.test import Client

from tests.support.users import PASSWORD, signed_in
from tests.web.sign_in.attempts import NEW_PASSWORD, browser, fail, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_static_files")]


def change(client: Client, old: str, new: str, again: str | None = None) -> Any:
    form = {"old_password": old, "new_password1": new, "new_password2": again or new}
    return client.post("/accounts/password/", form)


def test_everybody_can_change_their_own_password(alice: User) -> None:
    here, elsewhere = signed_in(alice), signed_in(alice)
    page = here.get("/account/")
    assert 'href="/accounts/password/"' in page.content.decode()
    assert here.get("/accounts/password/").status_code == 200
    response = change(here, PASSWORD, NEW_PASSWORD)
    assert (response.status_code, response["Location"]) == (302, "/accounts/password/changed/")
    assert here.get(response["Location"]).status_code == 200
    assert elsewhere.get("/accounts/password/").status_code == 302
    assert sign_in("alice", PASSWORD).status_code == 200
    assert sign_in("alice", NEW_PASSWORD).status_code == 302


@pytest.mark.parametrize(
    ("old", "new", "again", "sentence"),
    [
        ("wrong", NEW_PASSWORD, NEW_PASSWORD, "Your old password was entered incorrectly."),
        ("", NEW_PASSWORD, NEW_PASSWORD, "This field is required."),
        (PASSWORD, NEW_PASSWORD, "different", "didn’t match"),
        (PASSWORD, "12345678901", "12345678901", "entirely numeric"),
        (PASSWORD, "short1", "short1", "too short"),
        (PASSWORD, "password", "password", "too common"),
        (PASSWORD, "alice-alice1", "alice-alice1", "too similar to the username"),
    ],
)
def test_a_wrong_or_weak_password_changes_nothing(
    db: None, old: str, new: str, again: str, sentence: str
) -> None:
    user = get_user_model().objects.create_user("alice-alice", password=PASSWORD)
    response = change(signed_in(user), old, new, again)
    assert response.status_code == 200
    text = response.content.decode().replace("&#x27;", "’")
    assert sentence in text
    assert 'aria-invalid="true"' in text
    for secret in filter(None, (old, new, again)):
        assert f'value="{secret}"' not in text
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_changing_the_password_resets_the_count(alice: User) -> None:
    client = signed_in(alice)
    for _ in range(2):
        change(client, "wrong", NEW_PASSWORD)
    change(client, PASSWORD, NEW_PASSWORD)
    fail("alice", 2)
    assert sign_in("alice", NEW_PASSWORD).status_code == 302


@pytest.mark.parametrize("path", ["/accounts/password/", "/accounts/password/changed/"])
def test_the_password_pages_are_for_signed_in_users(path: str) -> None:
    response = browser().get(path)
    assert response.status_code == 302
    assert response["Location"] == f"/accounts/login/?next={path}"


def test_the_admin_site_uses_the_same_form(root: User) -> None:
    response = signed_in(root).get("/admin/password_change/")
    assert (response.status_code, response["Location"]) == (302, "/accounts/password/")
