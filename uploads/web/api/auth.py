"""Who calls: a Django session (CSRF enforced) or a bearer token."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from ninja.security import HttpBearer
from ninja.security import SessionAuth as NinjaSessionAuth
from ninja.utils import check_csrf

from uploads.accounts import api_tokens, owners
from uploads.accounts.requests import AuthenticatedHttpRequest
from uploads.core.errors import CsrfFailed


def owner(request: AuthenticatedHttpRequest) -> str:
    """How records name the caller."""
    return owners.owner_of(request.user)


class Bearer(HttpBearer):
    """`Authorization: Bearer <token>`; the admin and `manage.py create_api_token` make tokens."""

    openapi_description = "An API token, made in the admin or by `manage.py create_api_token`."

    def authenticate(self, request: HttpRequest, token: str) -> AbstractBaseUser | None:
        found = api_tokens.find(token.strip())
        if found is None:
            return None
        api_tokens.note_use(found)
        request.user = found.user
        return found.user


class Session(NinjaSessionAuth):
    """Django's session. Reached only by requests without an Authorization header, so that a wrong
    token is answered with 401 and not with somebody's session."""

    def __call__(self, request: HttpRequest) -> Any | None:
        if "Authorization" in request.headers or not request.user.is_authenticated:
            return None
        # A page may say whose it is. If another user signed in meanwhile, in another tab, the
        # page's requests are not theirs.
        user = request.headers.get("X-Filehub-User")
        if user is not None and user != owners.owner_of(request.user):
            return None
        if check_csrf(request):
            raise CsrfFailed
        return request.user


#: The ways to authenticate, in the order in which they are tried.
CALLERS = [Bearer(), Session()]
