"""The web, called by an API client and by a superuser: in this process, or a real one over HTTP."""

from __future__ import annotations

import http.cookiejar
import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.test import Client

from tests.support.users import signed_in
from uploads.accounts import api_tokens

CSRF_TOKEN = "c" * 32


@dataclass(frozen=True)
class Reply:
    status: int
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


class Site(Protocol):
    def api(self, method: str, path: str, body: Any = None) -> Reply:
        """Call the API with a token."""
        ...

    def admin(self, path: str, form: dict[str, Any] | None = None) -> Reply:
        """Get a page as a signed-in superuser, or post a form; redirects are followed."""
        ...


class SiteInThisProcess:
    """The web's code, called in this process."""

    def __init__(self, user: User) -> None:
        self._admin = signed_in(user)
        self._api = Client(headers={"Authorization": f"Bearer {api_tokens.create(user)}"})

    def api(self, method: str, path: str, body: Any = None) -> Reply:
        data = "" if body is None else json.dumps(body)
        reply = self._api.generic(method, path, data, "application/json")
        return Reply(reply.status_code, reply.content.decode())

    def admin(self, path: str, form: dict[str, Any] | None = None) -> Reply:
        reply = (
            self._admin.get(path, follow=True)
            if form is None
            else self._admin.post(path, form, follow=True)
        )
        return Reply(reply.status_code, reply.content.decode())


class SiteOverHttp:
    """A web process at this URL, with the database in which the user is signed in."""

    def __init__(self, url: str, user: User) -> None:
        self.url = url
        self._token = api_tokens.create(user)
        jar = http.cookiejar.CookieJar()
        # Any CSRF token will do: Django compares the cookie's with the form's.
        for name, value in (
            ("sessionid", signed_in(user).cookies["sessionid"].value),
            ("csrftoken", CSRF_TOKEN),
        ):
            jar.set_cookie(cookie(name, value))
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

    def api(self, method: str, path: str, body: Any = None) -> Reply:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        return self._send(urllib.request.Request(self.url + path, data, headers, method=method))

    def admin(self, path: str, form: dict[str, Any] | None = None) -> Reply:
        data = None
        if form is not None:
            data = urlencode({**form, "csrfmiddlewaretoken": CSRF_TOKEN}, doseq=True).encode()
        return self._send(urllib.request.Request(self.url + path, data))

    def _send(self, request: urllib.request.Request) -> Reply:
        try:
            with self._opener.open(request, timeout=60) as response:
                return Reply(response.status, response.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, error.read().decode())


def cookie(name: str, value: str) -> http.cookiejar.Cookie:
    return http.cookiejar.Cookie(
        0, name, value, None, False, "127.0.0.1", False, False, "/", True, False, None, True,
        None, None, {},
    )  # fmt: skip


def values_of(page: Reply, field: str) -> list[str]:
    """The values of a form's inputs with this name."""
    return re.findall(rf'name="{field}" value="([^"]+)"', page.text)
