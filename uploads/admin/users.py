"""Users in the Django admin: what they have stored, their quota and their API tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages

# Registers Django's own user model, unless another one is in its place.
from django.contrib.auth import admin as auth_admin  # noqa: F401
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db.models import BigIntegerField, QuerySet, prefetch_related_objects
from django.forms.formsets import DELETION_FIELD_NAME
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.utils.formats import get_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from uploads.accounts import api_tokens
from uploads.accounts.owners import owner_of
from uploads.admin.selection import ForgivingSelection, ModelAdminBase
from uploads.admin.tokens import LastUsed
from uploads.core import sizes
from uploads.core.errors import BackendUnavailable
from uploads.files import quotas, usage
from uploads.models import ApiToken, Quota

if TYPE_CHECKING:
    QuotaFormBase = forms.ModelForm[Quota]
    QuotaInlineBase = admin.StackedInline[Quota, Any]
    TokenInlineBase = admin.TabularInline[ApiToken, Any]
    TokenFormSetBase = BaseInlineFormSet[ApiToken, Any, Any]
else:
    QuotaFormBase = forms.ModelForm
    QuotaInlineBase = admin.StackedInline
    TokenInlineBase = admin.TabularInline
    TokenFormSetBase = BaseInlineFormSet

#: Shown for what is not known just now.
UNKNOWN = "—"


def _localised(size: str) -> str:
    """The size with the decimal separator of the page's language."""
    return size.replace(".", str(get_format("DECIMAL_SEPARATOR")))


class SizeField(forms.CharField):
    """A number of bytes, written and shown as people do: 10 GiB, 500 MB, 4096."""

    default_error_messages = {
        "invalid": _("Enter a size such as 10 GiB, 500 MB or a number of bytes."),
        "too_large": _("This is more than filehub can count."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Here and not among the validators, since CharField's expect text.
        self.largest = BigIntegerField.MAX_BIGINT

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if text in self.empty_values:
            return None
        try:
            size = sizes.parse(str(text))
        except ValueError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None
        if size > self.largest:
            raise ValidationError(self.error_messages["too_large"], code="too_large")
        return size

    def prepare_value(self, value: Any) -> Any:
        return _localised(sizes.exact(value)) if isinstance(value, int) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True


class QuotaForm(QuotaFormBase):
    """A quota, entered as people write sizes."""

    limit = SizeField(
        label=_("Limit"),
        help_text=_("Such as 10 GiB, 500 MB or a number of bytes. What is stored already stays."),
    )


class QuotaInline(QuotaInlineBase):
    """The user's own quota, if any."""

    model = Quota
    form = QuotaForm
    extra = 1

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("limit",) if self.has_change_permission(request, obj) else ("limit_text",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("limit_text",)

    @admin.display(description=_("limit"))
    def limit_text(self, quota: Quota) -> str:
        return _localised(sizes.exact(quota.limit))


class ApiTokenFormSet(TokenFormSetBase):
    """The table of a user's tokens, whose boxes say what ticking them does."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        box = form.fields.get(DELETION_FIELD_NAME)
        if box and form.instance.pk:
            box.widget.attrs["aria-label"] = gettext("Revoke %(token)s") % {"token": form.instance}


class ApiTokenInline(LastUsed, TokenInlineBase):
    """The user's API tokens, to look at and to revoke."""

    model = ApiToken
    formset = ApiTokenFormSet
    fields = readonly_fields = ("name", "created_at", "last_used")
    ordering = ("-created_at", "-id")
    extra = 0
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        return super().get_queryset(request).select_related("user")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # A token is shown once, which this page cannot do.
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class UserColumns(ForgivingSelection, ModelAdminBase):
    """What filehub adds to the admin of users, whichever that is."""

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        # Behind the name, which links to the user: further right they would not be seen.
        first, *others = super().get_list_display(request)
        return [first, "used", "files", "quota_text", *others]

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        # A user who does not exist yet has neither.
        own = (QuotaInline, ApiTokenInline) if obj is not None else ()
        return [*super().get_inlines(request, obj), *own]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The page's users with their usage and quotas: one call and one query for all of them."""
        found = super().get_changelist_instance(request)
        if request.method != "POST":
            found.result_list = list(found.result_list)
            prefetch_related_objects(found.result_list, "quota")
            self._add_usage(request, found.result_list)
        return found

    def _add_usage(self, request: HttpRequest, users: Iterable[Any]) -> None:
        owners = {owner_of(user): user for user in users}
        try:
            found = usage.usage_of(owners)
        except BackendUnavailable:
            self.message_user(
                request,
                _("How much is stored cannot be read just now. Try again in a moment."),
                messages.WARNING,
            )
            return
        for owner, user in owners.items():
            user.usage = found.get(owner)

    @admin.display(description=_("used"))
    def used(self, user: Any) -> str:
        found: usage.Usage | None = getattr(user, "usage", None)
        return _localised(sizes.rounded(found.bytes)) if found else UNKNOWN

    @admin.display(description=_("files"))
    def files(self, user: Any) -> int | str:
        found: usage.Usage | None = getattr(user, "usage", None)
        return found.files if found else UNKNOWN

    @admin.display(description=_("quota"))
    def quota_text(self, user: AbstractBaseUser) -> str:
        limit = quotas.limit_of(user)
        if limit is None:
            return gettext("none")
        size = _localised(sizes.exact(limit))
        if quotas.own_limit_of(user) is None:
            return gettext("%(size)s (default)") % {"size": size}
        return gettext("%(size)s (own)") % {"size": size}

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        user = context.get("original")
        if user is not None and request.user.has_perm("uploads.add_apitoken"):
            holders = api_tokens.assignable_users(request.user)
            context["may_make_token"] = holders.filter(pk=user.pk).exists()
        return super().render_change_form(request, context, *args, **kwargs)


def _extend(site: admin.AdminSite) -> None:
    """Add what filehub shows to the admin of users that is registered.

    A project with a user model of its own registers the admin for it; here it is found if its app
    comes before `uploads` in INSTALLED_APPS. Otherwise that admin stays as it is.
    """
    users = get_user_model()
    if site.is_registered(users):
        registered = type(site._registry[users])
        site.unregister(users)
        site.register(users, type("UserAdmin", (UserColumns, registered), {}))


_extend(admin.site)
