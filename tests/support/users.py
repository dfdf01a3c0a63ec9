"""Users, and the clients that they are signed in with."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client

from uploads.accounts import api_tokens, owners

PASSWORD = "demo-password-for-tests"


def signed_in(user: User, *, checks_csrf: bool = False) -> Client:
    """A client with this signed-in user."""
    client = Client(enforce_csrf_checks=checks_csrf, headers={"Accept": "text/html"})
    client.force_login(user)
    return client


def script_of(user: User, *, checks_csrf: bool = False) -> Client:
    """A script of a page that this signed-in user has open."""
    client = Client(enforce_csrf_checks=checks_csrf, headers={"Accept": "application/json"})
    client.force_login(user)
    return client


def staff(user: User, *codenames: str, checks_csrf: bool = False) -> Client:
    """A client with this user as a staff member who has exactly these permissions."""
    permissions = Permission.objects.filter(codename__in=codenames)
    assert len(permissions) == len(codenames)
    user.is_staff = True
    user.save()
    user.user_permissions.set(permissions)
    return signed_in(user, checks_csrf=checks_csrf)


def error_of(response: Any) -> dict[str, Any]:
    """The error in a response, without what differs from request to request."""
    body: dict[str, Any] = response.json()
    assert body.pop("request_id") == response["X-Request-ID"]
    return body


def body_of(response: Any) -> str:
    """The body of a response, without the request's id."""
    text: str = response.content.decode()
    return text.replace(response["X-Request-ID"], "…")


class Api:
    """The API as one user sees it, with a bearer token."""

    def __init__(self, user: User) -> None:
        self.owner = owners.owner_of(user)
        self._client = Client(headers={"Authorization": f"Bearer {api_tokens.create(user)}"})

    def get(self, path: str) -> Any:
        return self._client.get(path)

    def post(self, path: str, body: Any) -> Any:
        return self._client.post(path, body, content_type="application/json")

    def patch(self, path: str, body: Any) -> Any:
        return self._client.patch(path, body, content_type="application/json")

    def delete(self, path: str) -> Any:
        return self._client.delete(path)
