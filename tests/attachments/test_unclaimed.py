"""Files that no form has claimed expire, and those that a row refers to never do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection
from pytest_django import Settings

from tests.attachments.files import MANUAL, stored
from tests.attachments.shop import Product
from tests.support.records import tamper
from uploads.core.errors import FileClaimed, FileNotFound
from uploads.files import claims, expiry, queries, trash
from uploads.files.batches import Actor
from uploads.files.record import FileInfo, StoredFile
from uploads.forms import AttachedFile, claim_files

pytestmark = pytest.mark.usefixtures("aws", "installed")


@pytest.fixture(autouse=True)
def _unclaimed_days(settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"UNCLAIMED_DAYS": 1}


def overdue(user: User) -> str:
    upload_id = stored(user)
    tamper(upload_id, StoredFile.kept_until.set(datetime.now(UTC) - timedelta(seconds=1)))
    return upload_id


def info(upload_id: str) -> FileInfo:
    found = queries.any_file(upload_id)
    assert found is not None
    return found


def test_only_files_without_a_row_expire(alice: User) -> None:
    used, unused, recent = overdue(alice), overdue(alice), stored(alice)
    # No claim: the process was killed after the commit, or the row was written in bulk.
    Product.objects.bulk_create([Product(name="Lamp", manual=used)])
    assert expiry.expire() == expiry.Expired(1, more=False)
    assert [info(each).state for each in (used, unused, recent)] == ["stored", "trashed", "stored"]
    claimed = info(used)
    assert (claimed.claimed_by, claimed.kept_until) == (
        f"{MANUAL}:{Product.objects.get().pk}", None,
    )  # fmt: skip


def test_nothing_expires_while_the_rows_cannot_be_read(alice: User) -> None:
    upload_id = overdue(alice)
    with connection.execute_wrapper(_broken), pytest.raises(DatabaseError):
        expiry.expire()
    assert info(upload_id).state == "stored"


def _broken(*args: object) -> None:
    raise DatabaseError("gone")


def test_a_claim_counts_once_and_may_be_repeated(alice: User) -> None:
    files = [AttachedFile(stored(alice)) for _ in range(2)]
    for _ in range(2):
        claim_files(files, by="order:17")
    assert {info(each.id).claimed_by for each in files} == {"order:17"}
    assert {info(each.id).kept_until for each in files} == {None}
    with pytest.raises(FileClaimed):
        claim_files(files, by="order:18")
    with pytest.raises(FileNotFound):
        claim_files([AttachedFile("01a21f8b-2d0e-7c6f-a151-6bd2ab1b1a8f")], by="order:17")


def test_a_claim_brings_back_what_has_expired_but_not_what_was_deleted(alice: User) -> None:
    expired, deleted = overdue(alice), stored(alice)
    assert expiry.expire().files == 1
    trash.move_to_trash([deleted], Actor("1", None))
    assert claims.claim({expired: "a", deleted: "b"}) == {}
    assert [info(each).state for each in (expired, deleted)] == ["stored", "trashed"]
    trash.purge([deleted], datetime.now(UTC) + timedelta(days=31))
    assert claims.claim({deleted: "b"})[deleted].code == "file_not_found"
