"""A client with an API token, and a site with a bug."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from local.aws import LocalAws
from uploads.accounts import api_tokens
from uploads.files import folder_actions, queries, quotas


@pytest.fixture
def bearer(_aws: LocalAws, alice: User) -> Client:
    """An API client that gets errors of filehub as responses."""
    token = api_tokens.create(alice)
    return Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("only for the log")

    monkeypatch.setattr(queries, "files_of", fail)
    monkeypatch.setattr(folder_actions, "info", fail)
    monkeypatch.setattr(quotas, "allowance_of", fail)
