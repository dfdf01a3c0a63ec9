"""Django's settings and migrations, and the local clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import Settings

from uploads.core.conf import Conf
from uploads.operations.doctor import (
    access,
    django_checks,
)


def test_pending_migrations_are_reported(installed: Conf) -> None:
    [(_, latest)] = MigrationLoader(connection).graph.leaf_nodes("uploads")
    MigrationRecorder(connection).record_unapplied("uploads", latest)
    finding = next(finding for finding in django_checks.inspect() if finding.subject == "database")
    assert finding.level == "FAIL"
    assert f"uploads.{latest}" in finding.text


def test_debug_pages_in_production_are_a_failure(settings: Settings) -> None:
    settings.DEBUG = True
    settings.SECURE_SSL_REDIRECT = True
    failed = [finding for finding in django_checks._settings() if finding.level == "FAIL"]
    assert any("DJANGO_DEBUG" in finding.text for finding in failed)


@pytest.mark.parametrize(
    ("minutes", "level", "word"),
    [(0, "ok", "agrees"), (2, "warn", "behind"), (-2, "warn", "ahead"), (6, "FAIL", "behind"),
     (-1000, "FAIL", "ahead")],
)  # fmt: skip
def test_the_clock_is_compared_with_s3s(
    clock: Callable[[timedelta], None], minutes: int, level: str, word: str
) -> None:
    clock(timedelta(minutes=minutes))
    finding = access._clock()
    assert finding.level == level
    assert word in finding.text
