"""Rows of Django's database as targets of the audit log."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, PermissionsMixin
from django.db.models import Model

from uploads.accounts.audit.record import Target
from uploads.accounts.owners import owner_of
from uploads.models import ApiToken


def of_token(token: ApiToken) -> Target:
    """An API token: whose it is, and what it may do."""
    expiry = f", until {token.expires_on}" if token.expires_on else ""
    detail = f"of {token.user}: {token.scopes}{expiry}"
    return Target("token", str(token.pk), token.name, detail)


def of_user(user: Any, what: str) -> Target:
    """A user: what was changed, and the rights that they have now."""
    flags = [
        name for name in ("is_active", "is_staff", "is_superuser") if getattr(user, name, False)
    ]
    groups: list[str] = []
    permissions: list[str] = []
    if isinstance(user, PermissionsMixin):  # not every user model of a project
        groups = [f"group {group}" for group in user.groups.order_by("name")[:_LISTED]]
        permissions = [_codename(each) for each in _permissions(user.user_permissions)]
    rights = ", ".join([*flags, *groups, *permissions]) or "no rights"
    return Target("user", owner_of(user), user.get_username(), f"{what}; now: {rights}")


def of_group(group: Group, what: str) -> Target:
    """A group: what was changed, and the permissions that it has now."""
    rights = ", ".join(_codename(each) for each in _permissions(group.permissions)) or "no rights"
    return Target("group", str(group.pk), group.name, f"{what}; now: {rights}")


def of_row(row: Model, what: str) -> Target:
    """Any other row."""
    return Target(str(row._meta.model_name), str(row.pk), str(row), what)


#: Groups and permissions that a detail lists.
_LISTED = 30


def _permissions(manager: Any) -> Any:
    return manager.select_related("content_type").order_by("codename")[:_LISTED]


def _codename(permission: Any) -> str:
    return f"{permission.content_type.app_label}.{permission.codename}"
