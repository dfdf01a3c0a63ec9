"""Requests of signed-in users."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest


class AuthenticatedHttpRequest(HttpRequest):
    """A request that reached its view past a check that somebody is signed in.

    For annotations only: of pages under `login_required`, and of the API, whose authenticators
    set `user`.
    """

    user: User


def user_of(request: HttpRequest) -> User:
    """The signed-in user, where the framework names the request's type, as Django's admin does."""
    if not request.user.is_authenticated:
        raise PermissionDenied
    return request.user
