"""The session of a page that stays open: sign in again without leaving it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import views
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render, resolve_url
from django.urls import Resolver404, resolve, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from uploads.accounts.oidc.errors import LOCAL_OFF, problem_of
from uploads.accounts.owners import owner_of
from uploads.core.conf import conf
from uploads.web import password, single_sign_on
from uploads.web.errors import json_error
from uploads.web.navigation import is_navigation, prefers_json, redirect

#: The fields of the page's dialog. A sign-in page that asks for anything else opens in a tab.
_FIELDS = {"username", "password"}


class SignIn(views.LoginView):
    """Django's sign-in page. Scripts that prefer JSON get the new session as `state` returns it.

    A failed attempt is then 400 {"error", "code"}, with the form's sentence in the user's language.
    Problems of single sign-on are shown here, too (`single_sign_on.sign_in_page`).
    """

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if conf().has_local_accounts:
            return super().post(request, *args, **kwargs)
        if prefers_json(request):
            return json_error(LOCAL_OFF.status, str(LOCAL_OFF.text), LOCAL_OFF.code)
        return redirect(single_sign_on.sign_in_page(LOCAL_OFF, self.get_redirect_url()))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        problem = problem_of(self.request.GET.get(single_sign_on.PROBLEM, ""))
        button = single_sign_on.button()
        return super().get_context_data(
            **kwargs,
            problem=problem,
            has_local_accounts=conf().has_local_accounts,
            may_reset_password=password.may_reset(),
            single_sign_on=button,
            single_sign_on_url=single_sign_on.start_url(self.get_success_url()) if button else None,
        )

    def render_to_response(self, context: dict[str, Any], **response_kwargs: Any) -> HttpResponse:
        if context["problem"]:
            response_kwargs.setdefault("status", context["problem"].status)
        return super().render_to_response(context, **response_kwargs)

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
def signed_in(request: HttpRequest) -> HttpResponse:
    """Say that the tab can be closed, in which the user has signed in again for another page."""
    if not request.user.is_authenticated:
        return redirect(redirect_to_login(request.get_full_path()).url)
    return render(request, "uploads/signed_in.html")


@require_safe
@never_cache
def state(request: HttpRequest) -> HttpResponse:
    """Return {"user", "csrf_token"}: the user's owner string, null if nobody is signed in."""
    return redirect(reverse("filehub:home")) if is_navigation(request) else _state_of(request)


def _state_of(request: HttpRequest) -> JsonResponse:
    user = owner_of(request.user) if request.user.is_authenticated else None
    return JsonResponse({"user": user, "csrf_token": get_token(request)})


def dialog_of(request: HttpRequest) -> dict[str, Any]:
    """What the page's dialog to sign in again needs: a form, or the address that a tab opens.

    A user who signed in at the provider does so again, and comes back to a page that says so.
    """
    if single_sign_on.is_session_of_provider(request):
        url = single_sign_on.start_url(reverse("filehub:signed_in"))
        return {"has_sign_in_form": False, "sign_in_url": url}
    return {
        "has_sign_in_form": has_form(),
        "login_url": resolve_url(settings.LOGIN_URL),
        "sign_in_url": redirect_to_login(request.path).url,
    }


def has_form() -> bool:
    """Return whether the site's sign-in page is `SignIn` with a username and a password alone.

    Projects may sign users in elsewhere, or ask for more.
    """
    if not conf().has_local_accounts:
        return False
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
