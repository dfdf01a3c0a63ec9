"""Guessing passwords is slow and logged, wherever it is tried; users change their own password."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from fakeredis import TcpFakeServer
from pytest_django import Settings

from tests.support.users import PASSWORD, signed_in
from uploads.core.conf import Conf
from uploads.core.errors import TooManySignIns
from uploads.web import rates

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_static_files")]

HOME = "203.0.113.7"
ELSEWHERE = "198.51.100.9"
NEW_PASSWORD = "another-demo-password"


@pytest.fixture(autouse=True)
def clock(settings: Settings) -> Iterator[Any]:
    """Three failures per user and six per address in an hour. The clock stands still."""
    rates._storage.cache_clear()
    rates._unavailable_until.clear()
    settings.FILEHUB = settings.FILEHUB | {
        "SIGN_IN_RATE_USER": "3/h",
        "SIGN_IN_RATE_ADDRESS": "6/h",
    }
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        yield clock


def browser(address: str = HOME) -> Client:
    return Client(headers={"Accept": "text/html"}, REMOTE_ADDR=address)


def sign_in(
    name: str, password: str = PASSWORD, *, address: str = HOME, path: str = "/accounts/login/"
) -> Any:
    return browser(address).post(path, {"username": name, "password": password})


def fail(name: str, times: int, address: str = HOME) -> None:
    for _ in range(times):
        assert sign_in(name, "wrong", address=address).status_code == 200


# Each way to try a password


def _form(user: User, password: str) -> Any:
    return sign_in(user.username, password)


def _admin(user: User, password: str) -> Any:
    return sign_in(user.username, password, path="/admin/login/")


def _program(user: User, password: str) -> Any:
    client = Client(REMOTE_ADDR=HOME)
    return client.post("/accounts/login/", {"username": user.username, "password": password})


def _change(user: User, password: str) -> Any:
    form = {"old_password": password, "new_password1": "", "new_password2": ""}
    # One session, because signing in resets the count.
    if not hasattr(user, "browser"):
        vars(user)["browser"] = signed_in(user)
    return vars(user)["browser"].post("/accounts/password/", form, REMOTE_ADDR=HOME)


def _other_code(user: User, password: str) -> Any:
    """As basic authentication in another app would."""
    request = RequestFactory().get("/", REMOTE_ADDR=HOME)
    return authenticate(request, username=user.username, password=password)


WAYS = [_form, _admin, _program, _change]


@pytest.mark.parametrize("way", WAYS)
def test_after_too_many_failures_the_right_password_is_refused_too(
    root: User, way: Callable[[User, str], Any]
) -> None:
    for _ in range(3):
        assert way(root, "wrong").status_code == 200
    for password in ("wrong", PASSWORD):
        response = way(root, password)
        assert response.status_code == 429
        assert int(response["Retry-After"]) == 3600
        text = response.content.decode()
        assert "Try again in 60 minutes." in text
        assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("first", WAYS)
@pytest.mark.parametrize("then", WAYS)
def test_failures_count_together_wherever_they_happen(
    root: User, first: Callable[[User, str], Any], then: Callable[[User, str], Any]
) -> None:
    _change(root, PASSWORD)  # opens the session
    for _ in range(3):
        first(root, "wrong")
    assert then(root, PASSWORD).status_code == 429


def test_other_callers_of_authenticate_are_limited(root: User) -> None:
    for _ in range(3):
        assert _other_code(root, "wrong") is None
    for password in ("wrong", PASSWORD):
        with pytest.raises(TooManySignIns) as caught:
            _other_code(root, password)
        assert caught.value.retry_after == 3600
    assert _form(root, PASSWORD).status_code == 429


def test_a_program_gets_the_error_as_json(root: User) -> None:
    fail("root", 3)
    response = _program(root, PASSWORD)
    assert response.json() == {
        "error": "Too many failed attempts to sign in. Try again in 60 minutes.",
        "code": "too_many_sign_ins",
    }


# What counts


@pytest.mark.parametrize(
    "spelling", ["root", "ROOT", "Root", "root ", " root", "ｒｏｏｔ", "rooT\t"]
)
def test_spellings_of_a_name_count_together(root: User, spelling: str) -> None:
    fail(spelling, 3)
    assert sign_in("root").status_code == 429


@pytest.mark.parametrize(
    "name", ["nobody", "", "x" * 150, "ö", "a\0b", "' OR 1=1 --", "root\nroot"]
)
def test_unknown_users_are_treated_like_known_ones(root: User, name: str) -> None:
    def answers(username: str, address: str) -> list[tuple[int, str | None]]:
        responses = [sign_in(username, "wrong", address=address) for _ in range(5)]
        return [(r.status_code, r.get("Retry-After")) for r in responses]

    known, unknown = answers("root", HOME), answers(name, ELSEWHERE)
    assert known == [(200, None)] * 3 + [(429, "3600")] * 2
    # An empty field is no attempt: the form refuses it.
    assert unknown == ([(200, None)] * 5 if name in {"", "a\0b"} else known)


def test_inactive_users_are_treated_like_unknown_ones(alice: User) -> None:
    alice.is_active = False
    alice.save()
    fail("alice", 3)
    assert sign_in("alice").status_code == 429


def test_one_address_may_not_try_many_users(root: User) -> None:
    for number in range(6):
        fail(f"user-{number}", 1)
    assert sign_in("root").status_code == 429
    assert sign_in("root", address=ELSEWHERE).status_code == 302


def test_many_addresses_may_not_try_one_user(root: User) -> None:
    for number in range(3):
        fail("root", 1, address=f"203.0.113.{number}")
    assert sign_in("root", address=ELSEWHERE).status_code == 429


@pytest.mark.parametrize(
    ("proxies", "forwarded", "refused"),
    [
        (0, "203.0.113.{n}", True),
        (1, "203.0.113.{n}", False),
        (1, "203.0.113.{n}, 198.51.100.7", True),
        (2, "203.0.113.{n}, 198.51.100.7", False),
        (1, "2001:db8::{n}", True),
        (1, "2001:db8:0:{n}::1", False),
    ],
)
def test_forged_addresses_do_not_help(
    root: User, settings: Settings, proxies: int, forwarded: str, refused: bool
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"TRUSTED_PROXIES": proxies}
    statuses = [
        browser()
        .post(
            "/accounts/login/",
            {"username": f"user-{number}", "password": "wrong"},
            headers={"X-Forwarded-For": forwarded.format(n=number)},
        )
        .status_code
        for number in range(7)
    ]
    assert statuses == [200] * 6 + [429 if refused else 200]


def test_signing_in_resets_the_count_of_the_user_but_not_of_the_address(root: User) -> None:
    for _ in range(3):
        fail("root", 2)
        assert sign_in("root").status_code == (302 if _ < 2 else 429)


def test_others_are_not_affected(root: User, alice: User) -> None:
    fail("root", 3)
    assert sign_in("alice").status_code == 302
    assert signed_in(root).get("/accounts/password/").status_code == 200


def test_signing_in_successfully_is_not_limited(root: User) -> None:
    for _ in range(20):
        assert sign_in("root").status_code == 302


def test_the_limit_ends(root: User, clock: Any) -> None:
    fail("root", 3)
    clock.shift(timedelta(minutes=59, seconds=30))
    response = sign_in("root")
    assert (response.status_code, response["Retry-After"]) == (429, "30")
    assert "Try again in one minute." in response.content.decode()
    clock.shift(timedelta(seconds=31))
    assert sign_in("root").status_code == 302


def test_attempts_while_refused_do_not_prolong_the_wait(root: User, clock: Any) -> None:
    fail("root", 3)
    for _ in range(30):
        clock.shift(timedelta(minutes=1))
        assert sign_in("root").status_code == 429
    clock.shift(timedelta(minutes=31))
    assert sign_in("root").status_code == 302


def test_limits_can_be_turned_off(root: User, settings: Settings) -> None:
    off = {"SIGN_IN_RATE_USER": "off", "SIGN_IN_RATE_ADDRESS": "off"}
    settings.FILEHUB = settings.FILEHUB | off
    fail("root", 12)
    assert sign_in("root").status_code == 302


def test_by_default_people_may_mistype_a_few_times_and_nobody_may_guess_for_long() -> None:
    user, address = (
        Conf.model_fields[f"sign_in_rate_{kind}"].default for kind in ("user", "address")
    )
    assert 10 <= int(user.removesuffix("/h")) <= 50
    assert int(user.removesuffix("/h")) < int(address.removesuffix("/h")) <= 200


# Storage


@pytest.mark.parametrize("url", ["redis://127.0.0.1:9/0", "memcached://127.0.0.1:9"])
def test_failures_are_limited_while_the_storage_is_unavailable(
    root: User, settings: Settings, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"SIGN_RATE_STORAGE": url}
    fail("root", 2)
    # Signing in works, and resets this count too.
    assert sign_in("root").status_code == 302
    fail("root", 3)
    assert sign_in("root", address=ELSEWHERE).status_code == 429
    # The address has one attempt left.
    fail("somebody", 1)
    assert sign_in("alice").status_code == 429
    assert caplog.text.count("because their storage is unavailable") == 1


def test_a_sign_in_after_an_outage_resets_what_was_counted_during_it(
    root: User, settings: Settings
) -> None:
    unreachable = settings.FILEHUB | {"SIGN_RATE_STORAGE": "redis://127.0.0.1:9/0"}
    with shared_storage() as url:
        available = settings.FILEHUB | {"SIGN_RATE_STORAGE": url}
        settings.FILEHUB = unreachable
        fail("root", 2)
        settings.FILEHUB = available
        assert sign_in("root").status_code == 302
        settings.FILEHUB = unreachable
        fail("root", 2)
        assert sign_in("root").status_code == 302


@contextmanager
def shared_storage() -> Iterator[str]:
    """The URL of a Redis."""
    with TcpFakeServer(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"redis://127.0.0.1:{server.server_address[1]}/0"
        finally:
            rates._storage.cache_clear()
            server.shutdown()
            thread.join()


def test_processes_with_a_common_redis_count_together(root: User, settings: Settings) -> None:
    with shared_storage() as url:
        settings.FILEHUB = settings.FILEHUB | {"SIGN_RATE_STORAGE": url}
        for _process in range(3):
            rates._storage.cache_clear()
            fail("root", 1)
        assert sign_in("root").status_code == 429


# The log


def test_every_failure_is_logged_without_anything_that_could_be_a_password(
    root: User, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "uploads"):
        sign_in("root", "wrong-password")
        sign_in("my-password-in-the-wrong-field", "x")
        sign_in("root\nERROR forged", "x")
        fail("root", 2)
        sign_in("root", "right-or-wrong")
    assert caplog.messages == [
        "sign-in failed: 'root' from '203.0.113.7'",
        "sign-in failed: an unknown user from '203.0.113.7'",
        "sign-in failed: an unknown user from '203.0.113.7'",
        "sign-in failed: 'root' from '203.0.113.7'",
        "sign-in failed: 'root' from '203.0.113.7'",
        "sign-in refused, too many failures: 'root' from '203.0.113.7'",
    ]


# Changing the password


def change(client: Client, old: str, new: str, again: str | None = None) -> Any:
    form = {"old_password": old, "new_password1": new, "new_password2": again or new}
    return client.post("/accounts/password/", form)


def test_everybody_can_change_their_own_password(alice: User) -> None:
    here, elsewhere = signed_in(alice), signed_in(alice)
    page = here.get("/")
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
