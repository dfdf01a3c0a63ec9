"""API tokens in the Django admin: make, look at, revoke.

Who may see tokens may see everybody's, and who may delete them may revoke everybody's, superusers'
too: a row shows nothing that could be used, and revoking takes power away and never gives any. A
token that leaked should be ended by whoever is there first. Making one is what could give power,
so that `api_tokens.assignable_users` limits it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.formats import localize
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from uploads.accounts import api_tokens
from uploads.admin.selection import ForgivingAutocomplete, ForgivingSelection
from uploads.core import policy
from uploads.core.errors import InvalidRequest
from uploads.models import ApiToken

if TYPE_CHECKING:
    TokenAdminBase = admin.ModelAdmin[ApiToken]
    TokenFormBase = forms.ModelForm[ApiToken]
else:
    TokenAdminBase = admin.ModelAdmin
    TokenFormBase = forms.ModelForm


class ApiTokenForm(TokenFormBase):
    """What a new token is made from."""

    def clean_name(self) -> str:
        try:
            return policy.check_token_name(self.cleaned_data["name"])
        except InvalidRequest:
            raise ValidationError(_("The name must not contain control characters.")) from None


class LastUsed:
    """The column that both lists of tokens have."""

    @admin.display(description=_("last used"), ordering="last_used_at")
    def last_used(self, token: ApiToken) -> str:
        if token.last_used_at is None:
            return gettext("never")
        return str(localize(localtime(token.last_used_at)))


@admin.register(ApiToken)
class ApiTokenAdmin(ForgivingSelection, LastUsed, TokenAdminBase):
    """A token is shown once, in the answer to the form that made it; nobody edits one."""

    form = ApiTokenForm
    add_form_template = "admin/uploads/apitoken/add_form.html"
    list_display = ("user", "name", "created_at", "last_used")
    list_select_related = ("user",)
    ordering = ("-created_at", "-id")

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return (f"user__{get_user_model().USERNAME_FIELD}", "name")

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> tuple[str, ...]:
        return ("user", "name") if obj is None else ("user", "name", "created_at", "last_used")

    def get_readonly_fields(
        self, request: HttpRequest, obj: ApiToken | None = None
    ) -> tuple[str, ...]:
        return () if obj is None else ("user", "name", "created_at", "last_used")

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        # With one person to choose from there is nothing to search. A user model without an admin
        # of its own cannot be searched.
        users = self.admin_site._registry.get(get_user_model())
        searchable = users is not None and users.get_search_fields(request)
        return ("user",) if searchable and request.user.is_superuser else ()

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "user":
            kwargs["queryset"] = api_tokens.assignable_users(request.user)
            if db_field.name in self.get_autocomplete_fields(request):
                kwargs["widget"] = ForgivingAutocomplete(db_field, self.admin_site)
            elif not request.user.is_superuser:
                kwargs |= {"empty_label": None, "initial": request.user.pk}
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_form(
        self, request: HttpRequest, obj: ApiToken | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if user := form.base_fields.get("user"):
            # Users are not made on the way to a token.
            for ability in ("add", "change", "delete", "view"):
                setattr(user.widget, f"can_{ability}_related", False)
        return form

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        issued = api_tokens.issue(obj.user, name=obj.name, by=request.user)
        obj.pk = issued.id
        # On the way to `response_add`; it is stored nowhere.
        obj.issued = issued  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the token, in direct answer to the form.

        After a redirect it would have to wait somewhere: in the address, the session or a message.
        The price is that reloading asks whether to send the form again, which would make another.
        """
        issued: api_tokens.IssuedToken = obj.issued  # type: ignore[attr-defined]
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("The new API token"),
            "opts": self.opts,
            "token": obj,
            "secret": issued.secret,
            "has_view_permission": self.has_view_permission(request),
        }
        # No cache keeps it either: the admin answers everything with “no-store”.
        return TemplateResponse(request, "admin/uploads/apitoken/made.html", context)
