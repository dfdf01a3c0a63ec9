"""The web as the Procfile starts it, with a database of its own, a superuser and an API token."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from tests.support.http import Response
from tests.support.processes import ROOT, web
from tests.support.users import PASSWORD

USER = "root"
_PREPARE = f"""
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("provision", stdout=open("/dev/null", "w"))
from django.contrib.auth import get_user_model
from uploads.accounts import api_tokens
user = get_user_model().objects.create_superuser({USER!r}, password={PASSWORD!r})
print(api_tokens.create(user))
"""
#: Any value is valid, as long as cookie and header agree.
_CSRF = "0123456789abcdef" * 2
BROWSER = {
    "X-CSRFToken": _CSRF,
    "Content-Type": "application/x-www-form-urlencoded",
    "Accept": "text/html",
}


@dataclass(frozen=True)
class Timed:
    """A response, and the seconds that it took."""

    response: Response
    seconds: float


@dataclass(frozen=True)
class Site:
    """A running web. `page` has the headers of a signed-in browser, `api` those of a program."""

    url: str
    log: Path
    page: Mapping[str, str]
    api: Mapping[str, str]

    def send(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        body: bytes | None = None,
    ) -> Timed:
        started_at = time.monotonic()
        response = send(self.url, path, headers, method, body)
        return Timed(response, time.monotonic() - started_at)

    def logged(self) -> list[str]:
        return self.log.read_text().splitlines()


def send(
    url: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
    body: bytes | None = None,
) -> Response:
    """Send one request, and follow no redirect."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        return Response(response.status, response.read(), response.headers)
    finally:
        connection.close()


def sign_in(url: str, password: str = PASSWORD) -> tuple[int, str, str]:
    """Send the sign-in form as a browser; return the status, the session's cookie and the page."""
    form = urlencode({"username": USER, "password": password}).encode()
    headers = {"Cookie": f"csrftoken={_CSRF}", **BROWSER}
    response = send(url, "/accounts/login/", headers, "POST", form)
    cookies = SimpleCookie("; ".join(response.headers.get_all("Set-Cookie") or []))
    session = cookies["sessionid"].value if "sessionid" in cookies else ""
    return response.status, session, response.body.decode()


@contextmanager
def site(directory: Path, **environment: str) -> Iterator[Site]:
    """Prepare database and AWS, and start the web. `environment` overrides that of the tests."""
    environment = {"DATABASE_URL": f"sqlite:///{directory}/site.sqlite3", **environment}
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "--command", _PREPARE],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    with web(directory / "web.log", **environment) as running:
        status, session, text = sign_in(running.url)
        assert status == 302, text
        page = {"Cookie": f"sessionid={session}; csrftoken={_CSRF}", **BROWSER}
        api = {
            "Authorization": f"Bearer {done.stdout.strip()}",
            "Content-Type": "application/json",
        }
        yield Site(running.url, running.log, page, api)
