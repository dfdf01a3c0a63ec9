"""Cross-site requests, sessions, redirects and foreign hosts."""

from __future__ import annotations

import re

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client

from tests.support.files import store
from tests.support.users import PASSWORD, Api, script_of, signed_in
from tests.web.security.routes import PAGES, WRITING, check_json, fill

# Pages that need no AWS need static files too.
pytestmark = pytest.mark.usefixtures("_static_files")


@WRITING
def test_no_route_changes_anything_for_a_session_without_its_csrf_token(
    root: User, method: str, path: str
) -> None:
    client = script_of(root, checks_csrf=True)
    response = getattr(client, method)(fill(path), {}, content_type="application/json")
    check_json(response, 403)
    assert response.json()["code"] == "csrf_failed"


def test_no_page_accepts_a_form_without_its_csrf_token(root: User) -> None:
    client = signed_in(root, checks_csrf=True)
    accepted = [path for path, _ in PAGES if client.post(path).status_code not in {403, 404, 405}]
    assert accepted == []


@pytest.mark.usefixtures("aws")
def test_signing_in_changes_the_session_key(alice: User) -> None:
    client = Client()
    # Planted by an attacker.
    session = client.session
    session["planted"] = "1"
    session.save()
    before = session.session_key
    client.cookies[django_settings.SESSION_COOKIE_NAME] = before
    response = client.post("/accounts/login/", {"username": "alice", "password": PASSWORD})
    assert response.status_code == 302
    after = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    assert after != before
    planted = Client()
    planted.cookies[django_settings.SESSION_COOKIE_NAME] = before
    assert planted.get("/").status_code == 302


@pytest.mark.django_db
def test_the_session_cookie_is_http_only_and_same_site(alice: User) -> None:
    client = Client()
    client.post("/accounts/login/", {"username": "alice", "password": PASSWORD})
    cookie = client.cookies[django_settings.SESSION_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


ELSEWHERE = [
    "//evil.example", "https://evil.example", "https:evil.example", "http:///evil.example",
    "///evil.example", "/\\evil.example", "\\\\evil.example", "/%09/evil.example",
    "\t//evil.example", "javascript:alert(1)", "data:text/html,x", "https://testserver@evil.example",
    "https://testserver.evil.example", "//testserver:80@evil.example/",
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/accounts/login/", {"username": "root", "password": PASSWORD}),
        ("/admin/login/", {"username": "root", "password": PASSWORD}),
        ("/accounts/logout/", {}),
        ("/i18n/setlang/", {"language": "de"}),
        ("/account/theme/", {"theme": "dark"}),
    ],
    ids=["sign in", "admin", "sign out", "language", "theme"],
)
def test_no_page_redirects_to_another_site(root: User, path: str, form: dict[str, str]) -> None:
    sent = {
        target: Client().post(path, {**form, "next": target})["Location"] for target in ELSEWHERE
    }
    # Browsers take // and /\\ for the beginning of a host.
    assert {target: to for target, to in sent.items() if not re.match(r"/(?![/\\\t])", to)} == {}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/files", "/accounts/login/", "/metrics", "/admin/login/"])
def test_a_foreign_host_is_a_400_with_the_usual_error(path: str) -> None:
    for host in ("evil.example", "testserver.evil.example", "testserver@evil.example", "a b", "["):
        check_json(Client().get(path, headers={"Host": host}), 400)


@pytest.mark.django_db
def test_a_foreign_host_is_an_error_page_for_browsers() -> None:
    response = Client().get("/", headers={"Host": "evil.example", "Accept": "text/html"})
    assert response.status_code == 400
    assert "Traceback" not in response.content.decode()
    assert "evil.example" not in response.content.decode()


def test_links_use_the_requested_host(api: Api) -> None:
    for name in ("a.txt", "b.txt"):
        store(api.owner, name)
    response = api._client.get("/files?limit=1", headers={"X-Forwarded-Host": "evil.example"})
    assert response["Link"].startswith("<http://testserver/files?")
