"""Requests of signed-in users."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from uploads.accounts.owners import owner_of


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


def is_for_another_user(request: HttpRequest) -> bool:
    """Return whether a script of a page that was rendered for another user sent this request.

    Another user may have signed in since, in another tab; the page's requests must not run as that
    user. Pages name their user in X-Filehub-User, by the owner string.
    """
    user = request.headers.get("X-Filehub-User")
    return user is not None and user != owner_of(user_of(request))
