"""Local accounts, with a username and a password of filehub, can be switched off."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from pytest_django import Settings

from tests.support.users import PASSWORD, Api, signed_in
from tests.web.sign_in.attempts import browser

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_static_files")]


@pytest.fixture
def _off(settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {
        "LOCAL_ACCOUNTS": "off",
        "OIDC_ISSUER": "https://login.example",
        "OIDC_CLIENT_ID": "filehub",
    }


def attempt(client: Client, **headers: str) -> Any:
    fields = {"username": "root", "password": PASSWORD}
    return client.post("/accounts/login/", fields, headers=headers)


@pytest.mark.usefixtures("_off")
def test_the_right_password_opens_nothing(root: User) -> None:
    client = browser()
    response = attempt(client)
    assert response.status_code == 302
    page = client.get(response["Location"])
    assert page.status_code == 403
    text = page.content.decode()
    assert "local_accounts_off" in text
    assert 'name="password"' not in text
    response = attempt(client, Accept="application/json")
    assert (response.status_code, response.json()["code"]) == (403, "local_accounts_off")
    assert "sessionid" not in client.cookies


@pytest.mark.usefixtures("_off")
def test_other_code_cannot_use_passwords_either(root: User) -> None:
    """As basic authentication in another app would."""
    request = RequestFactory().get("/")
    assert authenticate(request, username="root", password=PASSWORD) is None
    assert authenticate(None, username="root", password=PASSWORD) is None


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/password/", "/accounts/password/reset/", "/accounts/password/reset/sent/",
        "/accounts/password/reset/MQ/x-y/", "/accounts/password/reset/done/",
    ],
)  # fmt: skip
@pytest.mark.usefixtures("_off")
def test_there_are_no_pages_about_passwords(root: User, path: str) -> None:
    assert browser().get(path).status_code == 404


def test_sessions_that_began_with_a_password_are_over_until_it_is_switched_on(
    root: User, settings: Settings, request: pytest.FixtureRequest
) -> None:
    client, before = signed_in(root), settings.FILEHUB
    assert client.get("/admin/auth/user/").status_code == 200
    request.getfixturevalue("_off")
    assert client.get("/admin/auth/user/").status_code == 302
    assert client.get("/account/").status_code == 302
    # The way back.
    settings.FILEHUB = before
    assert client.get("/admin/auth/user/").status_code == 200


@pytest.mark.usefixtures("_off")
def test_api_tokens_keep_working(_aws: Any, root: User) -> None:
    assert Api(root).get("/uploads?ids=019c0000-0000-7000-8000-0123456789ab").status_code == 200
