"""Fake data looks like real records, and the counters agree with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError
from pytest_django import Settings

from tests.files.test_listing import walk
from tests.files.test_usage import event
from tests.management.helpers import OWNERS, every, run, seed
from tests.support.files import removal, store
from tests.support.records import erase, tamper
from uploads.aws import clients, s3
from uploads.core import keys, media_types, type_lists
from uploads.core.conf import conf
from uploads.core.names import check_name
from uploads.files import actions, queries, recount, trash, usage
from uploads.files.batches import Actor
from uploads.files.record import StoredFile
from uploads.files.usage import Usage
from uploads.ingest import confirm

pytestmark = pytest.mark.usefixtures("aws")

#: Attributes of a file that was in the trash once.
TRASH = {"trashed_at", "trashed_by", "restored_at", "restored_by"}


@pytest.mark.exhaustive
def test_seeding_creates_the_requested_number_in_all_states_owners_and_groups() -> None:
    seeded = seed()
    all_records = every()
    counts = (seeded.stored, seeded.trashed, seeded.rejected, seeded.deleted)
    assert sum(counts) == len(all_records) == 300
    assert len(every("stored")) == seeded.stored > seeded.rejected + seeded.deleted
    assert len(every("trashed")) == seeded.trashed > 0
    assert len(every("rejected")) == seeded.rejected > 0
    assert len(every("deleted")) == seeded.deleted > 0
    assert {record.owner for record in all_records} == set(OWNERS)
    assert {media_types.kind(record.content_type) for record in all_records} == set(
        type_lists.KINDS
    )
    names = [record.file_name for record in all_records]
    assert any(not name.isascii() for name in names)
    assert max(len(name.encode()) for name in names) > 240
    assert all(check_name(name) for name in names)
    assert {keys.shard(record.id) for record in all_records} == set(keys.SHARDS)


@pytest.mark.exhaustive
def test_seeded_ids_are_valid_and_spread_over_the_days() -> None:
    seed()
    secrets = [settings.SECRET_KEY]
    assert all(keys.was_issued_to(record.id, record.owner or "", secrets) for record in every())
    ages = [datetime.now(UTC) - keys.created_at(record.id) for record in every("stored")]
    assert min(ages) < timedelta(days=5)
    assert timedelta(days=55) < max(ages) <= timedelta(days=60, minutes=1)
    gone = [*every("rejected"), *every("deleted")]
    assert gone
    assert all(record.expires_at > datetime.now(UTC) for record in gone)


@pytest.mark.exhaustive
def test_a_seeded_record_has_the_attributes_of_one_that_the_worker_wrote(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """Compared for each state, so that measurements with fake data hold for real data."""
    # Optional attributes.
    optional = {"checksum", "downloads", "last_downloads", "reason", "version_id",
                "deletion_requested_at", "deletion_requested_by"}  # fmt: skip

    def attributes(record: StoredFile) -> set[str]:
        return {name for name, value in record.attribute_values.items() if value is not None}

    upload_id = store("7")
    confirm.apply_event(event("created", upload_id, 5))
    tamper(upload_id, StoredFile.notified_at.set(datetime.now(UTC)))
    real = {"stored": attributes(StoredFile.get(upload_id))}
    trash.move_to_trash([upload_id], Actor("7", "7"))
    real["trashed"] = attributes(StoredFile.get(upload_id))
    trash.restore([upload_id], Actor("7", "7"))
    removal(upload_id, 9)
    real["deleted"] = attributes(StoredFile.get(upload_id)) - TRASH
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("image/*",)}
    confirm.confirm(rejected := _upload())
    real["rejected"] = attributes(StoredFile.get(rejected)) | {"notified_at"}
    erase(upload_id)
    erase(rejected)

    seed(100)
    for record in every():
        assert attributes(record) - optional == real[record.state] - optional


def _upload() -> str:
    upload_id = keys.new_upload_id("7", "secret")
    clients.s3().put_object(
        Bucket=conf().bucket,
        Key=keys.object_key(upload_id),
        Body=b"x",
        ContentType="text/plain",
        Metadata=s3.metadata("7", "a.txt"),
    )
    return upload_id


def files_and_bytes(records: list[StoredFile], owner: str) -> tuple[int, int]:
    sizes = [int(record.size or 0) for record in records if record.owner == owner]
    return len(sizes), sum(sizes)


@pytest.mark.exhaustive
def test_the_counters_agree_with_what_was_seeded() -> None:
    seeded = seed(100)
    seed(50, number=2)
    stored, trashed = every("stored"), every("trashed")
    expected = {
        owner: Usage(*files_and_bytes([*stored, *trashed], owner), *files_and_bytes(trashed, owner))
        for owner in OWNERS
    }
    assert usage.usage_of(OWNERS) == expected
    kept = sum(counter.files for counter in usage.by_kind().values())
    assert kept == len(stored) + len(trashed) > seeded.stored
    assert recount.differences() == []
    days = usage.by_day(datetime.now(UTC).date(), 62)
    assert sum(day.files for day in days) == kept + len(every("deleted"))
    assert sum(day.rejected for day in days) == len(every("rejected"))


@pytest.mark.exhaustive
def test_later_changes_of_a_seeded_file_are_counted() -> None:
    seed(60)
    for record in every("stored")[:20]:
        removal(record.id, 16**18 - 1)
        actions.change_owner(every("stored")[0].id, "9", "1")
    assert recount.differences() == []


@pytest.mark.exhaustive
def test_the_same_random_seed_gives_the_same_files() -> None:
    def names() -> list[tuple[str | None, str | None, str]]:
        all_records = sorted(every(), key=lambda record: record.etag or "")
        for record in all_records:
            erase(record.id)
        return [(record.file_name, record.owner, record.state) for record in all_records]

    seed(40, number=5)
    first = names()
    seed(40, number=5)
    assert names() == first
    seed(40, number=6)
    assert names() != first


@pytest.mark.exhaustive
def test_seeded_files_are_paged_and_searched_like_others() -> None:
    seed(120)
    mine = {record.id: record for record in every("stored") if record.owner == "7"}
    assert walk(lambda c: queries.files_of("7", limit=7, cursor=c)) == sorted(mine, reverse=True)
    expected = {i for i, record in mine.items() if (record.file_name or "")[:6].lower() == "report"}
    ids = walk(lambda c: queries.files_of("7", limit=7, cursor=c, search="REPORT"))
    assert set(ids) == expected != set()


def test_a_fake_id_of_a_moment_has_that_moment() -> None:
    moment = datetime(2025, 5, 6, 7, 8, 9, 123_000, tzinfo=UTC)
    for bits in (0, 1, 2**42 - 1):
        upload_id = keys.upload_id_at(moment, "7", "secret", bits)
        assert keys.parse_upload_id(upload_id) == upload_id
        assert keys.created_at(upload_id) == moment
        assert keys.was_issued_to(upload_id, "7", ["secret"])
        assert not keys.was_issued_to(upload_id, "8", ["secret"])


@pytest.mark.parametrize("endpoint", [None, "https://dynamodb.eu-west-1.amazonaws.com"])
def test_nothing_is_seeded_on_aws(settings: Settings, db: None, endpoint: str | None) -> None:
    local = settings.FILEHUB
    settings.FILEHUB = local | {"ENDPOINT_URL": None, "ENDPOINT_URL_DYNAMODB": endpoint}
    with pytest.raises(CommandError, match=r"local AWS only: set AWS_ENDPOINT_URL"):
        run("seed", "5")
    settings.FILEHUB = local
    assert every() == []


def test_the_command_uses_existing_users_first(alice: User, bob: User) -> None:
    assert "records written in" in run("seed", "80", "--owners", "3", "--days", "2", "--seed", "1")
    owners = {record.owner for record in every()}
    assert owners == {str(alice.pk), str(bob.pk), "1000001"}
    assert min(record.created_at for record in every()) > datetime.now(UTC) - timedelta(days=2.1)


@pytest.mark.parametrize("count", ["0", "-1", "many", "٣"])
def test_an_invalid_count_is_refused(count: str, db: None) -> None:
    with pytest.raises(CommandError):
        run("seed", "--", count)
