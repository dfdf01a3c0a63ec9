"""The session of a page that stays open: sign in again without leaving it."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import views
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import resolve_url
from django.urls import Resolver404, resolve, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from uploads.accounts.owners import owner_of
from uploads.web.navigation import is_navigation, prefers_json, redirect

#: The fields of the page's dialog. A sign-in page that asks for anything else opens in a tab.
_FIELDS = {"username", "password"}


class SignIn(views.LoginView):
    """Django's sign-in page. Scripts that prefer JSON get the new session as `state` returns it.

    A failed attempt is then 400 {"error", "code"}, with the form's sentence in the user's language.
    """

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        return _state_of(self.request) if prefers_json(self.request) else response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        if not prefers_json(self.request):
            return super().form_invalid(form)
        [error, *_] = [error for errors in form.errors.as_data().values() for error in errors]
        body = {"error": " ".join(error.messages), "code": error.code or "invalid"}
        return JsonResponse(body, status=400)


@require_safe
@never_cache
def state(request: HttpRequest) -> HttpResponse:
    """Return {"user", "csrf_token"}: the user's owner string, null if nobody is signed in."""
    return redirect(reverse("home")) if is_navigation(request) else _state_of(request)


def _state_of(request: HttpRequest) -> JsonResponse:
    user = owner_of(request.user) if request.user.is_authenticated else None
    return JsonResponse({"user": user, "csrf_token": get_token(request)})


def has_form() -> bool:
    """Return whether the site's sign-in page is `SignIn` with a username and a password alone.

    Projects may sign users in elsewhere (single sign-on), or ask for more.
    """
    try:
        view = resolve(resolve_url(settings.LOGIN_URL)).func
    except Resolver404:  # on another host
        return False
    view_class = getattr(view, "view_class", None)
    if not (isinstance(view_class, type) and issubclass(view_class, SignIn)):
        return False
    initial = getattr(view, "view_initkwargs", {})
    form = initial.get("authentication_form") or view_class.authentication_form
    return set((form or view_class.form_class).base_fields) == _FIELDS
