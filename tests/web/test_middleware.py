"""Which middleware runs for which request."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import translation
from django.utils.module_loading import import_string
from pytest_django import Settings

from local.aws import LocalAws
from tests.support.users import signed_in
from tests.web.security.routes import check_headers
from uploads.accounts import api_tokens
from uploads.files import queries
from uploads.web import middleware

#: What only requests with a session need. `Locale` runs for all, but in a shorter form for tokens.
FOR_SESSIONS = {"Sessions", "Authentication", "Messages"}
ALWAYS = {
    "RequestIdMiddleware", "SecurityMiddleware", "WhiteNoiseMiddleware", "ContentSecurityPolicy",
    "XFrameOptionsMiddleware", "ProbeMiddleware", "TimeLimitMiddleware", "CorsMiddleware",
    "Locale", "CommonMiddleware", "CsrfViewMiddleware", "ErrorMiddleware",
}  # fmt: skip

TOKEN = "Bearer filehub_x"
#: Method, path, Authorization, and whether the middleware for sessions runs.
REQUESTS = [
    ("POST", "/get-url", TOKEN, False),
    ("POST", "/uploads", TOKEN, False),
    ("POST", "/uploads/batch", TOKEN, False),
    ("GET", "/uploads?ids=x", TOKEN, False),
    ("DELETE", "/uploads/x", TOKEN, False),
    ("GET", "/files", TOKEN, False),
    ("GET", "/files/x/download?redirect=1", TOKEN, False),
    ("DELETE", "/files/x", TOKEN, False),
    ("GET", "/s3/params?filename=a", TOKEN, False),
    ("PUT", "/get-url", TOKEN, False),
    ("GET", "/files/no/such/route", TOKEN, False),
    ("POST", "/get-url", "bearer x", False),
    ("POST", "/get-url", "BEARER x", False),
    ("POST", "/get-url", None, True),
    ("POST", "/get-url", "", True),
    ("POST", "/get-url", "Basic YTpi", True),
    ("POST", "/get-url", "Bearer", True),
    ("POST", "/get-url", "Bearerx y", True),
    ("POST", "/get-url", "Token x", True),
    ("GET", "/", None, True),
    # On pages, the header changes nothing.
    ("GET", "/", TOKEN, True),
    ("POST", "/accounts/login/", TOKEN, True),
    ("POST", "/accounts/logout/", TOKEN, True),
    ("POST", "/accounts/password/", TOKEN, True),
    ("POST", "/admin/uploads/apitoken/add/", TOKEN, True),
    ("POST", "/i18n/setlang/", TOKEN, True),
    ("GET", "/metrics", TOKEN, True),
    ("GET", "/api/docs", TOKEN, True),
    ("POST", "//get-url", TOKEN, True),
    ("POST", "/admin/../get-url", TOKEN, True),
    ("POST", "/no-such-page", TOKEN, True),
]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, _static_files: None) -> set[str]:
    """The middleware whose work was done, by class."""
    names: set[str] = set()

    def watch(cls: Any, method: str) -> None:
        original = getattr(cls, method)

        def watched(self: Any, *args: Any, **fields: Any) -> Any:
            names.add(type(self).__name__)
            return original(self, *args, **fields)

        monkeypatch.setattr(cls, method, watched)

    for path in settings.MIDDLEWARE:
        cls = import_string(path)
        if cls.__name__ in FOR_SESSIONS:
            # The class of the library, past which requests with a token go.
            base = next(b for b in cls.__mro__ if b.__module__ != middleware.__name__)
            watch(base, "__call__")
        else:
            watch(cls, "__call__")
    return names


@pytest.mark.parametrize(("method", "path", "authorization", "session"), REQUESTS)
@pytest.mark.django_db
def test_middleware_for_sessions_runs_unless_the_api_is_called_with_a_token(
    ran: set[str], method: str, path: str, authorization: str | None, session: bool
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    client = Client(raise_request_exception=False, headers=headers)
    response = client.generic(method, path, b"{}", content_type="application/json")
    assert ran == ALWAYS | (FOR_SESSIONS if session else set())
    if response.status_code < 500:
        check_headers(response)


def test_the_table_has_all_middleware() -> None:
    assert {path.rpartition(".")[2] for path in settings.MIDDLEWARE} == ALWAYS | FOR_SESSIONS


def test_a_token_does_not_switch_off_the_protection_of_pages(root: User) -> None:
    client = signed_in(root, checks_csrf=True)
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {api_tokens.create(root)}"
    for path in ("/admin/uploads/apitoken/add/", "/accounts/logout/", "/accounts/password/"):
        assert client.post(path, {}).status_code == 403, path


def test_a_request_with_a_token_sets_and_reads_no_cookie(aws: LocalAws, alice: User) -> None:
    client = signed_in(alice)
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {api_tokens.create(alice)}"
    client.cookies["csrftoken"] = "x" * 32
    response = client.post("/uploads", {"file_name": "a", "size": 1}, "application/json")
    assert response.status_code == 201
    assert not response.cookies
    assert "Cookie" not in response.get("Vary", "")


@pytest.mark.parametrize(
    ("headers", "cookie", "language"),
    [
        ({}, None, "en"),
        ({"Accept-Language": "de"}, None, "de"),
        ({"Accept-Language": "fr, de;q=0.5"}, None, "de"),
        ({"Accept-Language": "*"}, None, "en"),
        ({"Accept-Language": "de"}, "en", "en"),
        ({}, "de", "de"),
    ],
)
def test_a_request_with_a_token_has_its_own_language(
    aws: LocalAws,
    alice: User,
    headers: dict[str, str],
    cookie: str | None,
    language: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = Client(headers={"Authorization": f"Bearer {api_tokens.create(alice)}"})
    other = {"de": "en", "en": "de"}[language]
    # The thread still has the language of the request before.
    client.get("/files", headers={"Accept-Language": other})
    if cookie:
        client.cookies["django_language"] = cookie
    active: list[str | None] = []
    files_of = queries.files_of

    def watched(*args: Any, **fields: Any) -> Any:
        active.append(translation.get_language())
        return files_of(*args, **fields)

    monkeypatch.setattr(queries, "files_of", watched)
    assert client.get("/files", headers=headers)["Content-Language"] == language
    assert active == [language]
    # Errors of the API are never translated.
    assert client.get("/files/x", headers=headers)["Content-Language"] == "en"


def test_a_policy_for_reports_is_sent_with_tokens_too(
    aws: LocalAws, alice: User, settings: Settings
) -> None:
    settings.CONTENT_SECURITY_POLICY_REPORT_ONLY = {"DIRECTIVES": {"img-src": ["'none'"]}}
    client = Client(headers={"Authorization": f"Bearer {api_tokens.create(alice)}"})
    response = client.get("/files")
    assert "img-src 'none'" in response["Content-Security-Policy-Report-Only"]
    check_headers(response)


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", ""])
def test_the_host_name_is_checked_for_tokens_too(alice: User, host: str) -> None:
    client = Client(headers={"Authorization": f"Bearer {api_tokens.create(alice)}"})
    response = client.get("/files", headers={"Host": host})
    assert response.status_code == 400
    assert response.json()["code"] == "bad_request"
