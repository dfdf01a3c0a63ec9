"""Authentication: a Django session, with CSRF protection, or a bearer token with a scope.

A route names the scope that it needs: `auth=requires(Scope.READ)`. One that names none accepts no
API tokens.
"""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib.auth.models import AbstractBaseUser
from django.db.models.base import ModelState
from django.http import HttpRequest
from ninja.security import HttpBearer
from ninja.security import SessionAuth as NinjaSessionAuth
from ninja.utils import check_csrf

from uploads.accounts import api_tokens, owners
from uploads.accounts.requests import AuthenticatedHttpRequest, is_for_another_user
from uploads.core.errors import CsrfFailed, InsufficientScope, TokenExpired
from uploads.core.logs import context
from uploads.models import ApiToken, Scope

U = TypeVar("U", bound=AbstractBaseUser)


def owner(request: AuthenticatedHttpRequest) -> str:
    """Return the caller's owner string."""
    return owners.owner_of(request.user)


class Bearer(HttpBearer):
    """Authenticate `Authorization: Bearer <token>` with an API token that has a scope.

    A session permits everything, so it needs no scope.
    """

    openapi_description = (
        "An API token, created on the account page, in the admin or with `manage.py "
        "create_api_token`. It needs the scope that the operation lists."
    )

    def __init__(self, scope: Scope | None) -> None:
        """`scope` is None for a route that accepts no tokens."""
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        """Return the token, which `permits` needs. Raises TokenExpired or InsufficientScope."""
        api_token = api_tokens.find(token.strip())
        if api_token is None:
            return None
        if api_token.has_expired:
            raise TokenExpired
        if self.scope not in api_token.scope_list:
            raise InsufficientScope(self.scope)
        context.add(user_id=str(api_token.user_id))
        api_tokens.record_use(api_token)
        # A copy, because threads share the token, and Django notes permissions on users.
        request.user = _copy_of(api_token.user)
        return api_token


def _copy_of(user: U) -> U:
    """What `copy.copy` returns, in a tenth of the time: that one pickles the model."""
    twin = type(user).__new__(type(user))
    state = ModelState()
    vars(state).update(vars(user._state), fields_cache=dict(user._state.fields_cache))
    vars(twin).update(vars(user), _state=state)
    return twin


class Session(NinjaSessionAuth):
    """Authenticate Django's session, but only without an Authorization header.

    An invalid token thus always results in 401 and never falls back to the session.
    """

    def __init__(self, *, accepts_own_pages: bool = False) -> None:
        """`accepts_own_pages`: a request that a page of this site sent needs no CSRF token."""
        super().__init__()
        self._accepts_own_pages = accepts_own_pages

    def __call__(self, request: HttpRequest) -> Any | None:
        if "Authorization" in request.headers or not request.user.is_authenticated:
            return None
        if is_for_another_user(request):
            return None
        if self._accepts_own_pages and is_from_own_page(request):
            return request.user
        if check_csrf(request):
            raise CsrfFailed
        return request.user


def permits(request: Any, scope: Scope) -> bool:
    """Whether an authenticated request may do what needs this scope, too.

    Raises KeyError for a request that was not authenticated. An AttributeError would be lost:
    schemas take it for a field that is missing.
    """
    token = vars(request)["auth"]  # What the authentication returned: ninja sets it.
    return not isinstance(token, ApiToken) or scope in token.scope_list


def is_from_own_page(request: HttpRequest) -> bool:
    """Return whether a browser says that a page of this site's own origin sent the request.

    Scripts can set neither header. Browsers send Origin with all requests but GET and HEAD, and
    Sec-Fetch-Site too over HTTPS. Without Origin, nothing is known.
    https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
    """
    own = f"{request.scheme}://{request.get_host()}"
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    return request.headers.get("Origin") == own and site == "same-origin"


def requires(scope: Scope | None, *, accepts_own_pages: bool = False) -> list[Bearer | Session]:
    """Return the authentication methods of a route, in the order in which they are tried.

    API tokens need this scope. With None, they are refused. `accepts_own_pages` is for clients that
    cannot send a CSRF token: see Session.
    """
    return [Bearer(scope), Session(accepts_own_pages=accepts_own_pages)]
