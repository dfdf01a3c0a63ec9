"""The page on which users change their own password."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import views
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy

from uploads.accounts.requests import user_of
from uploads.web import sign_in


class ChangePassword(views.PasswordChangeView):
    """Ask for the old password and the new one, twice. Other sessions of the user end.

    A wrong old password counts as a failed attempt to sign in: someone who finds an open session
    must not be able to guess it either.
    """

    template_name = "registration/change_password.html"
    success_url = reverse_lazy("password_changed")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Raises TooManySignIns."""
        sign_in.check(request, user_of(request).get_username())
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: PasswordChangeForm) -> HttpResponse:
        if form.has_error("old_password", "password_incorrect"):
            sign_in.count_failure(self.request, user_of(self.request).get_username())
        return super().form_invalid(form)

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        sign_in.forget_failures(user_of(self.request).get_username())
        return super().form_valid(form)


class PasswordChanged(views.PasswordChangeDoneView):
    """Confirm the change."""

    template_name = "registration/password_changed.html"
