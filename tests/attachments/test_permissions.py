"""What fields do with AWS needs no permission that the web and the worker do not have already."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.attachments.files import MANUAL, send, stored
from tests.attachments.shop import Product, ProductForm
from tests.support.policies import create_user, policies, signed_by
from tests.support.records import tamper
from uploads.accounts.owners import owner_of
from uploads.attachments import checking
from uploads.core import keys
from uploads.core.fields import FieldRules
from uploads.files import expiry, queries
from uploads.files.record import StoredFile

pytestmark = pytest.mark.usefixtures("aws", "installed")


def test_web_and_worker_may_do_what_fields_need(
    alice: User, django_capture_on_commit_callbacks: Any, caplog: Any
) -> None:
    documents = policies()
    used, late, forgotten = stored(alice), send(alice), stored(alice)
    with signed_by(create_user(documents["Web"])):
        accepts = checking.Field(FieldRules(MANUAL), owner_of(alice), wait=0)
        assert checking.check([late], accepts).problems[0].code == "pending"
        with django_capture_on_commit_callbacks(execute=True):
            row = ProductForm({"name": "Lamp", "manual": used}, user=alice).save()
        assert row.manual.url()
        with django_capture_on_commit_callbacks(execute=True):
            row.delete()
    Product.objects.bulk_create([Product(name="Bulk", manual=forgotten)])
    tamper(
        forgotten,
        StoredFile.kept_until.set(datetime.now(UTC)),
        StoredFile.kept_shard.set(keys.shard(forgotten)),
    )
    with signed_by(create_user(documents["Worker"])):
        assert expiry.expire().files == 0
    found = {info.id: info for info in queries.any_files([used, forgotten])}
    assert (found[used].state, found[used].trashed_by) == ("trashed", MANUAL)
    assert found[forgotten].claimed_by.startswith(f"{MANUAL}:")
    assert [line.message for line in caplog.records if line.levelname == "WARNING"] == []
