"""Checking a file again compares its record with S3."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from tests.support.files import store, upload
from uploads.aws import clients, s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.files import queries
from uploads.ingest import confirm

pytestmark = pytest.mark.usefixtures("aws")


def test_checking_reports_the_outcome(settings: Settings, alice: User) -> None:
    checks: list[tuple[Callable[[], str], str]] = []
    unknown = keys.new_upload_id("7", "secret")
    checks.append((lambda: unknown, "unknown"))
    checks.append((lambda: upload("7"), "confirmed"))
    checks.append((lambda: store("7"), "consistent"))
    for make, expected in checks:
        assert confirm.check(make()) == expected
    rejected = upload("7")
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("image/*",)}
    assert confirm.check(rejected) == "rejected"
    assert s3.head(rejected) is None
    assert confirm.check(rejected) == "consistent"


def test_checking_corrects_a_replaced_object_without_applying_the_rules_again(
    settings: Settings,
) -> None:
    upload_id = store("7", body=b"12345")
    clients.s3().put_object(
        Bucket=conf().bucket, Key=keys.object_key(upload_id), Body=b"123", ContentType="x/y"
    )
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("image/*",)}
    assert confirm.check(upload_id) == "corrected"
    info = queries.any_stored_file(upload_id)
    assert (info.size, info.content_type, info.owner, info.file_name) == (3, "x/y", "7", "a.txt")
    assert s3.head(upload_id) is not None
    assert confirm.check(upload_id) == "consistent"
