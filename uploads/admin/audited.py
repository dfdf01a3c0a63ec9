"""Mixed into every ModelAdmin of the site: what goes to the admin log goes to the audit log too.

Pages of models without a table record what they do themselves.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import Model
from django.http import HttpRequest
from django.utils import translation

from uploads.accounts.audit import targets
from uploads.accounts.audit.record import Target, record
from uploads.core.texts import file_size
from uploads.models import ApiToken, AuditAction, Quota

if TYPE_CHECKING:
    ModelAdminBase = admin.ModelAdmin[Any]
else:
    ModelAdminBase = object


class Audited(ModelAdminBase):
    """Django calls these in the transaction of the change, so that neither is without the other."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        _record(request, obj, "added", message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        _record(request, obj, "changed", message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            _record(request, obj, "deleted", "")
        return super().log_deletions(request, queryset)


def _record(request: HttpRequest, obj: Any, verb: str, message: Any) -> None:
    if not obj._meta.managed:
        return
    parts = message if isinstance(message, list) else []
    others = []
    for part in parts:
        inline = _inline(part) if isinstance(obj, get_user_model()) else None
        if inline is Quota:
            record(request, AuditAction.QUOTA_CHANGED, [_quota_of(obj)])
        elif inline is ApiToken:
            target = Target("user", str(obj.pk), obj.get_username(), _text([part]))
            record(request, AuditAction.TOKEN_REVOKED, [target])
        else:
            others.append(part)
    if others or not parts:
        rest = others or message
        action, target = _described(obj, verb, f"{verb}: {_text(rest)}" if rest else verb)
        record(request, action, [target])


def _described(obj: Any, verb: str, what: str) -> tuple[AuditAction, Target]:
    if isinstance(obj, get_user_model()):
        return AuditAction.RIGHTS_CHANGED, targets.of_user(obj, what)
    if isinstance(obj, Group):
        return AuditAction.RIGHTS_CHANGED, targets.of_group(obj, what)
    if isinstance(obj, ApiToken):
        is_revoked = verb == "deleted"
        action = AuditAction.TOKEN_REVOKED if is_revoked else AuditAction.TOKEN_CREATED
        return action, targets.of_token(obj)
    return AuditAction.ADMIN_CHANGE, targets.of_row(obj, what)


def _inline(part: Any) -> type[Model] | None:
    """The model of the inline that a part of Django's message is about, if it is one of these."""
    names = {about.get("name") for about in part.values()} if isinstance(part, dict) else set()
    with translation.override(None):  # as Django writes the message
        for model in (Quota, ApiToken):
            if str(model._meta.verbose_name) in names:
                return model
    return None


def _quota_of(user: Any) -> Target:
    """The quota that is stored now: the user's own may be one that was read before."""
    own = Quota.objects.filter(user=user.pk).first()
    limit = f"{file_size(own.limit)} ({own.limit} bytes)" if own else "that of all users"
    return Target("user", str(user.pk), user.get_username(), f"quota is now {limit}")


def _text(message: Any) -> str:
    """Django's message, which is JSON or text. It is in English: for a log, not for a page."""
    return message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
