"""A provider that is away, slow, wrong or hostile: a sentence within seconds, never a 500."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from threading import Event
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from tests.support.oidc import KEYS, FakeProvider, answer, jwk, send, sign, sign_in
from uploads.accounts.oidc import http
from uploads.accounts.oidc import provider as provider_module
from uploads.accounts.oidc.errors import (
    CLOCK,
    EXPIRED,
    INVALID_TOKEN,
    SETUP,
    UNAVAILABLE,
    Problem,
    SignInFailed,
)
from uploads.accounts.oidc.provider import parse
from uploads.core.logs import context

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_static_files")]

DISCOVERY = "/.well-known/openid-configuration"


def browser() -> Client:
    return Client(headers={"Accept": "text/html"})


def problem_page(client: Client, response: Any, problem: Problem) -> str:
    """The page that the user sees in the end, which names the problem."""
    assert response.status_code == 302
    assert response["Location"].startswith(f"/accounts/login/?problem={problem.code}&")
    page = client.get(response["Location"])
    assert page.status_code == problem.status
    text = page.content.decode()
    assert problem.code in text
    assert "sessionid" not in client.cookies
    return text


# The discovery document

ADDRESSES = {
    "issuer": "https://login.example/x", "authorization_endpoint": "https://login.example/a?p=1",
    "token_endpoint": "https://login.example/t", "jwks_uri": "https://keys.example/k",
}  # fmt: skip


@pytest.mark.parametrize("configured", ["https://login.example/x", "https://login.example/x/"])
@pytest.mark.parametrize("claimed", ["https://login.example/x", "https://login.example/x/"])
def test_a_slash_at_the_end_of_the_issuer_makes_no_difference(
    configured: str, claimed: str
) -> None:
    metadata = parse(ADDRESSES | {"issuer": claimed}, configured)
    assert (metadata.issuer, metadata.end_session_endpoint) == (claimed, None)


WRONG: dict[str, dict[str, Any]] = {
    "another issuer": {"issuer": "https://evil.example"},
    "an issuer with a place holder": {"issuer": "https://login.example/{tenantid}"},
    "no issuer": {"issuer": None},
    "a list of issuers": {"issuer": ["https://login.example/x"]},
    "no keys": {"jwks_uri": None},
    "no sign-in page": {"authorization_endpoint": None},
    "no token endpoint": {"token_endpoint": None},
    "a token endpoint without TLS": {"token_endpoint": "http://login.example/t"},
    "a sign-in page that is a script": {"authorization_endpoint": "javascript:alert(1)//x"},
    "a sign-in page with a fragment": {"authorization_endpoint": "https://login.example/#a"},
    "an address with a line break": {"token_endpoint": "https://login.example/\r\nX: 1"},
    "an address with an invalid host": {"token_endpoint": "https://[::1"},
    "a path": {"jwks_uri": "/keys"},
    "a file": {"jwks_uri": "file:///etc/passwd"},
    "a number": {"userinfo_endpoint": 5},
    "a place to sign out without TLS": {"end_session_endpoint": "http://login.example/out"},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_discovery_document_is_a_fault_of_the_setup(changes: dict[str, Any]) -> None:
    with pytest.raises(SignInFailed) as caught:
        parse(ADDRESSES | changes, ADDRESSES["issuer"])
    assert caught.value.problem is SETUP


# Faults at each step


def close(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without a response."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def redirect_to_metadata(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 302, b"", Location="http://169.254.169.254/latest/meta-data/")


NO_ANSWER: dict[str, Callable[[Any], None]] = {
    "closes the connection": close,
    "500": answer(500, b"<html>"),
    "503": answer(503, b"{}"),
    "429": answer(429, b"{}"),
    "a body that is cut off": answer(200, b"{", Content_Length="100"),
    "a body that is not compressed as it says": answer(200, b"{}", Content_Encoding="gzip"),
    "a body that is too large": answer(200, b"[" + b" " * 2**20 + b"]"),
}


@pytest.mark.parametrize("path", [DISCOVERY, "/token", "/keys", "/userinfo"])
@pytest.mark.parametrize("fault", NO_ANSWER.values(), ids=NO_ANSWER.keys())
def test_a_provider_that_does_not_answer_is_unavailable(
    provider: FakeProvider, path: str, fault: Callable[[Any], None]
) -> None:
    provider.faults[path] = fault
    client = browser()
    if path == DISCOVERY:
        problem_page(client, client.get("/accounts/sso/?next=/account/"), UNAVAILABLE)
    else:
        problem_page(client, sign_in(client, provider), UNAVAILABLE)
    # And then it works again.
    del provider.faults[path]
    assert sign_in(client, provider)["Location"] == "/account/"


def test_a_provider_that_is_away_is_unavailable(provider: FakeProvider, settings: Settings) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        settings.FILEHUB = settings.FILEHUB | {"OIDC_ISSUER": url}
        client = browser()
        problem_page(client, client.get("/accounts/sso/"), UNAVAILABLE)


def _silent(handler: BaseHTTPRequestHandler, ends: Event) -> None:
    ends.wait(60)


def _slow_headers(handler: BaseHTTPRequestHandler, ends: Event) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not ends.wait(0.05):
        handler.wfile.write(b"X: 1\r\n")


def _slow_body(handler: BaseHTTPRequestHandler, ends: Event) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
    while not ends.wait(0.05):
        handler.wfile.write(b" ")


@pytest.mark.parametrize(
    ("path", "slow"),
    [
        (DISCOVERY, _silent),
        ("/token", _slow_headers),
        ("/userinfo", _slow_body),
        *(
            pytest.param(path, slow, marks=pytest.mark.exhaustive)
            for path in (DISCOVERY, "/token", "/keys", "/userinfo")
            for slow in (_silent, _slow_headers, _slow_body)
        ),
    ],
)
def test_a_slow_provider_costs_a_bounded_time(
    provider: FakeProvider,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    slow: Callable[[BaseHTTPRequestHandler, Event], None],
) -> None:
    ends = Event()

    def fault(handler: BaseHTTPRequestHandler) -> None:
        with contextlib.suppress(OSError):  # filehub has closed the connection
            slow(handler, ends)
        handler.close_connection = True

    client = browser()
    back: dict[str, str] = {}
    if path != DISCOVERY:
        back = provider.approve(client.get("/accounts/sso/")["Location"])
    provider.faults[path] = fault
    monkeypatch.setattr(http, "TOTAL", 0.3)
    started_at = time.monotonic()
    try:
        response = client.get("/accounts/sso/callback" if back else "/accounts/sso/", back)
        problem_page(client, response, UNAVAILABLE)
        # Not the 60 s for which it says nothing, nor forever.
        assert time.monotonic() - started_at < 30
    finally:
        ends.set()


ODD: dict[str, tuple[str, Callable[[Any], None], Problem]] = {
    "no such document": (DISCOVERY, answer(404, b"{}"), SETUP),
    "a document that is a page": (DISCOVERY, answer(200, b"<html>"), UNAVAILABLE),
    "a document that is a list": (DISCOVERY, answer(200, b"[]"), UNAVAILABLE),
    "a document that redirects": (DISCOVERY, redirect_to_metadata, SETUP),
    "a document that is nested too deeply": (
        DISCOVERY, answer(200, b'{"issuer":' * 10_000), UNAVAILABLE,
    ),
    "keys that are a page": ("/keys", answer(200, b"<html>"), UNAVAILABLE),
    "keys that are a text": ("/keys", answer(200, b'{"keys": "none"}'), UNAVAILABLE),
    "keys that redirect": ("/keys", redirect_to_metadata, UNAVAILABLE),
    "no tokens": ("/token", answer(200, b"{}"), UNAVAILABLE),
    "no ID token": ("/token", answer(200, b'{"access_token": "x"}'), INVALID_TOKEN),
    "an ID token that is a number": ("/token", answer(200, b'{"id_token": 5}'), INVALID_TOKEN),
    "an ID token that is none": ("/token", answer(200, b'{"id_token": "x"}'), INVALID_TOKEN),
    "tokens that are a page": ("/token", answer(200, b"<html>"), UNAVAILABLE),
    "tokens that redirect": ("/token", redirect_to_metadata, UNAVAILABLE),
    "a code that was used": ("/token", answer(400, b'{"error": "invalid_grant"}'), EXPIRED),
    "a client that is unknown": ("/token", answer(401, b'{"error": "invalid_client"}'), SETUP),
    "an error that is an object": ("/token", answer(400, b'{"error": {"a": 1}}'), SETUP),
    "an error that is a page": ("/token", answer(400, b"<html>"), UNAVAILABLE),
    "another user's info": ("/userinfo", answer(200, b'{"sub": "1"}'), INVALID_TOKEN),
    "info without a subject": ("/userinfo", answer(200, b'{"x": "1"}'), INVALID_TOKEN),
}  # fmt: skip


@pytest.mark.parametrize(("path", "fault", "problem"), ODD.values(), ids=ODD.keys())
def test_an_odd_response_is_explained(
    provider: FakeProvider, path: str, fault: Callable[[Any], None], problem: Problem
) -> None:
    provider.faults[path] = fault
    client = browser()
    response = client.get("/accounts/sso/") if path == DISCOVERY else sign_in(client, provider)
    problem_page(client, response, problem)


@pytest.mark.parametrize(
    "fault", [answer(401, b"{}"), answer(403, b"<html>"), answer(200, b"<html>"), answer(404)]
)
def test_claims_of_the_id_token_are_enough(
    provider: FakeProvider, fault: Callable[[Any], None]
) -> None:
    provider.faults["/userinfo"] = fault
    assert sign_in(browser(), provider)["Location"] == "/account/"


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        ({"iss": "https://evil.example"}, INVALID_TOKEN),
        ({"aud": "another"}, INVALID_TOKEN),
        ({"nonce": "another"}, INVALID_TOKEN),
        ({"sub": ...}, INVALID_TOKEN),
        ({"exp": 1}, CLOCK),
    ],
    ids=["issuer", "audience", "nonce", "no subject", "expired"],
)
def test_a_wrong_id_token_opens_no_session(
    provider: FakeProvider, claims: dict[str, Any], problem: Problem
) -> None:
    """tests/accounts/oidc/test_id_token.py has all cases."""
    provider.claims |= claims
    client = browser()
    problem_page(client, sign_in(client, provider), problem)


def test_the_id_token_wins_over_the_user_info(provider: FakeProvider) -> None:
    provider.user_info = {"preferred_username": "eve", "given_name": "Ada", "iss": "x"}
    sign_in(browser(), provider)
    assert (User.objects.get().username, User.objects.get().first_name) == ("ada", "Ada")


def test_new_keys_of_the_provider_are_found(provider: FakeProvider) -> None:
    assert sign_in(browser(), provider)["Location"] == "/account/"
    provider.published, provider.sign = [jwk("two")], lambda claims: sign(claims, "two")
    assert sign_in(browser(), provider)["Location"] == "/account/"
    # With the same id, as some providers do.
    provider.published = [jwk("stranger", kid="two")]
    provider.sign = lambda claims: sign(claims, "stranger", kid="two")
    assert sign_in(browser(), provider)["Location"] == "/account/"
    # And once they are known, they are not asked for again.
    provider.requests.clear()
    assert sign_in(browser(), provider)["Location"] == "/account/"
    assert provider.requests == [("POST", "/token"), ("GET", "/userinfo")]
    # The key that was withdrawn is of no use any more.
    provider.sign = lambda claims: sign(claims, "one")
    client = browser()
    problem_page(client, sign_in(client, provider), INVALID_TOKEN)


def test_what_is_known_of_the_provider_is_read_again_after_an_hour(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(browser(), provider)
    provider.requests.clear()
    monkeypatch.setattr(provider_module, "MAX_AGE", -1)
    sign_in(browser(), provider)
    assert ("GET", DISCOVERY) in provider.requests
    assert ("GET", "/keys") in provider.requests


@pytest.mark.parametrize(
    "methods", [["client_secret_basic"], ["client_secret_post"], ["private_key_jwt"], "x", None]
)
def test_the_secret_is_sent_as_the_provider_wants_it(provider: FakeProvider, methods: Any) -> None:
    provider.metadata["token_endpoint_auth_methods_supported"] = methods
    assert sign_in(browser(), provider)["Location"] == "/account/"


def test_a_wrong_secret_is_a_fault_of_the_setup(
    provider: FakeProvider, configure: Callable[..., None]
) -> None:
    for secret in ("wrong", None):
        configure(OIDC_CLIENT_SECRET=secret)
        client = browser()
        problem_page(client, sign_in(client, provider), SETUP)


def test_huge_claims_are_taken_and_the_token_is_not_kept(provider: FakeProvider) -> None:
    provider.claims["groups"] = [f"group-{n}" for n in range(10_000)]
    provider.claims["given_name"] = "\u202e" + "x" * 100_000
    client = browser()
    assert sign_in(client, provider)["Location"] == "/account/"
    assert len(json.dumps(dict(client.session))) < 2_000


def test_few_threads_wait_for_the_provider(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = http._slots
    for _ in range(slots.size):
        assert slots.acquire()
    monkeypatch.setattr(slots, "_grace", 0.0)
    monkeypatch.setattr(slots, "_alive_at", float("-inf"))
    try:
        client = browser()
        problem_page(client, client.get("/accounts/sso/"), UNAVAILABLE)
        assert provider.requests == []
    finally:
        for _ in range(slots.size):
            slots.release(in_vain=False)
    assert sign_in(browser(), provider)["Location"] == "/account/"


def test_no_token_and_no_secret_is_logged(
    provider: FakeProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    signed: list[str] = []

    def remember(claims: Any) -> str:
        signed.append(sign(claims))
        return signed[-1]

    provider.sign = remember
    sign_in(browser(), provider)
    for fault in (*NO_ANSWER.values(), answer(400, b'{"error": "invalid_grant"}')):
        for path in ("/token", "/keys", "/userinfo"):
            provider.faults = {path: fault}
            provider_module.provider_of.cache_clear()
            sign_in(browser(), provider)
    provider.faults, provider.claims = {}, provider.claims | {"nonce": "x"}
    sign_in(browser(), provider)
    assert "sso_unavailable" in caplog.text
    assert signed
    secrets = [*signed, "the-access-token", "s3cret", "code-0", "code_verifier"]
    assert [secret for secret in secrets if secret in caplog.text] == []
    assert KEYS


def test_log_lines_about_the_provider_have_the_id_of_the_request() -> None:
    with context.about(request_id="of-this-request"):
        assert http.within_limit(lambda _: context.current("request_id")) == "of-this-request"
