"""Requests of signed-in users."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest


class AuthenticatedHttpRequest(HttpRequest):
    """A request with a signed-in user, for type annotations only.

    Used for views under `login_required`, and for the API, whose authenticators set `user`.
    """

    user: User


def user_of(request: HttpRequest) -> User:
    """Return the signed-in user, where the framework sets the request's type (the admin)."""
    if not request.user.is_authenticated:
        raise PermissionDenied
    return request.user
