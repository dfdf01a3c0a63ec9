"""API tokens in the admin: create, view, revoke.

The view and delete permissions cover the tokens of all users, superusers included. Rows contain no
secrets, revoking never grants access, and a leaked token should be revoked quickly by any
operator. Only creating a token could escalate privileges, so `api_tokens.assignable_users` limits
it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import ForeignKey
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from uploads.accounts import api_tokens
from uploads.accounts.token_form import ApiTokenForm
from uploads.admin.invalid_keys import SafeAutocompleteSelect, SafeSelectionMixin
from uploads.admin.username_search import UsernameSearchMixin
from uploads.core.texts import timestamp
from uploads.models import ApiToken

if TYPE_CHECKING:
    TokenAdminBase = admin.ModelAdmin[ApiToken]
else:
    TokenAdminBase = admin.ModelAdmin

#: What both lists and the page of a token show.
COLUMNS = ("name", "scope_names", "expires", "created", "last_used")


class TokenColumnsMixin:
    """The columns of both token lists that are not plain fields."""

    @admin.display(description=_("scopes"), ordering="scopes")
    def scope_names(self, token: ApiToken) -> str:
        return ", ".join(token.scope_list) or gettext("none")

    @admin.display(description=_("expires"), ordering="expires_on")
    def expires(self, token: ApiToken) -> str:
        if token.expires_on is None:
            return gettext("never")
        day = token.expires_on.isoformat()
        return gettext("%(day)s (expired)") % {"day": day} if token.has_expired else day

    @admin.display(description=_("created"), ordering="created_at")
    def created(self, token: ApiToken) -> str:
        return timestamp(token.created_at)

    @admin.display(description=_("last used"), ordering="last_used_at")
    def last_used(self, token: ApiToken) -> str:
        return timestamp(token.last_used_at) if token.last_used_at else gettext("never")


@admin.register(ApiToken)
class ApiTokenAdmin(UsernameSearchMixin, SafeSelectionMixin, TokenColumnsMixin, TokenAdminBase):
    """The admin of API tokens. A secret is shown once, on creation; tokens cannot be edited."""

    form = ApiTokenForm
    add_form_template = "admin/uploads/apitoken/add_form.html"
    list_display = ("user", *COLUMNS)
    list_select_related = ("user",)
    ordering = ("-created_at", "-id")

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return (f"user__{get_user_model().USERNAME_FIELD}", "name")

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> tuple[str, ...]:
        return ("user", *ApiTokenForm.Meta.fields) if obj is None else ("user", *COLUMNS)

    def get_readonly_fields(
        self, request: HttpRequest, obj: ApiToken | None = None
    ) -> tuple[str, ...]:
        return () if obj is None else ("user", *COLUMNS)

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        # Only superusers can choose among several users. A user model that is not registered in the
        # admin cannot be searched.
        users = self.admin_site._registry.get(get_user_model())
        searchable = users is not None and users.get_search_fields(request)
        return ("user",) if searchable and request.user.is_superuser else ()

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "user":
            kwargs["queryset"] = api_tokens.assignable_users(request.user)
            if db_field.name in self.get_autocomplete_fields(request):
                kwargs["widget"] = SafeAutocompleteSelect(db_field, self.admin_site)
            elif not request.user.is_superuser:
                kwargs |= {"empty_label": None, "initial": request.user.pk}
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_form(
        self, request: HttpRequest, obj: ApiToken | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if user := form.base_fields.get("user"):
            # No links to add or edit users from this form.
            for permission in ("add", "change", "delete", "view"):
                setattr(user.widget, f"can_{permission}_related", False)
        return form

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        issued = api_tokens.issue(
            obj.user,
            name=obj.name,
            scopes=obj.scope_list,
            expires_on=obj.expires_on,
            by=request.user,
        )
        obj.pk = issued.id
        # Passed on to `response_add`, and never stored.
        obj.issued = issued  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the secret in the direct response to the form.

        A redirect would require storing it in the URL, the session or a message. The price is that
        the browser offers to resubmit the form on reload, which would create another token.
        """
        issued: api_tokens.IssuedToken = obj.issued  # type: ignore[attr-defined]
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("New API token"),
            "opts": self.opts,
            "token": obj,
            "secret": issued.secret,
            "has_view_permission": self.has_view_permission(request),
        }
        # It is not cached either: all responses of the admin are “no-store”.
        return TemplateResponse(request, "admin/uploads/apitoken/created.html", context)
