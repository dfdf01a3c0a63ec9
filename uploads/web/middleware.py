"""Django's middleware for people in browsers, which requests with an API token do not pass.

Such a request has neither session nor page: `uploads.web.api.auth` never uses its cookies. What it
shares with the others stays in MIDDLEWARE as it is: security headers, checks of the host name,
limits of time, errors, and CSRF, because Django's own checks look for its middleware by name.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any, cast

from csp.constants import HEADER, HEADER_REPORT_ONLY
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.middleware import AuthenticationMiddleware, get_user
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.functional import SimpleLazyObject

from uploads.core.logs import context
from uploads.core.paths import API_PATHS
from uploads.web import sign_in

_is_api_path = re.compile(API_PATHS).match


def has_api_token(request: HttpRequest) -> bool:
    """Return whether this is a request to the API with a bearer token, valid or not.

    Only there: pages need their session, whatever an Authorization header says.
    """
    authorization: str = request.META.get("HTTP_AUTHORIZATION", "")
    return authorization[:7].lower() == "bearer " and bool(_is_api_path(request.path_info))


class _WithoutToken:
    """Mixed in before a middleware: requests with an API token go past it."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        if has_api_token(request):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class ContentSecurityPolicy(CSPMiddleware):
    """Responses to requests with an API token have the same policy, which is built once.

    Only pages change theirs.
    """

    def __call__(self, request: HttpRequest) -> Any:
        if not has_api_token(request):
            return super().__call__(request)
        response: Any = self.get_response(request)
        for name, policy in self._headers.items():
            response.headers.setdefault(name, policy)
        return response

    @cached_property
    def _headers(self) -> dict[str, str]:
        policies = {HEADER: build_policy(), HEADER_REPORT_ONLY: build_policy(report_only=True)}
        return {name: policy for name, policy in policies.items() if policy}


class Sessions(_WithoutToken, SessionMiddleware):
    pass


class Authentication(_WithoutToken, AuthenticationMiddleware):
    """Sessions that began with a password are over when local accounts are switched off.

    Log lines carry the user's id as soon as the user is read, which not every request does.
    """

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = cast("User", SimpleLazyObject(lambda: _user_of(request)))


def _user_of(request: HttpRequest) -> AbstractBaseUser | AnonymousUser:
    user = AnonymousUser() if sign_in.is_switched_off(request) else get_user(request)
    if user.is_authenticated:
        context.add(user_id=str(user.pk))
    return user


class Messages(_WithoutToken, MessageMiddleware):
    pass


class Locale(LocaleMiddleware):
    """Requests with an API token get their language too, but not from the path."""

    def __call__(self, request: HttpRequest) -> Any:
        if not has_api_token(request):
            return super().__call__(request)
        language = translation.get_language_from_request(request)
        translation.activate(language)
        response: Any = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response
