"""Of the files that are confirmed together, those within their owner's quota are stored."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from pytest_django import Settings

from tests.ingest.batches import OWNER, assert_counted, created, outcomes
from tests.support.files import removal, upload
from uploads.aws import s3
from uploads.files import store, usage
from uploads.files.record import Change
from uploads.files.usage import Usage
from uploads.models import Quota

pytestmark = pytest.mark.usefixtures("aws", "one_day")


@pytest.fixture
def ten_bytes(settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"USER_QUOTA": 10}


@pytest.mark.usefixtures("ten_bytes")
@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([5, 5], "ss"),
        ([5, 6], "sr"),
        ([6, 5, 4], "srs"),
        ([11, 10], "rs"),
        ([3, 3, 3, 3, 1, 1], "sssrsr"),
        ([10, 0, 0, 1], "sssr"),
    ],
)
def test_of_the_files_of_one_batch_only_those_that_fit_are_stored(
    sizes: list[int], expected: str
) -> None:
    ids = [upload(OWNER, body=bytes(size)) for size in sizes]
    other = upload("8", body=bytes(9))
    results = outcomes(created([*ids, other]))
    assert "".join(result[0] for result in results) == f"{expected}s"
    assert [s3.head(upload_id) is not None for upload_id in ids] == [
        letter == "s" for letter in expected
    ]
    assert_counted()


@pytest.mark.usefixtures("ten_bytes")
def test_concurrent_batches_never_exceed_the_quota() -> None:
    batches = [[upload(owner, body=b"123") for owner in "77788"] for _ in range(4)]

    def apply(ids: list[str]) -> list[str]:
        try:
            return outcomes(created(ids))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        results = [result for batch in pool.map(apply, batches) for result in batch]
    assert Tally(results) == {"stored": 6, "rejected": 14}
    assert usage.usage_of(["7", "8"]) == {"7": Usage(3, 9), "8": Usage(3, 9)}
    assert_counted()


@pytest.mark.usefixtures("ten_bytes")
def test_a_file_that_fits_only_because_another_one_was_not_stored_is_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first file is removed while it is confirmed, so the second one has its room."""
    first, second = upload(OWNER, body=b"123456"), upload(OWNER, body=b"654321")
    commit = store.commit

    def removed_meanwhile(changes: Iterable[Change]) -> store.Unwritten:
        monkeypatch.setattr(store, "commit", commit)
        removal(first, 9)
        return commit(changes)

    monkeypatch.setattr(store, "commit", removed_meanwhile)
    assert outcomes(created([first, second])) == ["unchanged", "stored"]
    assert_counted()


def test_each_owner_of_a_batch_has_their_own_quota_for_one_query(
    alice: User, bob: User, settings: Settings, django_assert_num_queries: Any
) -> None:
    Quota.objects.create(user=alice, limit=4)
    Quota.objects.create(user=bob, limit=5)
    ids = [upload(owner) for owner in (str(alice.pk), str(bob.pk), "no-user", str(alice.pk))]
    with django_assert_num_queries(1):
        assert outcomes(created(ids)) == ["rejected", "stored", "stored", "rejected"]
