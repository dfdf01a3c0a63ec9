"""Users in the Django admin: their API tokens."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from uploads.models import ApiToken


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Tokens can be looked at and revoked; making one needs `manage.py create_api_token`."""

    list_display = ("user", "created_at")
    # Revoked one by one: Django answers a made-up selection with a bare 500.
    actions = None
    list_select_related = ("user",)
    fields = readonly_fields = ("user", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False
