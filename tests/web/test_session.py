"""Signing in again from a page that stays open."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.forms import CharField
from django.test import Client
from django.urls import path
from pytest_django import Settings

from filehub.urls import urlpatterns as project_urls
from tests.support.users import PASSWORD, script_of
from uploads.web.session import SignIn, has_form

pytestmark = pytest.mark.usefixtures("_static_files", "db")

SCRIPT = {"Accept": "application/json"}


def script() -> Client:
    return Client(enforce_csrf_checks=True, headers=SCRIPT)


def sign_in(client: Client, name: str, password: str, token: str | None = None) -> Any:
    token = client.get("/accounts/session").json()["csrf_token"] if token is None else token
    fields = {"username": name, "password": password}
    return client.post("/accounts/login/", fields, headers={"X-CSRFToken": token})


def test_a_script_signs_in_and_gets_the_new_token(alice: User) -> None:
    client = script()
    before = client.get("/accounts/session")
    assert before.json()["user"] is None
    assert "no-store" in before["Cache-Control"]
    response = sign_in(client, "alice", PASSWORD)
    assert (response.status_code, response.json()["user"]) == (200, str(alice.pk))
    token = response.json()["csrf_token"]
    assert client.get("/accounts/session").json()["user"] == str(alice.pk)
    # The token of before is no longer valid.
    for sent, status in ((before.json()["csrf_token"], 403), (token, 400)):
        headers = {"X-CSRFToken": sent}
        response = client.post("/get-url", {}, content_type="application/json", headers=headers)
        assert response.status_code == status


@pytest.mark.parametrize(
    ("name", "password", "code"),
    [
        ("alice", "wrong", "invalid_login"),
        ("nobody", PASSWORD, "invalid_login"),
        ("alice", "", "required"),
        ("", "", "required"),
    ],
)
def test_a_failed_attempt_is_explained(alice: User, name: str, password: str, code: str) -> None:
    response = sign_in(script(), name, password)
    assert (response.status_code, response.json()["code"]) == (400, code)
    assert response.json()["error"]


def test_the_explanation_is_in_the_language_of_the_page(alice: User) -> None:
    client = Client(headers=SCRIPT | {"Accept-Language": "de"})
    error = sign_in(client, "alice", "wrong").json()["error"]
    assert "Passwort" in error


def test_the_limits_on_guessing_are_those_of_the_form(
    alice: User, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"SIGN_IN_RATE_USER": "2/h"}
    client = script()
    assert [sign_in(client, "alice", "wrong").status_code for _ in range(3)] == [400, 400, 429]
    response = sign_in(client, "alice", PASSWORD)
    assert (response.status_code, response.json()["code"]) == (429, "too_many_sign_ins")
    assert int(response["Retry-After"]) > 0
    logged = [line.message for line in caplog.records if line.name == "uploads.web.sign_in"]
    assert logged[0] == "sign-in failed: 'alice' from '127.0.0.1'"
    assert logged[-1].startswith("sign-in refused, too many failures: 'alice'")


def test_a_script_without_the_token_cannot_sign_in(alice: User) -> None:
    response = sign_in(script(), "alice", PASSWORD, token="")
    assert (response.status_code, response.json()["code"]) == (403, "csrf_failed")


def test_the_form_itself_works_as_before(alice: User) -> None:
    client = Client(headers={"Accept": "text/html"})
    fields = {"username": "alice", "password": "wrong"}
    assert client.post("/accounts/login/", fields).status_code == 200
    response = client.post("/accounts/login/", fields | {"password": PASSWORD, "next": "/?file=1"})
    assert (response.status_code, response["Location"]) == (302, "/?file=1")


# A page of one user in a browser in which another has signed in


@pytest.mark.parametrize("path", ["/", "/rows?ids=", "/quota", "/files", "/uploads?ids=1"])
def test_a_page_gets_nothing_of_another_user(aws: None, alice: User, bob: User, path: str) -> None:
    client = script_of(bob)
    response = client.get(path, headers={"X-Filehub-User": str(alice.pk)})
    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")
    assert client.get(path, headers={"X-Filehub-User": str(bob.pk)}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/rows?ids=", "/quota"])
def test_scripts_learn_that_the_session_is_over_without_following_a_redirect(path: str) -> None:
    assert Client(headers={"HX-Request": "true"}).get(path).status_code == 401


# Whether the dialog can have a form


class OneTimePassword(AuthenticationForm):
    code = CharField()


class CustomPage(SignIn):
    authentication_form = OneTimePassword


urlpatterns = [
    path("plain/", LoginView.as_view(), name="plain"),
    path("custom/", CustomPage.as_view(), name="custom"),
    path("own/", SignIn.as_view(authentication_form=OneTimePassword), name="own"),
    path("subclass/", type("Page", (SignIn,), {}).as_view(), name="subclass"),
    *project_urls,
]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("login", True),
        ("subclass", True),
        ("/accounts/login/", True),
        ("plain", False),
        ("custom", False),
        ("own", False),
        ("https://sso.example/login", False),
        ("/no-such-page", False),
    ],
)
def test_the_dialog_has_a_form_only_for_the_page_that_it_can_replace(
    settings: Settings, aws: None, alice: User, url: str, expected: bool
) -> None:
    settings.ROOT_URLCONF, settings.LOGIN_URL = __name__, url
    assert has_form() is expected
    client = Client(headers={"Accept": "text/html"})
    client.force_login(alice)
    text = client.get("/").content.decode()
    assert ('id="session-form"' in text) is expected
    assert ("Open the sign-in page" in text) is not expected
