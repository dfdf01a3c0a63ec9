"""Users in the admin: storage usage, quotas and API tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages

# Registers Django's user model, unless it has been swapped.
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
from uploads.admin.invalid_keys import ModelAdminBase, SafeSelectionMixin
from uploads.admin.tokens import COLUMNS, TokenColumnsMixin
from uploads.admin.username_search import UsernameSearchMixin
from uploads.core import sizes
from uploads.core.errors import BackendUnavailable
from uploads.core.texts import file_size
from uploads.files import quotas, usage
from uploads.models import ApiToken, Identity, Quota

if TYPE_CHECKING:
    QuotaFormBase = forms.ModelForm[Quota]
    QuotaInlineBase = admin.StackedInline[Quota, Any]
    TokenInlineBase = admin.TabularInline[ApiToken, Any]
    TokenFormSetBase = BaseInlineFormSet[ApiToken, Any, Any]
    IdentityInlineBase = admin.TabularInline[Identity, Any]
else:
    QuotaFormBase = forms.ModelForm
    QuotaInlineBase = admin.StackedInline
    TokenInlineBase = admin.TabularInline
    TokenFormSetBase = BaseInlineFormSet
    IdentityInlineBase = admin.TabularInline

#: Shown for values that are not available.
UNKNOWN = "—"


def _localised(size: str) -> str:
    """Return the size with the decimal separator of the active language."""
    return size.replace(".", str(get_format("DECIMAL_SEPARATOR")))


class SizeField(forms.CharField):
    """A number of bytes, entered and displayed as a size: 10 GiB, 500 MB, 4096."""

    default_error_messages = {
        "invalid": _("Enter a size such as 10 GB or 500 MB, or a number of bytes."),
        "too_large": _("This size is too large."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Not a validator, because CharField runs its validators on text.
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
    """The form for a quota, which is entered as a size."""

    limit = SizeField(
        label=_("Limit"),
        help_text=_("For example 10 GB, 500 MB, or a number of bytes. Stored files are kept."),
    )


class QuotaInline(QuotaInlineBase):
    """The user's own quota."""

    model = Quota
    form = QuotaForm
    extra = 1

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("limit",) if self.has_change_permission(request, obj) else ("limit_text",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("limit_text",)

    @admin.display(description=_("limit"))
    def limit_text(self, quota: Quota) -> str:
        return file_size(quota.limit)


class ApiTokenFormSet(TokenFormSetBase):
    """A user's tokens, with accessible labels for the checkboxes that revoke them."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        checkbox = form.fields.get(DELETION_FIELD_NAME)
        if checkbox and form.instance.pk:
            label = gettext("Revoke %(token)s") % {"token": form.instance}
            checkbox.widget.attrs["aria-label"] = label


class ApiTokenInline(TokenColumnsMixin, TokenInlineBase):
    """The user's API tokens, which can be viewed and revoked."""

    model = ApiToken
    formset = ApiTokenFormSet
    fields = readonly_fields = COLUMNS
    ordering = ("-created_at", "-id")
    extra = 0
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        return super().get_queryset(request).select_related("user")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # This page cannot show the secret of a new token.
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class IdentityInline(IdentityInlineBase):
    """The user's accounts at the provider, which can be removed; `link_identity` adds them."""

    model = Identity
    fields = readonly_fields = ("subject", "issuer", "created_at")
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class UserAdminMixin(UsernameSearchMixin, SafeSelectionMixin, ModelAdminBase):
    """Columns and inlines that filehub adds to the registered user admin."""

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        # Directly after the name: further to the right they would be out of view.
        first, *others = super().get_list_display(request)
        return [first, "used", "files", "quota_text", *others]

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        # Not on the form for a new user.
        inlines: tuple[Any, ...] = (QuotaInline, ApiTokenInline) if obj is not None else ()
        if obj is not None and obj.filehub_identities.exists():
            inlines += (IdentityInline,)
        return [*super().get_inlines(request, obj), *inlines]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Add usage and quotas to the page's users, with one request and one SQL query in total."""
        changelist = super().get_changelist_instance(request)
        if request.method != "POST":
            changelist.result_list = list(changelist.result_list)
            prefetch_related_objects(changelist.result_list, "filehub_quota")
            self._add_usage(request, changelist.result_list)
        return changelist

    def _add_usage(self, request: HttpRequest, users: Iterable[Any]) -> None:
        owners = {owner_of(user): user for user in users}
        try:
            usages = usage.usage_of(owners)
        except BackendUnavailable:
            self.message_user(
                request,
                _("Storage usage is not available at the moment. Try again later."),
                messages.WARNING,
            )
            return
        for owner, user in owners.items():
            user.usage = usages.get(owner)

    @admin.display(description=_("used"))
    def used(self, user: Any) -> str:
        used: usage.Usage | None = getattr(user, "usage", None)
        return file_size(used.bytes) if used else UNKNOWN

    @admin.display(description=_("files"))
    def files(self, user: Any) -> int | str:
        used: usage.Usage | None = getattr(user, "usage", None)
        return used.files if used else UNKNOWN

    @admin.display(description=_("quota"))
    def quota_text(self, user: AbstractBaseUser) -> str:
        limit = quotas.limit_of(user)
        if limit is None:
            return gettext("no limit")
        size = file_size(limit)
        if quotas.own_limit_of(user) is None:
            return gettext("%(size)s (default)") % {"size": size}
        return gettext("%(size)s (custom)") % {"size": size}

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        user = context.get("original")
        if user is not None and request.user.has_perm("uploads.add_apitoken"):
            users = api_tokens.assignable_users(request.user)
            context["may_create_token"] = users.filter(pk=user.pk).exists()
        return super().render_change_form(request, context, *args, **kwargs)


def _extend_user_admin(site: admin.AdminSite) -> None:
    """Extend the registered user admin with UserAdminMixin.

    The admin of a custom user model is extended only if its app precedes `uploads` in
    INSTALLED_APPS.
    """
    user_model = get_user_model()
    if site.is_registered(user_model):
        registered = type(site._registry[user_model])
        site.unregister(user_model)
        site.register(user_model, type("UserAdmin", (UserAdminMixin, registered), {}))


_extend_user_admin(admin.site)
