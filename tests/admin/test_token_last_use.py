"""The last use of a token is recorded, at little cost."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from local.aws import LocalAws
from tests.admin.helpers import TOKENS, status_with_token
from tests.support.http import send
from tests.support.installation import Installation
from uploads.accounts import api_tokens
from uploads.models import ApiToken

pytestmark = pytest.mark.usefixtures("_static_files")

UNUSED = '<td class="field-last_used">never</td>'


def used_at(token: ApiToken) -> Any:
    token.refresh_from_db()
    return token.last_used_at


@pytest.fixture
def secret(aws: LocalAws, alice: User) -> str:
    return api_tokens.create(alice, name="backup")


def test_the_first_use_is_recorded(secret: str, admin: Client) -> None:
    token = ApiToken.objects.get()
    assert token.last_used_at is None
    assert UNUSED in admin.get(TOKENS).content.decode()
    before = timezone.now()
    assert status_with_token(secret) == 200
    assert before <= used_at(token) <= timezone.now()
    assert UNUSED not in admin.get(TOKENS).content.decode()


def test_a_use_soon_after_another_is_not_recorded(secret: str) -> None:
    token = ApiToken.objects.get()
    recently = timezone.now() - api_tokens.USE_PRECISION + timedelta(seconds=30)
    ApiToken.objects.update(last_used_at=recently)
    with CaptureQueriesContext(connection) as captured:
        assert status_with_token(secret) == 200
    assert used_at(token) == recently
    assert [query for query in captured if "UPDATE" in query["sql"]] == []


def test_a_later_use_is_recorded_with_one_statement(secret: str) -> None:
    token = ApiToken.objects.get()
    long_ago = timezone.now() - api_tokens.USE_PRECISION
    ApiToken.objects.update(last_used_at=long_ago)
    with CaptureQueriesContext(connection) as captured:
        assert status_with_token(secret) == 200
    assert used_at(token) > long_ago
    assert len([query for query in captured if "UPDATE" in query["sql"]]) == 1


def test_only_one_of_two_concurrent_requests_records_the_use(secret: str) -> None:
    first, second = ApiToken.objects.get(), ApiToken.objects.get()
    api_tokens.record_use(first)
    noted = used_at(ApiToken.objects.get())
    api_tokens.record_use(second)
    assert used_at(ApiToken.objects.get()) == noted


def test_a_refused_request_of_an_inactive_user_is_not_recorded(secret: str) -> None:
    User.objects.update(is_active=False)
    assert status_with_token(secret) == 401
    assert ApiToken.objects.get().last_used_at is None


@pytest.mark.django_db(transaction=True)
def test_a_request_is_answered_while_the_database_is_locked(
    secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = connection.settings_dict["NAME"]
    with closing(sqlite3.connect(path, uri=True, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert status_with_token(secret) == 200
        other.execute("ROLLBACK")
    assert "Cannot record the use of" in caplog.text
    assert secret not in caplog.text
    assert ApiToken.objects.get().last_used_at is None
    assert status_with_token(secret) == 200
    assert ApiToken.objects.get().last_used_at is not None


@pytest.mark.exhaustive
def test_a_request_does_not_wait_for_a_locked_database(
    installation: Installation, settings: Settings
) -> None:
    token = installation.manage("create_api_token", "demo")
    database = installation.directory / "local" / "db.sqlite3"
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        response = send(
            "GET",
            f"http://localhost:{installation.port}/files",
            headers={"Authorization": f"Bearer {token}"},
        )
        waited = time.monotonic() - began
        other.execute("ROLLBACK")
    assert response.status == 200
    # A connection that waits for SQLite waits this long.
    assert waited < settings.DATABASES["default"]["OPTIONS"]["timeout"]
