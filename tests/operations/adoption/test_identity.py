"""The same object always gets the same id, and no other object gets it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from uploads.aws.foreign import ForeignObject
from uploads.core import keys
from uploads.operations.adoption.identity import upload_ids

MOMENT = datetime(2019, 5, 4, 3, 2, 1, tzinfo=UTC)
SOURCE = ForeignObject("bucket", "photos/a.jpg", 5, "etag", MOMENT)


def test_the_id_depends_on_the_object_and_its_owner_alone() -> None:
    # Never change how it is derived: everything would be copied again.
    assert upload_ids(SOURCE, "7", ["secret"]) == ["016a80ca-9577-76ba-add3-9d4966d5cf1e"]
    assert upload_ids(replace(SOURCE, size=6), "7", ["secret"]) == upload_ids(
        SOURCE, "7", ["secret"]
    )


@pytest.mark.parametrize(
    "change",
    [
        {"bucket": "bucke"},
        {"key": "photos/b.jpg"},
        {"bucket": "bucket/photos", "key": "a.jpg"},
        {"etag": "other"},
        {"modified_at": MOMENT + timedelta(seconds=1)},
    ],
)
def test_another_object_or_version_has_another_id(change: dict[str, Any]) -> None:
    (other,) = upload_ids(replace(SOURCE, **change), "7", ["secret"])
    assert other != upload_ids(SOURCE, "7", ["secret"])[0]


def test_each_owner_has_an_id_of_their_own() -> None:
    assert upload_ids(SOURCE, "7", ["secret"]) != upload_ids(SOURCE, "8", ["secret"])


def test_the_id_is_one_of_this_installation_with_the_date_of_the_original() -> None:
    new, old = upload_ids(SOURCE, "7", ["new", "old"])
    assert keys.created_at(new).replace(microsecond=0) == MOMENT
    assert keys.parse_upload_id(new) == new
    assert keys.was_issued_to(new, "7", ["new"])
    assert not keys.was_issued_to(new, "7", ["old"])
    assert keys.was_issued_to(old, "7", ["old"])
    assert not keys.was_issued_to(new, "8", ["new"])


def test_many_objects_of_one_second_have_different_ids() -> None:
    found = {
        upload_ids(replace(SOURCE, key=str(number)), "7", ["secret"])[0] for number in range(5000)
    }
    assert len(found) == 5000
    assert len({keys.created_at(upload_id) for upload_id in found}) > 900
    assert {keys.created_at(i).replace(microsecond=0) for i in found} == {MOMENT}
