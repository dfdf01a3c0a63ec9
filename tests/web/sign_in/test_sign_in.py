"""Guessing passwords is slow and logged, wherever it is tried."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from fakeredis import TcpFakeServer
from pytest_django import Settings

from tests.support.users import PASSWORD, error_of, signed_in
from tests.web.sign_in.attempts import ELSEWHERE, HOME, browser, fail, sign_in
from uploads.core import rate_storage
from uploads.core.conf import Conf
from uploads.core.errors import TooManySignIns
from uploads.web import rates

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_static_files")]

# Each way to try a password


def _form(user: User, password: str) -> Any:
    return sign_in(user.username, password)


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


WAYS = [_form, _program, _change]


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
    assert error_of(response) == {
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


def test_processes_with_a_common_redis_count_together(
    root: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine is no outage.
    monkeypatch.setattr(rate_storage, "TIMEOUT", 60)
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
    assert "password" not in caplog.text.replace("/password/", "")
    assert [r.getMessage() for r in caplog.records if r.name == "uploads.web.sign_in"] == [
        "sign-in failed: 'root' from '203.0.113.7'",
        "sign-in failed: an unknown user from '203.0.113.7'",
        "sign-in failed: an unknown user from '203.0.113.7'",
        "sign-in failed: 'root' from '203.0.113.7'",
        "sign-in failed: 'root' from '203.0.113.7'",
        "sign-in refused, too many failures: 'root' from '203.0.113.7'",
    ]


# One page for everybody


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    ("query", "target"),
    [
        ("", "/admin/"),
        ("?next=/admin/auth/user/", "/admin/auth/user/"),
        ("?next=/admin/uploads/file/%3Fq%3Da%26b", "/admin/uploads/file/%3Fq%3Da%26b"),
    ],
)
def test_the_admin_has_no_sign_in_page_of_its_own(
    root: User, method: str, query: str, target: str
) -> None:
    client = Client(headers={"Accept": "text/html"})
    form = {"username": root.username, "password": PASSWORD}
    response = getattr(client, method)(f"/admin/login/{query}", form if method == "post" else {})
    if method == "get" and not query:
        assert response["Location"] == f"/accounts/login/?next={target}"
    assert response["Location"].startswith("/accounts/login/?next=/admin/")
    signed_in_now = client.post(response["Location"], {**form, "next": unquote(target)})
    assert signed_in_now["Location"] == unquote(target)


def test_a_page_of_the_admin_leads_back_after_signing_in(root: User) -> None:
    client = Client(headers={"Accept": "text/html"})
    response = client.get("/admin/uploads/file/", {"q": "a b"}, follow=True)
    form = {"username": root.username, "password": PASSWORD, "next": response.context["next"]}
    response = client.post("/accounts/login/", form)
    assert response["Location"] == "/admin/uploads/file/?q=a+b"


def test_signed_in_users_are_not_asked_to_sign_in_again(root: User, alice: User) -> None:
    assert signed_in(root).get("/admin/login/")["Location"] == "/admin/"
    for path in ("/admin/", "/admin/uploads/file/"):
        response = signed_in(alice).get(path, follow=True)
        assert response.status_code == 403
        assert "does not have permission" in response.content.decode()
