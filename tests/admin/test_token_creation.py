"""Tokens are created in the admin and shown once."""

from __future__ import annotations

import logging

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client

from local.aws import LocalAws
from tests.admin.helpers import SECRET, TOKENS, USERS, make, status_with_token
from tests.support.users import staff
from uploads.accounts import api_tokens
from uploads.core.errors import InvalidRequest, NotAllowed
from uploads.models import ApiToken

pytestmark = pytest.mark.usefixtures("_static_files")


def test_a_token_created_in_the_admin_works(aws: LocalAws, admin: Client, alice: User) -> None:
    (secret,) = SECRET.findall(make(admin, alice, "backup").content.decode())
    assert status_with_token(secret) == 200
    token = ApiToken.objects.get()
    assert (token.user, token.name) == (alice, "backup")


def test_a_token_is_shown_once_in_the_response_to_the_form(
    admin: Client, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    response = make(admin, alice, "backup")
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "same-origin"
    (secret,) = SECRET.findall(response.content.decode())
    # Without the prefix, whose letters a page may escape.
    secret = secret.removeprefix("filehub_")
    assert response.content.decode().count(secret) == 1

    pk = ApiToken.objects.get().pk
    for path in (
        TOKENS,
        f"{TOKENS}{pk}/change/",
        f"{TOKENS}{pk}/history/",
        f"{TOKENS}{pk}/delete/",
        f"{TOKENS}add/",
        f"{USERS}{alice.pk}/change/",
        "/admin/",
    ):
        page = admin.get(path)
        assert page.status_code == 200
        assert secret not in page.content.decode(), path
    (entry,) = LogEntry.objects.all()
    assert str(entry.object_id) == str(pk)
    assert secret not in f"{entry.object_repr} {entry.change_message} {entry}"
    assert secret not in str([session.get_decoded() for session in Session.objects.all()])
    assert secret not in str(response.headers)
    assert secret not in str(admin.cookies)
    assert secret not in caplog.text


@pytest.mark.parametrize("button", ["_addanother", "_continue", "_popup", "_saveasnew"])
def test_every_submit_button_shows_the_token(admin: Client, alice: User, button: str) -> None:
    response = make(admin, alice, **{button: "1"})
    assert len(SECRET.findall(response.content.decode())) == 1


def test_the_repr_of_a_new_token_hides_the_secret(alice: User) -> None:
    issued = api_tokens.issue(alice)
    assert issued.secret not in repr(issued)


def test_a_hostile_name_is_shown_as_text(admin: Client, alice: User) -> None:
    for page in (
        make(admin, alice, "<script>alert(1)</script>"),
        admin.get(TOKENS),
        admin.get(f"{USERS}{alice.pk}/change/"),
    ):
        assert "&lt;script&gt;alert(1)" in page.content.decode()
        assert "<script>alert(1)" not in page.content.decode()


@pytest.mark.parametrize("name", ["a\nb", "a\x00b", "x" * 101], ids=["line", "null", "long"])
def test_an_unusable_name_is_refused_in_the_form(admin: Client, alice: User, name: str) -> None:
    response = make(admin, alice, name)
    assert response.status_code == 200
    assert "errornote" in response.content.decode()
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("name", ["a\nb", "a\udcffb", "x" * 101], ids=["line", "bytes", "long"])
def test_an_unusable_name_is_refused_on_the_command_line_too(alice: User, name: str) -> None:
    with pytest.raises(InvalidRequest):
        api_tokens.create(alice, name=name)


def test_the_command_accepts_a_token_name(alice: User, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_api_token", "alice", "--name", " nightly backup ")
    token = api_tokens.find(capsys.readouterr().out.strip())
    assert token is not None
    assert token.user == alice
    assert ApiToken.objects.get().name == "nightly backup"


@pytest.mark.parametrize("user", ["", "x", "0", "-1", "1" * 30, "99999"])
def test_a_token_for_an_unknown_user_is_refused_in_the_form(admin: Client, user: str) -> None:
    response = admin.post(f"{TOKENS}add/", {"user": user, "name": ""})
    assert response.status_code == 200
    assert "errornote" in response.content.decode()
    assert not ApiToken.objects.exists()


def test_there_are_no_tokens_for_inactive_users(admin: Client, root: User, alice: User) -> None:
    alice.is_active = False
    alice.save()
    assert "errornote" in make(admin, alice).content.decode()
    with pytest.raises(InvalidRequest, match="is inactive"):
        api_tokens.create(alice)
    with pytest.raises(NotAllowed):
        api_tokens.issue(alice, by=root)
    assert not ApiToken.objects.exists()


def test_only_active_users_can_be_chosen(admin: Client, alice: User, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    query = {"app_label": "uploads", "model_name": "apitoken", "field_name": "user", "term": ""}
    results = admin.get("/admin/autocomplete/", query).json()["results"]
    assert {entry["text"] for entry in results} == {"root", "alice"}


@pytest.mark.parametrize("user", ["x", "1", "99999", "1" * 30, "%00"])
def test_a_link_to_the_form_may_name_any_user(admin: Client, alice: User, user: str) -> None:
    assert admin.get(f"{TOKENS}add/?user={user}").status_code == 200
    assert staff(alice, "add_apitoken").get(f"{TOKENS}add/?user={user}").status_code == 200
