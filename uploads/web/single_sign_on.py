"""Sign in at the provider, come back, and sign out there too.

What a sign-in needs until its user comes back is in a signed cookie of its own, which only the
browser has in which it began. So several tabs can sign in at the same time, nothing is stored for
visitors who never return, and a response that was made for another browser is refused.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, REDIRECT_FIELD_NAME, login, views
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.contrib.auth.models import User
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from uploads.accounts.oidc import accounts, flow
from uploads.accounts.oidc.errors import (
    EXPIRED,
    INVALID_TOKEN,
    REFUSED,
    SETUP,
    Problem,
    SignInFailed,
)
from uploads.core.conf import conf
from uploads.web import sign_in

logger = logging.getLogger(__name__)

BACKEND = "uploads.web.single_sign_on.Backend"
#: The names of the cookies begin so, and end with a part of the state's digest.
COOKIE = "filehub_sso_"
#: Seconds for signing in at the provider.
MAX_AGE = 15 * 60
#: Sign-ins that a browser may have begun. More are likely abandoned, and cookies are sent always.
MAX_BEGUN = 5
#: Characters of the page to come back to: the cookie must fit into the 4 KB that browsers keep.
MAX_NEXT = 1_000
#: What the query of the sign-in page calls the code of a problem.
PROBLEM = "problem"
_HINT = "filehub_id_token_hint"
_SALT = "uploads.web.single_sign_on"
#: Errors with which the provider says that the user, not filehub, is the reason.
#: https://openid.net/specs/openid-connect-core-1_0.html#AuthError
_USER_ERRORS = {
    "access_denied", "login_required", "interaction_required", "account_selection_required",
    "consent_required",
}  # fmt: skip


class Backend(BaseBackend):
    """Marks the sessions of users who signed in at the provider. It authenticates nobody itself.

    As with Django's own, the session of a user who is deactivated here ends at once. Permissions
    come from Django's own backend.
    """

    def get_user(self, user_id: Any) -> User | None:
        return ModelBackend().get_user(user_id)


@dataclass(frozen=True)
class Begun:
    """A sign-in that has begun in this browser."""

    attempt: flow.Attempt
    next: str


def is_session_of_provider(request: HttpRequest) -> bool:
    """Return whether the user of this session signed in at the provider."""
    return bool(request.session.get(BACKEND_SESSION_KEY) == BACKEND)


def start_url(next_page: str) -> str:
    """Return the address that leads to the provider and then to a page of this site."""
    return f"{reverse('single_sign_on')}?{urlencode({REDIRECT_FIELD_NAME: next_page})}"


def button() -> str | None:
    """Return the text of the button for the sign-in page; None without a provider."""
    if not conf().has_single_sign_on:
        return None
    return conf().oidc_button or gettext("Single sign-on")


@require_safe
@never_cache
def begin(request: HttpRequest) -> HttpResponse:
    """Redirect to the provider. `next` is where the user comes back to, on this site."""
    _require_provider()
    begun = Begun(flow.Attempt.new(), _safe_next(request))
    try:
        url = flow.sign_in_url(begun.attempt, _redirect_uri(request))
    except SignInFailed as exc:
        return _back_to_sign_in(exc, begun.next)
    response = HttpResponseRedirect(url)
    _keep(request, response, begun)
    return response


@require_safe
@never_cache
def come_back(request: HttpRequest) -> HttpResponse:
    """Sign the user in with the provider's response, which their browser brings."""
    _require_provider()
    state = request.GET.get("state", "")
    begun = _begun(request, state)
    if begun is None and request.user.is_authenticated:  # The page was loaded again.
        return HttpResponseRedirect(resolve_url(settings.LOGIN_REDIRECT_URL))
    next_page = begun.next if begun else resolve_url(settings.LOGIN_REDIRECT_URL)
    try:
        person = _finish(request, begun)
        user = accounts.account_of(person, request)
    except SignInFailed as exc:
        if exc.problem.status < 500:  # not for an outage of the provider
            sign_in.audit_failure(request, detail=exc.problem.code)
        response = _back_to_sign_in(exc, next_page)
    else:
        _open_session(request, user, person)
        response = HttpResponseRedirect(next_page)
    if begun:
        response.delete_cookie(_cookie_of(state), path=reverse("single_sign_on"))
    return response


def _finish(request: HttpRequest, begun: Begun | None) -> flow.SignedIn:
    """Raises SignInFailed."""
    if begun is None:
        raise SignInFailed(EXPIRED, "this browser has not begun a sign-in with this state")
    error = request.GET.get("error")
    if error in _USER_ERRORS:
        raise SignInFailed(REFUSED, f"the provider says {error}")
    if error is not None:
        raise SignInFailed(SETUP, f"the provider says {error!r:.80}")
    # RFC 9207: against responses of another provider. Optional, so only a wrong one is refused.
    issuer = request.GET.get("iss")
    if issuer is not None and issuer.rstrip("/") != (conf().oidc_issuer or "").rstrip("/"):
        raise SignInFailed(INVALID_TOKEN, f"the response is that of {issuer!r:.200}")
    code = request.GET.get("code", "")
    if not code:
        raise SignInFailed(SETUP, "the response of the provider has no code")
    return flow.finish(begun.attempt, code, _redirect_uri(request))


def _open_session(request: HttpRequest, user: Any, person: flow.SignedIn) -> None:
    login(request, user, backend=BACKEND)
    request.session.set_expiry(timezone.now() + timedelta(hours=conf().oidc_session_hours))
    if len(person.id_token) <= flow.MAX_HINT:
        request.session[_HINT] = person.id_token
    logger.info("sign-in: user %s signed in at the provider", user.pk)


def _back_to_sign_in(failure: SignInFailed, next_page: str) -> HttpResponseRedirect:
    """Log why it failed and redirect to the sign-in page, which says so in the user's language."""
    problem = failure.problem
    level = logging.ERROR if problem.status >= 500 else logging.WARNING
    logger.log(level, "sign-in at the provider failed (%s): %s", problem.code, failure.detail)
    return HttpResponseRedirect(sign_in_page(problem, next_page))


def sign_in_page(problem: Problem, next_page: str) -> str:
    """Return the address of the sign-in page that tells the user about a problem."""
    query = {PROBLEM: problem.code, REDIRECT_FIELD_NAME: next_page}
    return f"{reverse('login')}?{urlencode(query)}"


def _require_provider() -> None:
    if not conf().has_single_sign_on:
        raise Http404


def _redirect_uri(request: HttpRequest) -> str:
    """The address that is registered at the provider."""
    return request.build_absolute_uri(reverse("single_sign_on_callback"))


def _safe_next(request: HttpRequest) -> str:
    """Return where to go after the sign-in: a page of this site, whatever the query says."""
    target = request.GET.get(REDIRECT_FIELD_NAME, "")
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    # Not relative: it would lead from the callback to somewhere else than from here.
    if safe and target.startswith("/") and len(target) <= MAX_NEXT:
        return target
    return resolve_url(settings.LOGIN_REDIRECT_URL)


# The cookies


def _cookie_of(state: str) -> str:
    digest = hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{COOKIE}{digest[:16]}"


def _keep(request: HttpRequest, response: HttpResponse, begun: Begun) -> None:
    """Keep a sign-in in the browser, and drop others if there are many."""
    attempt = begun.attempt
    path = reverse("single_sign_on")
    for name in [name for name in request.COOKIES if name.startswith(COOKIE)][MAX_BEGUN - 1 :]:
        response.delete_cookie(name, path=path)
    response.set_cookie(
        _cookie_of(attempt.state),
        signing.dumps(
            [attempt.state, attempt.nonce, attempt.verifier, begun.next], salt=_SALT, compress=True
        ),
        max_age=MAX_AGE,
        path=path,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )


def _begun(request: HttpRequest, state: str) -> Begun | None:
    """Return the sign-in that began in this browser with this state, if there is one."""
    try:
        value = signing.loads(
            request.COOKIES.get(_cookie_of(state), ""), salt=_SALT, max_age=MAX_AGE
        )
    except signing.BadSignature:
        return None
    own_state, nonce, verifier, next_page = value
    return (
        Begun(flow.Attempt(own_state, nonce, verifier), next_page) if own_state == state else None
    )


# Signing out


@method_decorator(never_cache, name="dispatch")
class SignOut(views.LogoutView):
    """Sign out here, and then at the provider if the user signed in there.

    The page in between leads on by itself. A redirect would not work: browsers apply the
    Content-Security-Policy's `form-action` to redirects, and the provider is another site.
    """

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        url = self._provider_url(request)
        response = super().post(request, *args, **kwargs)
        if url is None:
            return response
        page = render(request, "registration/sign_out_at_provider.html", {"url": url})
        add_never_cache_headers(page)
        return page

    def _provider_url(self, request: HttpRequest) -> str | None:
        if not (conf().has_single_sign_on and is_session_of_provider(request)):
            return None
        back_to = request.build_absolute_uri(resolve_url(settings.LOGOUT_REDIRECT_URL or "/"))
        try:
            return flow.sign_out_url(request.session.get(_HINT), back_to)
        except SignInFailed as exc:
            logger.warning("sign-out at the provider is left out: %s", exc.detail)
            return None
