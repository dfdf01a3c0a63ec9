"""Forms of users, tokens and quotas in the admin."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from uploads.accounts import api_tokens
from uploads.models import ApiToken, Quota

GIB = 1024**3
TOKENS = "/admin/uploads/apitoken/"
USERS = "/admin/auth/user/"
SECRET = re.compile(r"filehub_[\w-]{43}")


def make(client: Client, user: User, name: str = "", **more: Any) -> Any:
    """Submit the form that creates a token."""
    form = {"user": str(user.pk), "name": name, "scopes": ["upload", "read"], **more}
    return client.post(f"{TOKENS}add/", form)


def status_with_token(secret: str) -> int:
    """Return the status of an API call with this token."""
    return Client().get("/files", headers={"Authorization": f"Bearer {secret}"}).status_code


def token_of(user: User, name: str = "") -> ApiToken:
    return ApiToken.objects.get(pk=api_tokens.issue(user, name=name).id)


FORGED = ["zz", "", "-1", "0", "1" * 30, "1" * 5000, "1.5", "None", "\x00", "1,2", "😀", "99999"]


def quota_form(user: User, limit: str, **more: str) -> dict[str, Any]:
    """The fields of a user's page, with a quota."""
    quota = Quota.objects.filter(user=user).first()
    inline = {
        "filehub_quota-TOTAL_FORMS": "1",
        "filehub_quota-INITIAL_FORMS": "1" if quota else "0",
        "filehub_quota-0-id": str(quota.pk) if quota else "",
        "filehub_quota-0-user": str(user.pk),
        "filehub_quota-0-limit": limit,
    }
    return {
        "username": user.username,
        "is_active": "on",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00",
        "filehub_api_tokens-TOTAL_FORMS": "0",
        "filehub_api_tokens-INITIAL_FORMS": "0",
        **inline,
        **more,
    }


def set_quota(client: Client, user: User, limit: str, **more: str) -> Any:
    return client.post(f"{USERS}{user.pk}/change/", quota_form(user, limit, **more))


def tokens_form(user: User, *pks: object, deleted: Iterable[int] = ()) -> dict[str, Any]:
    """The fields of a user's page, with the table of tokens."""
    form = {
        "filehub_api_tokens-TOTAL_FORMS": str(len(pks)),
        "filehub_api_tokens-INITIAL_FORMS": str(len(pks)),
    }
    for index, pk in enumerate(pks):
        form[f"filehub_api_tokens-{index}-id"] = str(pk)
        form[f"filehub_api_tokens-{index}-user"] = str(user.pk)
    for index in deleted:
        form[f"filehub_api_tokens-{index}-DELETE"] = "on"
    return form
