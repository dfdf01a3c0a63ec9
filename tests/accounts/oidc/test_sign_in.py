"""Signing in at the provider: from the button to the session, and out again."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client
from pytest_django import Settings

from tests.support.oidc import CLIENT_ID, FakeProvider, answer, sign_in
from tests.support.users import Api, signed_in
from tests.web.security.test_cross_site import ELSEWHERE
from uploads.accounts.oidc.provider import provider_of
from uploads.models import Identity
from uploads.web.single_sign_on import COOKIE, MAX_AGE, MAX_BEGUN

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_static_files")]

CALLBACK = "/accounts/sso/callback"


def browser() -> Client:
    return Client(headers={"Accept": "text/html"})


def begin(client: Client, **query: str) -> str:
    """Press the button; return where the browser is sent."""
    response = client.get("/accounts/sso/", query)
    assert response.status_code == 302
    return str(response["Location"])


def user_of(client: Client) -> str | None:
    response = client.get("/accounts/session", headers={"Accept": "application/json"})
    user: str | None = response.json()["user"]
    return user


def is_kept(cookie: Any) -> bool:
    """Whether it is the cookie of a sign-in that has begun."""
    return cookie.key.startswith(COOKIE) and bool(cookie.value)


def problem(response: Any) -> str | None:
    """The code that the user is told, or None."""
    assert response.status_code == 302
    return parse_qs(urlsplit(response["Location"]).query).get("problem", [None])[0]


def test_a_new_user_gets_an_account_and_comes_back_to_the_page(provider: FakeProvider) -> None:
    client = browser()
    response = sign_in(client, provider, "/?file=1&x=%20")
    assert (response.status_code, response["Location"]) == (302, "/?file=1&x=%20")
    assert "no-store" in response["Cache-Control"]
    user = User.objects.get()
    assert (user.username, user.has_usable_password()) == ("ada", False)
    assert user_of(client) == str(user.pk)
    assert Identity.objects.get().subject == "4711"
    assert [cookie.key for cookie in client.cookies.values() if is_kept(cookie)] == []


def test_the_request_has_what_the_provider_needs(provider: FakeProvider) -> None:
    first, second = (begin(browser()) for _ in range(2))
    query = dict(parse_qsl(urlsplit(first).query))
    assert query.pop("redirect_uri") == "http://testserver/accounts/sso/callback"
    unique = {name: query.pop(name) for name in ("state", "nonce", "code_challenge")}
    assert query == {
        "response_type": "code", "client_id": CLIENT_ID, "scope": "openid profile email",
        "code_challenge_method": "S256",
    }  # fmt: skip
    assert all(len(value) >= 43 for value in unique.values())
    assert set(unique.values()).isdisjoint(dict(parse_qsl(urlsplit(second).query)).values())


def test_behind_a_proxy_with_https_the_provider_sends_users_back_to_https(
    provider: FakeProvider, settings: Settings
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    headers = {"Accept": "text/html", "X-Forwarded-Proto": "https", "Host": "testserver"}
    client = Client(headers=headers)
    location = begin(client, next="/account/")
    query = dict(parse_qsl(urlsplit(location).query))
    assert query["redirect_uri"] == "https://testserver/accounts/sso/callback"
    (cookie,) = client.cookies.values()
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")
    assert cookie["path"] == "/accounts/sso/"
    assert client.get(CALLBACK, provider.approve(location))["Location"] == "/account/"


@pytest.mark.parametrize("target", [*ELSEWHERE, "/" + "x" * 5_000, "account/", "?", "\0", "/\0"])
def test_nobody_is_led_to_another_site(provider: FakeProvider, target: str) -> None:
    response = sign_in(browser(), provider, target)
    assert response.status_code == 302
    # Browsers take // and /\\ for the beginning of a host.
    assert re.match(r"/(?![/\\\t])", response["Location"])
    assert len(response["Location"]) < 1_000


def test_a_changed_cookie_leads_nowhere(provider: FakeProvider) -> None:
    client = browser()
    location = begin(client)
    (name,) = client.cookies
    forged = signing.dumps(["state", "nonce", "verifier", "https://evil.example"], salt="x")
    for value in (client.cookies[name].value[:-1] + "x", forged, "", "x" * 5_000):
        client.cookies[name] = value
        assert problem(client.get(CALLBACK, provider.approve(location))) == "sso_expired"
        assert user_of(client) is None


def test_a_cookie_belongs_to_one_state(provider: FakeProvider) -> None:
    client = browser()
    location = begin(client)
    (first,) = client.cookies
    begin(client)
    (second,) = set(client.cookies) - {first}
    client.cookies[first] = client.cookies[second].value
    assert problem(client.get(CALLBACK, provider.approve(location))) == "sso_expired"
    assert ("POST", "/token") not in provider.requests


# Responses that do not belong to this browser, or to no sign-in


def test_a_response_for_another_browser_is_refused(provider: FakeProvider) -> None:
    """An attacker's response in a victim's browser would sign the victim in as the attacker."""
    attacker, victim = browser(), browser()
    response = provider.approve(begin(attacker))
    begin(victim)
    assert problem(victim.get(CALLBACK, response)) == "sso_expired"
    assert user_of(victim) is None
    assert ("POST", "/token") not in provider.requests


def test_a_code_of_another_sign_in_is_refused(provider: FakeProvider) -> None:
    """The state is the victim's own, the code is not: PKCE notices, at the provider."""
    attacker, victim = browser(), browser()
    stolen = provider.approve(begin(attacker))["code"]
    own = provider.approve(begin(victim))["state"]
    provider.faults["/token"] = answer(400, b'{"error": "invalid_grant"}')
    assert problem(victim.get(CALLBACK, {"code": stolen, "state": own})) == "sso_expired"


def test_a_response_works_once(provider: FakeProvider) -> None:
    client = browser()
    response = provider.approve(begin(client, next="/account/"))
    assert client.get(CALLBACK, response)["Location"] == "/account/"
    # When the page is loaded again, the user is signed in already.
    assert client.get(CALLBACK, response)["Location"] == "/"
    client.post("/accounts/logout/")
    assert problem(client.get(CALLBACK, response)) == "sso_expired"


def test_a_sign_in_expires(provider: FakeProvider) -> None:
    client = browser()
    with time_machine.travel(datetime.now(UTC) - timedelta(seconds=MAX_AGE + 60)):
        response = provider.approve(begin(client))
    (cookie,) = client.cookies.values()
    # A browser would have dropped it.
    cookie["max-age"] = ""
    assert problem(client.get(CALLBACK, response)) == "sso_expired"


REFUSALS: dict[str, tuple[dict[str, str], str]] = {
    "cancelled": ({"error": "access_denied", "error_description": "<b>x</b>"}, "sso_refused"),
    "not signed in there": ({"error": "login_required"}, "sso_refused"),
    "an unknown scope": ({"error": "invalid_scope"}, "sso_setup"),
    "an unknown error": ({"error": "\u202e<script>" * 500}, "sso_setup"),
    "an empty error": ({"error": ""}, "sso_setup"),
    "a code and an error": ({"error": "access_denied", "code": "x"}, "sso_refused"),
    "nothing": ({}, "sso_setup"),
    "an empty code": ({"code": ""}, "sso_setup"),
    "a code with NUL": ({"code": "\0"}, "sso_expired"),
    "another issuer": ({"code": "x", "iss": "https://evil.example"}, "sso_invalid_token"),
}


@pytest.mark.parametrize(("query", "code"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_is_explained_without_the_providers_words(
    provider: FakeProvider, caplog: pytest.LogCaptureFixture, query: dict[str, str], code: str
) -> None:
    client = browser()
    state = provider.approve(begin(client, next="/account/"))["state"]
    response = client.get(CALLBACK, query | {"state": state})
    assert problem(response) == code
    text = client.get(response["Location"]).content.decode()
    assert code in text
    assert "<script>" not in text
    assert "<b>x" not in text
    # The button leads to the same page as before.
    assert 'href="/accounts/sso/?next=%2Faccount%2F"' in text
    assert max(map(len, caplog.messages)) < 500


@pytest.mark.parametrize("state", ["", "x", "\0", "\u202e", "x" * 3_000, None])
def test_a_state_that_nobody_has_is_refused(provider: FakeProvider, state: str | None) -> None:
    client = browser()
    begin(client)
    query = {"code": "x"} | ({} if state is None else {"state": state})
    assert problem(client.get(CALLBACK, query)) == "sso_expired"
    assert provider.requests == [("GET", "/.well-known/openid-configuration")]


def test_several_tabs_sign_in_at_the_same_time_and_abandoned_ones_are_forgotten(
    provider: FakeProvider,
) -> None:
    client = browser()
    locations = [begin(client, next=f"/?tab={n}") for n in range(MAX_BEGUN)]
    for n, location in reversed(list(enumerate(locations))):
        assert client.get(CALLBACK, provider.approve(location))["Location"] == f"/?tab={n}"
    for _ in range(3 * MAX_BEGUN):
        begin(client)
    assert sum(map(is_kept, client.cookies.values())) <= MAX_BEGUN


def test_a_problem_that_does_not_exist_is_not_shown(provider: FakeProvider) -> None:
    response = browser().get("/accounts/login/?problem=<b>Call+0900</b>")
    assert response.status_code == 200
    assert 'role="alert"' not in response.content.decode()


def test_the_sentence_is_in_the_language_of_the_browser(provider: FakeProvider) -> None:
    client = Client(headers={"Accept": "text/html", "Accept-Language": "de"})
    page = client.get("/accounts/login/?problem=sso_expired")
    assert 'lang="de"' in page.content.decode()
    assert page.status_code == 400


# The session


def test_a_user_who_is_deactivated_here_stays_out(provider: FakeProvider) -> None:
    client = browser()
    sign_in(client, provider)
    user = User.objects.get()
    api = Api(user)
    assert api.get("/uploads?ids=x").status_code != 401
    user.is_active = False
    user.save()
    assert user_of(client) is None
    assert problem(sign_in(client, provider)) == "sso_inactive"
    assert user_of(client) is None
    assert api.get("/uploads?ids=x").status_code == 401


def test_the_session_ends_after_the_hours_that_are_set(
    provider: FakeProvider, configure: Callable[..., None]
) -> None:
    configure(OIDC_SESSION_HOURS=2)
    client = browser()
    sign_in(client, provider)
    now = datetime.now(UTC)
    for minutes, signed_in_still in ((119, True), (121, False)):
        with time_machine.travel(now + timedelta(minutes=minutes)):
            client.cookies["sessionid"]["max-age"] = ""
            assert (user_of(client) is not None) is signed_in_still


def test_signing_in_changes_the_session_and_leaves_nothing_of_another_user(
    provider: FakeProvider, alice: User
) -> None:
    client = signed_in(alice)
    before = client.cookies["sessionid"].value
    sign_in(client, provider)
    assert client.cookies["sessionid"].value != before
    assert user_of(client) != str(alice.pk)


def test_permissions_are_those_of_django(
    provider: FakeProvider, configure: Callable[..., None]
) -> None:
    configure(OIDC_STAFF="admins")
    provider.claims["groups"] = ["admins"]
    client = browser()
    sign_in(client, provider)
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/auth/user/").status_code == 403


def test_without_a_provider_there_are_no_such_pages() -> None:
    for path in ("/accounts/sso/", CALLBACK):
        assert browser().get(path).status_code == 404
    assert "sso" not in browser().get("/accounts/login/").content.decode()


def test_the_button_has_the_text_that_is_set(
    provider: FakeProvider, configure: Callable[..., None]
) -> None:
    assert "Single sign-on" in browser().get("/accounts/login/").content.decode()
    configure(OIDC_BUTTON="Sign in with <Example>")
    text = browser().get("/accounts/login/?next=/account/").content.decode()
    assert "Sign in with &lt;Example&gt;" in text
    assert 'href="/accounts/sso/?next=%2Faccount%2F"' in text


# Signing out


@pytest.mark.parametrize("path", ["/accounts/logout/", "/admin/logout/"])
def test_signing_out_signs_out_at_the_provider_too(provider: FakeProvider, path: str) -> None:
    client = browser()
    sign_in(client, provider)
    response = client.post(path)
    assert response.status_code == 200
    assert user_of(client) is None
    url = response.context["url"]
    query = dict(parse_qsl(urlsplit(url).query))
    assert url.startswith(f"{provider.url}/logout?")
    assert query.pop("id_token_hint").count(".") == 2
    assert query == {
        "client_id": CLIENT_ID, "post_logout_redirect_uri": "http://testserver/accounts/login/",
    }  # fmt: skip
    assert 'http-equiv="refresh"' in response.content.decode()


def _no_end(provider: FakeProvider) -> None:
    provider.metadata["end_session_endpoint"] = None


def _away(provider: FakeProvider) -> None:
    provider.faults["/.well-known/openid-configuration"] = answer(503)


@pytest.mark.parametrize("fault", [_no_end, _away])
def test_signing_out_here_does_not_depend_on_the_provider(
    provider: FakeProvider, fault: Callable[[FakeProvider], None]
) -> None:
    client = browser()
    sign_in(client, provider)
    fault(provider)
    provider_of.cache_clear()
    response = client.post("/accounts/logout/")
    assert (response.status_code, response["Location"]) == (302, "/accounts/login/")
    assert user_of(client) is None


def test_who_signed_in_with_a_password_signs_out_here_only(
    provider: FakeProvider, alice: User
) -> None:
    response = signed_in(alice).post("/accounts/logout/")
    assert (response.status_code, response["Location"]) == (302, "/accounts/login/")
    assert provider.requests == []


def test_signing_out_needs_the_csrf_token(provider: FakeProvider) -> None:
    client = Client(enforce_csrf_checks=True, headers={"Accept": "text/html"})
    sign_in(client, provider)
    assert client.post("/accounts/logout/").status_code == 403
    assert user_of(client) is not None


# An open page


@pytest.mark.usefixtures("aws")
def test_the_page_of_such_a_user_opens_the_provider_in_a_tab(provider: FakeProvider) -> None:
    client = browser()
    sign_in(client, provider)
    text = client.get("/").content.decode()
    assert 'id="session-form"' not in text
    assert 'href="/accounts/sso/?next=%2Faccounts%2Fsigned-in%2F"' in text
    response = sign_in(client, provider, "/accounts/signed-in/")
    assert "Close this tab" in client.get(response["Location"]).content.decode()
    client.post("/accounts/logout/")
    assert client.get("/accounts/signed-in/").status_code == 302
