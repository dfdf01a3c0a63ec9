"""API tokens, quotas and users in the admin, with ordinary and with hostile requests."""

from __future__ import annotations

import logging
import re
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from local.aws import LocalAws
from tests.support.http import send
from tests.support.installation import Installation
from tests.support.users import Api, staff
from uploads.accounts import api_tokens
from uploads.admin.users import SizeField
from uploads.core.errors import BackendUnavailable, InvalidRequest, NotAllowed
from uploads.files import quotas, usage
from uploads.models import ApiToken, Quota

pytestmark = pytest.mark.usefixtures("_static_files")

GIB = 1024**3
TOKENS = "/admin/uploads/apitoken/"
USERS = "/admin/auth/user/"
SECRET = re.compile(r"filehub_[\w-]{43}")


def make(client: Client, user: User, name: str = "", **more: str) -> Any:
    """Send the form that makes a token."""
    return client.post(f"{TOKENS}add/", {"user": str(user.pk), "name": name, **more})


def files_with(secret: str) -> int:
    """The status of an API call with this token."""
    return Client().get("/files", headers={"Authorization": f"Bearer {secret}"}).status_code


def token_of(user: User, name: str = "") -> ApiToken:
    return ApiToken.objects.get(pk=api_tokens.issue(user, name=name).id)


# Making tokens


def test_a_token_made_in_the_admin_works(aws: LocalAws, admin: Client, alice: User) -> None:
    (secret,) = SECRET.findall(make(admin, alice, "backup").content.decode())
    assert files_with(secret) == 200
    token = ApiToken.objects.get()
    assert (token.user, token.name) == (alice, "backup")


def test_a_token_is_shown_in_the_answer_to_the_form_and_nowhere_else(
    admin: Client, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = make(admin, alice, "backup")
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert answer["Referrer-Policy"] == "same-origin"
    (secret,) = SECRET.findall(answer.content.decode())
    # Without its beginning, which a page may write in other letters.
    secret = secret.removeprefix("filehub_")
    assert answer.content.decode().count(secret) == 1

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
    assert secret not in str(answer.headers)
    assert secret not in str(admin.cookies)
    assert secret not in caplog.text


@pytest.mark.parametrize("button", ["_addanother", "_continue", "_popup", "_saveasnew"])
def test_no_other_button_keeps_the_token_from_being_shown(
    admin: Client, alice: User, button: str
) -> None:
    answer = make(admin, alice, **{button: "1"})
    assert len(SECRET.findall(answer.content.decode())) == 1


def test_the_new_token_is_not_in_its_representation(alice: User) -> None:
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
    answer = make(admin, alice, name)
    assert answer.status_code == 200
    assert "errornote" in answer.content.decode()
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("name", ["a\nb", "a\udcffb", "x" * 101], ids=["line", "bytes", "long"])
def test_an_unusable_name_is_refused_on_the_command_line_too(alice: User, name: str) -> None:
    with pytest.raises(InvalidRequest):
        api_tokens.create(alice, name=name)


def test_the_command_names_a_token(alice: User, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_api_token", "alice", "--name", " nightly backup ")
    token = api_tokens.find(capsys.readouterr().out.strip())
    assert token is not None
    assert token.user == alice
    assert ApiToken.objects.get().name == "nightly backup"


@pytest.mark.parametrize("user", ["", "x", "0", "-1", "1" * 30, "99999"])
def test_a_token_for_nobody_is_refused_in_the_form(admin: Client, user: str) -> None:
    answer = admin.post(f"{TOKENS}add/", {"user": user, "name": ""})
    assert answer.status_code == 200
    assert "errornote" in answer.content.decode()
    assert not ApiToken.objects.exists()


def test_there_are_no_tokens_for_inactive_users(admin: Client, root: User, alice: User) -> None:
    alice.is_active = False
    alice.save()
    assert "errornote" in make(admin, alice).content.decode()
    with pytest.raises(InvalidRequest, match="not active"):
        api_tokens.create(alice)
    with pytest.raises(NotAllowed):
        api_tokens.issue(alice, by=root)
    assert not ApiToken.objects.exists()


def test_users_to_choose_from_are_the_active_ones(admin: Client, alice: User, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    query = {"app_label": "uploads", "model_name": "apitoken", "field_name": "user", "term": ""}
    found = admin.get("/admin/autocomplete/", query).json()["results"]
    assert {entry["text"] for entry in found} == {"root", "alice"}


@pytest.mark.parametrize("user", ["x", "1", "99999", "1" * 30, "%00"])
def test_a_link_to_the_form_may_name_anybody(admin: Client, alice: User, user: str) -> None:
    assert admin.get(f"{TOKENS}add/?user={user}").status_code == 200
    assert staff(alice, "add_apitoken").get(f"{TOKENS}add/?user={user}").status_code == 200


# Whoever has a token is its user


def test_staff_makes_tokens_for_itself(alice: User) -> None:
    client = staff(alice, "add_apitoken")
    (secret,) = SECRET.findall(make(client, alice).content.decode())
    token = api_tokens.find(secret)
    assert token is not None
    assert token.user == alice


def test_staff_is_offered_nobody_else(alice: User, bob: User, root: User) -> None:
    page = staff(alice, "add_apitoken", "view_user").get(f"{TOKENS}add/").content.decode()
    assert re.findall(r"<option value=\"(\d+)\"", page) == [str(alice.pk)]


@pytest.mark.parametrize("more", [{}, {"_popup": "1"}, {"_to_field": "id"}])
def test_staff_cannot_make_a_token_for_somebody_else(
    alice: User, bob: User, root: User, more: dict[str, str]
) -> None:
    client = staff(alice, "add_apitoken", "view_apitoken", "change_user", "view_user")
    for victim in (bob, root):
        assert SECRET.search(make(client, victim, **more).content.decode()) is None
        assert (
            SECRET.search(
                client.post(
                    f"{TOKENS}add/?user={victim.pk}", {"user": str(victim.pk)}
                ).content.decode()
            )
            is None
        )
    assert not ApiToken.objects.exists()


def test_the_service_refuses_a_token_for_somebody_else(alice: User, bob: User, root: User) -> None:
    for victim in (bob, root):
        with pytest.raises(NotAllowed):
            api_tokens.issue(victim, by=alice)
    assert not ApiToken.objects.exists()


def test_the_user_page_offers_a_token_only_where_one_can_be_made(
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
        ((), {"list": 403, "add": 403, "look": 403, "revoke": 403}),
        (("view_apitoken",), {"list": 200, "add": 403, "look": 200, "revoke": 403}),
        (("add_apitoken",), {"list": 403, "add": 200, "look": 403, "revoke": 403}),
        (("delete_apitoken",), {"list": 403, "add": 403, "look": 403, "revoke": 200}),
        (("change_apitoken",), {"list": 200, "add": 403, "look": 200, "revoke": 403}),
    ],
    ids=["nothing", "view", "add", "delete", "change"],
)
def test_each_page_needs_its_permission(
    alice: User, bob: User, codenames: tuple[str, ...], statuses: dict[str, int]
) -> None:
    client = staff(alice, *codenames)
    pk = token_of(bob).pk
    pages = {"list": "", "add": "add/", "look": f"{pk}/change/", "revoke": f"{pk}/delete/"}
    assert {name: client.get(TOKENS + path).status_code for name, path in pages.items()} == statuses


def test_nobody_changes_a_token(admin: Client, alice: User, bob: User) -> None:
    token = token_of(alice, "mine")
    answer = admin.post(f"{TOKENS}{token.pk}/change/", {"user": bob.pk, "name": "yours"})
    assert answer.status_code == 403
    token.refresh_from_db()
    assert (token.user, token.name) == (alice, "mine")


# Looking and revoking


def test_tokens_are_found_by_user_and_by_name(admin: Client, alice: User, bob: User) -> None:
    token_of(alice, "backup")
    token_of(bob, "nightly")
    for query, name in (("alice", "backup"), ("night", "nightly")):
        page = admin.get(TOKENS, {"q": query}).content.decode()
        assert [n for n in ("backup", "nightly") if n in page] == [name]


def test_the_list_of_tokens_costs_the_same_for_many(admin: Client, alice: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin.get(TOKENS).status_code == 200
        return len(captured)

    token_of(alice)
    few = queries()
    for number in range(30):
        token_of(User.objects.create_user(f"user-{number}"))
    assert queries() == few


def test_a_revoked_token_is_refused(aws: LocalAws, admin: Client, alice: User) -> None:
    secret = api_tokens.create(alice)
    assert files_with(secret) == 200
    admin.post(f"{TOKENS}{ApiToken.objects.get().pk}/delete/", {"post": "yes"})
    assert files_with(secret) == 401


def test_several_tokens_are_revoked_at_once(admin: Client, alice: User, bob: User) -> None:
    doomed = [token_of(alice).pk, token_of(bob).pk]
    kept = token_of(alice).pk
    form = {"action": "delete_selected", "_selected_action": doomed}
    page = admin.post(TOKENS, form)
    assert page.status_code == 200
    assert ApiToken.objects.count() == 3
    admin.post(TOKENS, {**form, "post": "yes"})
    assert [token.pk for token in ApiToken.objects.all()] == [kept]
    assert LogEntry.objects.count() == 2


FORGED = ["zz", "", "-1", "0", "1" * 30, "1" * 5000, "1.5", "None", "\x00", "1,2", "😀", "99999"]


@pytest.mark.parametrize("path", [TOKENS, USERS])
@pytest.mark.parametrize("more", [{}, {"index": "0"}, {"post": "yes"}, {"index": "x"}])
def test_a_forged_selection_does_no_harm(
    admin: Client, alice: User, path: str, more: dict[str, str]
) -> None:
    token_of(alice)
    for forged in FORGED:
        form = {"action": "delete_selected", "_selected_action": [forged, forged], **more}
        assert admin.post(path, form).status_code in {200, 302}, forged
    assert (ApiToken.objects.count(), User.objects.count()) == (1, 2)


def test_a_selection_that_is_forged_in_part_counts_for_the_rest(admin: Client, alice: User) -> None:
    token = token_of(alice)
    form = {"action": "delete_selected", "_selected_action": ["zz", token.pk], "post": "yes"}
    admin.post(TOKENS, form)
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("page", ["change", "delete", "history"])
def test_a_forged_id_does_no_harm(admin: Client, page: str) -> None:
    for forged in set(FORGED) - {"", "\x00"}:
        assert admin.get(f"{TOKENS}{forged}/{page}/").status_code in {302, 404}, forged


@pytest.mark.parametrize(
    "query", ["q=%00", "q=x", "o=9", "p=9", "all=", "user__password=x", "digest=x", "_popup=1"]
)
def test_strange_queries_do_no_harm(admin: Client, query: str) -> None:
    for path in (TOKENS, USERS):
        assert admin.get(f"{path}?{query}").status_code in {200, 302, 400}


def test_staff_without_the_permission_cannot_revoke(alice: User, bob: User) -> None:
    token = token_of(bob)
    client = staff(alice, "view_apitoken")
    client.post(f"{TOKENS}{token.pk}/delete/", {"post": "yes"})
    form = {"action": "delete_selected", "_selected_action": [token.pk], "post": "yes"}
    client.post(TOKENS, form)
    assert ApiToken.objects.count() == 1


# The last use


def used_at(token: ApiToken) -> Any:
    token.refresh_from_db()
    return token.last_used_at


@pytest.fixture
def secret(aws: LocalAws, alice: User) -> str:
    return api_tokens.create(alice, name="backup")


def test_the_first_use_is_noted(secret: str, admin: Client) -> None:
    token = ApiToken.objects.get()
    assert token.last_used_at is None
    assert "never" in admin.get(TOKENS).content.decode()
    before = timezone.now()
    assert files_with(secret) == 200
    assert before <= used_at(token) <= timezone.now()
    assert "never" not in admin.get(TOKENS).content.decode()


def test_a_use_soon_after_another_is_not_noted(secret: str) -> None:
    token = ApiToken.objects.get()
    recently = timezone.now() - api_tokens.USE_PRECISION + timedelta(seconds=30)
    ApiToken.objects.update(last_used_at=recently)
    with CaptureQueriesContext(connection) as captured:
        assert files_with(secret) == 200
    assert used_at(token) == recently
    assert [query for query in captured if "UPDATE" in query["sql"]] == []


def test_a_use_long_after_another_is_noted_with_one_statement(secret: str) -> None:
    token = ApiToken.objects.get()
    long_ago = timezone.now() - api_tokens.USE_PRECISION
    ApiToken.objects.update(last_used_at=long_ago)
    with CaptureQueriesContext(connection) as captured:
        assert files_with(secret) == 200
    assert used_at(token) > long_ago
    assert len([query for query in captured if "UPDATE" in query["sql"]]) == 1


def test_of_two_requests_at_the_same_time_one_notes_the_use(secret: str) -> None:
    first, second = ApiToken.objects.get(), ApiToken.objects.get()
    api_tokens.note_use(first)
    noted = used_at(ApiToken.objects.get())
    api_tokens.note_use(second)
    assert used_at(ApiToken.objects.get()) == noted


def test_what_an_inactive_users_token_asks_for_is_no_use(secret: str) -> None:
    User.objects.update(is_active=False)
    assert files_with(secret) == 401
    assert ApiToken.objects.get().last_used_at is None


@pytest.mark.django_db(transaction=True)
def test_a_request_is_answered_while_the_database_is_locked(
    secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = connection.settings_dict["NAME"]
    with closing(sqlite3.connect(path, uri=True, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert files_with(secret) == 200
        other.execute("ROLLBACK")
    assert "was not noted" in caplog.text
    assert secret not in caplog.text
    assert ApiToken.objects.get().last_used_at is None
    assert files_with(secret) == 200
    assert ApiToken.objects.get().last_used_at is not None


def test_a_request_does_not_wait_for_a_locked_database(
    installation: Installation, settings: Settings
) -> None:
    token = installation.manage("create_api_token", "demo")
    database = installation.directory / "local" / "db.sqlite3"
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        answer = send(
            "GET",
            f"http://localhost:{installation.port}/files",
            headers={"Authorization": f"Bearer {token}"},
        )
        waited = time.monotonic() - began
        other.execute("ROLLBACK")
    assert answer.status == 200
    # Whoever waits for SQLite does so for this long.
    assert waited < settings.DATABASES["default"]["OPTIONS"]["timeout"]


# Quotas


def quota_form(user: User, limit: str, **more: str) -> dict[str, Any]:
    """The form of a user's page, with a quota."""
    quota = Quota.objects.filter(user=user).first()
    inline = {
        "quota-TOTAL_FORMS": "1",
        "quota-INITIAL_FORMS": "1" if quota else "0",
        "quota-0-id": str(quota.pk) if quota else "",
        "quota-0-user": str(user.pk),
        "quota-0-limit": limit,
    }
    return {
        "username": user.username,
        "is_active": "on",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00",
        "api_tokens-TOTAL_FORMS": "0",
        "api_tokens-INITIAL_FORMS": "0",
        **inline,
        **more,
    }


def set_quota(client: Client, user: User, limit: str, **more: str) -> Any:
    return client.post(f"{USERS}{user.pk}/change/", quota_form(user, limit, **more))


@pytest.mark.parametrize(
    ("entered", "stored", "shown"),
    [
        ("10 GiB", 10 * GIB, "10 GiB"),
        ("500 mb", 500_000_000, "500 MB"),
        ("1536 MiB", 1536 * 1024**2, "1.5 GiB"),
        ("0", 0, "0 B"),
        ("1073741824", GIB, "1 GiB"),
    ],
)
def test_a_quota_is_entered_and_shown_as_people_do(
    admin: Client, alice: User, entered: str, stored: int, shown: str
) -> None:
    assert set_quota(admin, alice, entered).status_code == 302
    assert Quota.objects.get(user=alice).limit == stored
    page = admin.get(f"{USERS}{alice.pk}/change/").content.decode()
    assert re.search(r'name="quota-0-limit" value="([^"]*)"', page)[1] == shown  # type: ignore[index]
    assert f"{shown} (own)" in admin.get(USERS).content.decode()


@pytest.mark.parametrize(
    "entered",
    ["-1", "much", "1.500 MB", "1e9", "9223372036854775808", "9999 PiB", "9" * 5000, "\x00",
     "<b>1</b>", "NaN GB", "10 GiB; DROP TABLE", "١٠ GiB"],
)  # fmt: skip
def test_what_is_no_quota_is_refused_in_the_form(admin: Client, alice: User, entered: str) -> None:
    answer = set_quota(admin, alice, entered)
    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    assert "<b>1</b>" not in answer.content.decode()
    assert not Quota.objects.exists()


def test_the_sentence_about_a_wrong_quota_says_what_to_enter() -> None:
    with pytest.raises(ValidationError, match="such as 10 GiB, 500 MB or a number of bytes"):
        SizeField().clean("much")
    with pytest.raises(ValidationError, match="more than filehub can count"):
        SizeField().clean("9999 PiB")


def test_a_quota_that_was_not_touched_is_not_logged(admin: Client, alice: User) -> None:
    Quota.objects.create(user=alice, limit=GIB)
    set_quota(admin, alice, "1024 MiB")
    assert "uota" not in LogEntry.objects.get().change_message


def test_no_quota_is_made_of_an_empty_field(admin: Client, alice: User) -> None:
    assert set_quota(admin, alice, "").status_code == 302
    assert not Quota.objects.exists()


def test_a_quota_is_removed(admin: Client, alice: User) -> None:
    Quota.objects.create(user=alice, limit=GIB)
    set_quota(admin, alice, "1 GiB", **{"quota-0-DELETE": "on"})
    assert not Quota.objects.exists()


@pytest.mark.parametrize(
    ("own", "default", "effective"),
    [(None, None, None), (None, 7, 7), (5, None, 5), (5, 7, 5), (0, 7, 0)],
)
def test_a_users_own_quota_comes_before_the_default(
    alice: User, settings: Settings, own: int | None, default: int | None, effective: int | None
) -> None:
    settings.ENV = settings.ENV.model_copy(update={"filehub_user_quota": default})
    if own is not None:
        Quota.objects.create(user=alice, limit=own)
    assert quotas.limit_of(User.objects.get(pk=alice.pk)) == effective


def test_the_list_tells_whose_quota_it_is(
    admin: Client, alice: User, bob: User, settings: Settings
) -> None:
    assert "none" in admin.get(USERS).content.decode()
    settings.ENV = settings.ENV.model_copy(update={"filehub_user_quota": 5 * GIB})
    Quota.objects.create(user=alice, limit=10 * GIB)
    page = admin.get(USERS).content.decode()
    assert "10 GiB (own)" in page
    assert page.count("5 GiB (default)") == 2


def test_staff_without_the_permission_sees_a_quota_but_sets_none(alice: User, bob: User) -> None:
    client = staff(alice, "change_user", "view_quota")
    Quota.objects.create(user=bob, limit=GIB)
    page = client.get(f"{USERS}{bob.pk}/change/").content.decode()
    assert "1 GiB" in page
    assert "quota-0-limit" not in page
    set_quota(client, bob, "2 GiB")
    set_quota(client, bob, "2 GiB", **{"quota-0-DELETE": "on"})
    set_quota(client, alice, "2 GiB")
    assert [quota.limit for quota in Quota.objects.all()] == [GIB]


# Users


class Counters:
    """What the counters say, and how often they were asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.of: dict[str, usage.Usage] = {}
        self.broken = False

    def __call__(self, owners: Iterable[str]) -> dict[str, usage.Usage]:
        owners = list(owners)
        self.asked.append(owners)
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
    assert re.search(r'field-used">1.5 GiB<.*field-files">31337<', page)


def test_the_list_costs_the_same_for_many_users(admin: Client, counters: Counters) -> None:
    def queries(users: range) -> int:
        for number in users:
            user = User.objects.create_user(f"user-{number}")
            if number % 2:
                Quota.objects.create(user=user, limit=number)
            token_of(user)
        counters.asked.clear()
        with CaptureQueriesContext(connection) as captured:
            assert admin.get(USERS).status_code == 200
        (owners,) = counters.asked
        assert len(owners) == User.objects.count()
        return len(captured)

    few = queries(range(3))
    assert queries(range(3, 30)) == few


def test_only_the_users_of_the_page_are_counted(admin: Client, counters: Counters) -> None:
    User.objects.bulk_create(User(username=f"user-{number:03}") for number in range(150))
    assert admin.get(USERS, {"p": "2"}).status_code == 200
    ((*owners,),) = counters.asked
    assert len(owners) == 51


def test_the_list_opens_while_the_counters_cannot_be_read(
    admin: Client, alice: User, counters: Counters
) -> None:
    counters.broken = True
    page = admin.get(USERS)
    assert page.status_code == 200
    assert "cannot be read just now" in page.content.decode()
    assert page.content.decode().count('field-used">—<') == 2
    assert "alice" in page.content.decode()


def test_a_user_is_made_as_before(admin: Client) -> None:
    form = {
        "username": "carol",
        "usable_password": "true",
        "password1": "a-long-pass-phrase",
        "password2": "a-long-pass-phrase",
    }
    assert admin.get(f"{USERS}add/").status_code == 200
    assert admin.post(f"{USERS}add/", form).status_code == 302
    assert User.objects.filter(username="carol").exists()


def tokens_form(user: User, *pks: object, doomed: Iterable[int] = ()) -> dict[str, Any]:
    """The form of a user's page, with the table of tokens."""
    form = {"api_tokens-TOTAL_FORMS": str(len(pks)), "api_tokens-INITIAL_FORMS": str(len(pks))}
    for index, pk in enumerate(pks):
        form[f"api_tokens-{index}-id"] = str(pk)
        form[f"api_tokens-{index}-user"] = str(user.pk)
    for index in doomed:
        form[f"api_tokens-{index}-DELETE"] = "on"
    return form


def test_tokens_are_revoked_on_the_users_page(admin: Client, alice: User) -> None:
    kept, doomed = token_of(alice, "kept").pk, token_of(alice, "doomed").pk
    page = admin.get(f"{USERS}{alice.pk}/change/").content.decode()
    assert "doomed" in page
    assert "api_tokens-0-DELETE" in page
    form = tokens_form(alice, doomed, kept, doomed=[0])
    assert set_quota(admin, alice, "", **form).status_code == 302
    assert [token.pk for token in ApiToken.objects.all()] == [kept]
    assert "doomed" not in admin.get(f"{USERS}{alice.pk}/change/").content.decode()


def test_a_forged_row_on_the_users_page_does_no_harm(admin: Client, alice: User, bob: User) -> None:
    strangers = token_of(bob).pk
    for forged in (*FORGED, strangers):
        for doomed in ([0], []):
            form = tokens_form(alice, forged, doomed=doomed)
            assert set_quota(admin, alice, "", **form).status_code in {200, 302, 400}, forged
    assert ApiToken.objects.count() == 1


def test_the_users_page_makes_no_token(admin: Client, alice: User) -> None:
    form = tokens_form(alice, "") | {"api_tokens-INITIAL_FORMS": "0", "api_tokens-0-name": "x"}
    set_quota(admin, alice, "", **form)
    assert not ApiToken.objects.exists()


def test_staff_without_the_permission_neither_sees_nor_revokes_tokens_of_a_user(
    alice: User, bob: User
) -> None:
    token = token_of(bob, "backup")
    client = staff(alice, "change_user")
    assert "backup" not in client.get(f"{USERS}{bob.pk}/change/").content.decode()
    set_quota(client, bob, "", **tokens_form(bob, token.pk, doomed=[0]))
    assert ApiToken.objects.count() == 1


def test_the_users_page_costs_the_same_for_many_tokens(admin: Client, alice: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin.get(f"{USERS}{alice.pk}/change/").status_code == 200
        return len(captured)

    token_of(alice)
    queries()  # Django remembers the types of content from the first time on
    few = queries()
    for _ in range(20):
        token_of(alice)
    assert queries() == few


def test_a_quota_of_nothing_is_not_the_same_as_none(api: Api, alice: User) -> None:
    Quota.objects.create(user=alice, limit=0)
    for size, status in ((1, 413), (0, 200)):
        answer = api.post("/get-url", {"file_name": "a.txt", "size": size})
        assert answer.status_code == status
