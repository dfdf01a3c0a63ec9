"""The pages on which users change their own password, and reset one that they have forgotten."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth import views
from django.contrib.auth.forms import PasswordChangeForm, PasswordResetForm, SetPasswordForm
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse_lazy
from django.views import View

from uploads.accounts import addresses
from uploads.accounts.audit.record import record
from uploads.accounts.requests import user_of
from uploads.core.conf import conf
from uploads.core.errors import RateLimited
from uploads.core.sign_in_conf import NO_MAIL
from uploads.models import AuditAction
from uploads.web import rates, sign_in

_RESET_ADDRESS, _RESET_MAIL = "reset-address", "reset-mail"


def may_reset() -> bool:
    """Return whether users can reset a password by mail."""
    return conf().has_local_accounts and settings.EMAIL_BACKEND != NO_MAIL


class _WithLocalAccounts(View):
    """Mixed in before a view: without local accounts, there is no such page."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not self.is_available():
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def is_available(self) -> bool:
        return conf().has_local_accounts


class ChangePassword(_WithLocalAccounts, views.PasswordChangeView):
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
        with transaction.atomic():
            record(self.request, AuditAction.PASSWORD_CHANGED)
            return super().form_valid(form)


class PasswordChanged(views.PasswordChangeDoneView):
    """Confirm the change."""

    template_name = "registration/password_changed.html"


# A password that was forgotten


class _ByMail(_WithLocalAccounts):
    """Mixed in before a view: without a mail server, there is no such page."""

    def is_available(self) -> bool:
        return may_reset()


class _ResetForm(PasswordResetForm):
    """Sends the mail in the background, so that how long it takes tells nobody who has an account.

    Django logs a failure, with the primary key of the user.
    """

    def send_mail(self, *arguments: Any, **named: Any) -> None:
        _senders().submit(copy_context().run, super().send_mail, *arguments, **named)


@cache
def _senders() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "mail")


class ResetPassword(_ByMail, views.PasswordResetView):
    """Ask for the e-mail address. The response is the same whether a user has it or not."""

    template_name = "registration/password_reset.html"
    email_template_name = "registration/password_reset_email.html"
    subject_template_name = "registration/password_reset_subject.html"
    form_class = _ResetForm
    success_url = reverse_lazy("reset_sent")

    def form_valid(self, form: PasswordResetForm) -> HttpResponse:
        """Raises RateLimited: neither mailboxes nor the mail server may be flooded."""
        address = str(form.cleaned_data["email"]).casefold()
        mailbox = hashlib.sha256(address.encode(errors="replace")).hexdigest()[:32]
        wait = max(
            rates.hit(_RESET_MAIL, mailbox, conf().sign_in_rate_user),
            rates.hit(
                _RESET_ADDRESS, addresses.network_of(self.request), conf().sign_in_rate_address
            ),
        )
        if wait:
            raise RateLimited(wait)
        return super().form_valid(form)


class ResetSent(_ByMail, views.PasswordResetDoneView):
    template_name = "registration/password_reset_sent.html"


class ChooseNewPassword(_ByMail, views.PasswordResetConfirmView):
    """The page that the link in the mail leads to. It also ends a lock after failed attempts."""

    template_name = "registration/choose_new_password.html"
    success_url = reverse_lazy("reset_done")

    def form_valid(self, form: SetPasswordForm[Any]) -> HttpResponse:
        sign_in.forget_failures(form.user.get_username())
        with transaction.atomic():
            record(self.request, AuditAction.PASSWORD_RESET, by=form.user)
            return super().form_valid(form)


class ResetDone(_ByMail, views.PasswordResetCompleteView):
    template_name = "registration/password_reset_done.html"
