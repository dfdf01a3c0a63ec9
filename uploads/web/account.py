"""The account page: what users change about themselves, without an operator and without scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from uploads.accounts import api_tokens
from uploads.accounts.audit.record import record
from uploads.accounts.audit.targets import of_token
from uploads.accounts.owners import owner_of
from uploads.accounts.requests import AuthenticatedHttpRequest, user_of
from uploads.accounts.token_form import ApiTokenForm
from uploads.core.conf import conf
from uploads.core.fan_out import attempt
from uploads.files import quotas, usage
from uploads.models import ApiToken, AuditAction
from uploads.web import theme
from uploads.web.pages import for_signed_in


@dataclass(frozen=True)
class Storage:
    """What a user has stored: bytes and files. `limit` is the quota in bytes; None without one."""

    used: int
    files: int
    limit: int | None

    @property
    def percent(self) -> int:
        """How much of the quota is used: rounded down, so that 100 means full, and at most 100."""
        if not self.limit:
            return 100
        return min(100, 100 * self.used // self.limit)

    @property
    def is_full(self) -> bool:
        return self.limit is not None and self.used >= self.limit


@for_signed_in
@require_safe
def page(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Render the page."""
    return _render(request, ApiTokenForm())


@for_signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def create_token(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Create a token and show its secret in this response, the only one that ever has it.

    A redirect would have to keep the secret somewhere. Opening the address shows the page.
    """
    if request.method != "POST":
        return HttpResponseRedirect(reverse("filehub:account"))
    form = ApiTokenForm(request.POST)
    if not form.is_valid():
        return _render(request, form)
    token: ApiToken = form.save(commit=False)
    with transaction.atomic():
        issued = api_tokens.issue(
            request.user,
            name=token.name,
            scopes=token.scope_list,
            expires_on=token.expires_on,
            by=request.user,
        )
        token.pk, token.user = issued.id, request.user
        record(request, AuditAction.TOKEN_CREATED, [of_token(token)])
    context = {"token": token, "secret": issued.secret}
    return _uncached(render(request, "uploads/token_created.html", context))


@for_signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def revoke_token(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Ask whether to revoke one of the user's tokens, and do it. Other users' tokens are 404."""
    token = get_object_or_404(ApiToken, user=request.user, pk=pk)
    if request.method != "POST":
        return _uncached(render(request, "uploads/token_revoke.html", {"token": token}))
    with transaction.atomic():
        record(request, AuditAction.TOKEN_REVOKED, [of_token(token)])
        token.delete()
    messages.success(request, gettext("The token was revoked."))
    return HttpResponseRedirect(f"{reverse('filehub:account')}#tokens")


def _tokens(request: HttpRequest) -> list[ApiToken]:
    return list(ApiToken.objects.filter(user=user_of(request)).order_by("-created_at", "-id"))


def _render(request: AuthenticatedHttpRequest, form: ApiTokenForm) -> HttpResponse:
    context: dict[str, Any] = {
        "storage": attempt(lambda: _storage(request)),
        "tokens": _tokens(request),
        "form": form,
        "themes": theme.CHOICES,
        "has_password": conf().has_local_accounts and request.user.has_usable_password(),
    }
    return _uncached(render(request, "uploads/account.html", context))


def _storage(request: AuthenticatedHttpRequest) -> Storage:
    """Raises BackendUnavailable."""
    used = usage.of_owner(owner_of(request.user))
    return Storage(used.bytes, used.files, quotas.limit_of(request.user))


def _uncached(response: HttpResponse) -> HttpResponse:
    add_never_cache_headers(response)
    return response
