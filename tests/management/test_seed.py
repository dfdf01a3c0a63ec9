"""Fake data looks like real records, and counters can be recounted."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.files.test_listing import walk
from tests.files.test_usage import event, of_owner
from tests.support.files import removal, store
from uploads.aws import s3
from uploads.core import keys, media_types, policy
from uploads.core.conf import env
from uploads.core.errors import BackendUnavailable
from uploads.files import actions, queries, recount, usage
from uploads.files import store as records
from uploads.files.record import StoredFile
from uploads.files.usage import Usage
from uploads.ingest import confirm
from uploads.management import fake_data

pytestmark = pytest.mark.usefixtures("aws")

OWNERS = ["7", "8", "9"]


def seed(count: int = 300, number: int = 1, **details: Any) -> fake_data.Seeded:
    arguments: dict[str, Any] = {"owners": OWNERS, "days": 60, "rng": random.Random(number)}
    return fake_data.seed(count, **(arguments | details))


def every(state: str | None = None) -> list[StoredFile]:
    condition = StoredFile.state.exists() if state is None else StoredFile.state == state
    return list(StoredFile.scan(condition))


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_seeding_creates_the_requested_number_in_all_states_owners_and_groups() -> None:
    seeded = seed()
    records = every()
    assert seeded.stored + seeded.rejected + seeded.deleted == len(records) == 300
    assert len(every("stored")) == seeded.stored > seeded.rejected + seeded.deleted
    assert len(every("rejected")) == seeded.rejected > 0
    assert len(every("deleted")) == seeded.deleted > 0
    assert {record.owner for record in records} == set(OWNERS)
    assert {media_types.kind(record.content_type) for record in records} == set(media_types.KINDS)
    names = [record.file_name for record in records]
    assert any(not name.isascii() for name in names)
    assert max(len(name.encode()) for name in names) > 240
    assert all(policy.check_name(name) for name in names)
    assert {keys.shard(record.id) for record in records} == set(keys.SHARDS)


def test_seeded_ids_are_valid_and_spread_over_the_days() -> None:
    seed()
    secrets = [env().django_secret_key]
    assert all(keys.was_issued_to(each.id, each.owner or "", secrets) for each in every())
    ages = [datetime.now(UTC) - keys.created_at(record.id) for record in every("stored")]
    assert min(ages) < timedelta(days=5)
    assert timedelta(days=55) < max(ages) <= timedelta(days=60, minutes=1)
    gone = [record for record in every() if record.state != "stored"]
    assert all(record.expires_at > datetime.now(UTC) for record in gone)


def test_a_seeded_record_has_the_attributes_of_one_that_the_worker_wrote(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """Compared for each state, so that measurements with fake data hold for real data."""
    # Optional attributes.
    optional = {"checksum", "downloads", "last_downloads", "reason", "version_id",
                "deletion_asked_at", "deletion_asked_by"}  # fmt: skip

    def attributes(record: StoredFile) -> set[str]:
        return {name for name, value in record.attribute_values.items() if value is not None}

    upload_id = store("7")
    confirm.apply_event(event("created", upload_id, 5))
    StoredFile(upload_id).update(
        [StoredFile.notified_at.set(datetime.now(UTC))], add_version_condition=False
    )
    real = {"stored": attributes(StoredFile.get(upload_id))}
    removal(upload_id, 9)
    real["deleted"] = attributes(StoredFile.get(upload_id))
    settings.ENV = env().model_copy(update={"filehub_allowed_types": ("image/*",)})
    confirm.confirm(rejected := _upload())
    real["rejected"] = attributes(StoredFile.get(rejected)) | {"notified_at"}
    StoredFile(upload_id).delete(add_version_condition=False)
    StoredFile(rejected).delete(add_version_condition=False)

    seed()
    for record in every():
        assert attributes(record) - optional == real[record.state] - optional


def _upload() -> str:
    upload_id = keys.new_upload_id("7", "secret")
    s3.client().put_object(
        Bucket=env().filehub_bucket,
        Key=keys.object_key(upload_id),
        Body=b"x",
        ContentType="text/plain",
        Metadata=s3.metadata("7", "a.txt"),
    )
    return upload_id


def test_the_counters_agree_with_what_was_seeded() -> None:
    seeded = seed()
    seed(50, number=2)
    stored = every("stored")
    expected = {
        owner: Usage(
            sum(record.owner == owner for record in stored),
            sum(int(record.size or 0) for record in stored if record.owner == owner),
        )
        for owner in OWNERS
    }
    assert usage.usage_of(OWNERS) == expected
    assert sum(counter.files for counter in usage.by_kind().values()) == len(stored) > seeded.stored
    assert recount.differences() == []
    days = usage.by_day(datetime.now(UTC).date(), 62)
    assert sum(day.files for day in days) == len(stored) + len(every("deleted"))
    assert sum(day.rejected for day in days) == len(every("rejected"))


def test_later_changes_of_a_seeded_file_are_counted() -> None:
    seed(60)
    for record in every("stored")[:20]:
        removal(record.id, 16**18 - 1)
        actions.change_owner(every("stored")[0].id, "9", "1")
    assert recount.differences() == []


def test_the_same_random_seed_gives_the_same_files() -> None:
    def names() -> list[tuple[str | None, str | None, str]]:
        records = sorted(every(), key=lambda record: record.etag or "")
        for record in records:
            StoredFile(record.id).delete(add_version_condition=False)
        return [(record.file_name, record.owner, record.state) for record in records]

    seed(40, number=5)
    first = names()
    seed(40, number=5)
    assert names() == first
    seed(40, number=6)
    assert names() != first


def test_seeded_files_are_paged_and_searched_like_others() -> None:
    seed(120)
    mine = {record.id: record for record in every("stored") if record.owner == "7"}
    assert walk(lambda c: queries.files_of("7", limit=7, cursor=c)) == sorted(mine, reverse=True)
    expected = {i for i, record in mine.items() if (record.file_name or "")[:6].lower() == "report"}
    ids = walk(lambda c: queries.files_of("7", limit=7, cursor=c, prefix="REPORT"))
    assert set(ids) == expected != set()


def test_a_fake_id_of_a_moment_has_that_moment() -> None:
    moment = datetime(2025, 5, 6, 7, 8, 9, 123_000, tzinfo=UTC)
    for bits in (0, 1, 2**42 - 1):
        upload_id = keys.upload_id_at(moment, "7", "secret", bits)
        assert keys.parse_upload_id(upload_id) == upload_id
        assert keys.created_at(upload_id) == moment
        assert keys.was_issued_to(upload_id, "7", ["secret"])
        assert not keys.was_issued_to(upload_id, "8", ["secret"])


# The command


@pytest.mark.parametrize("endpoint", [None, "https://dynamodb.eu-west-1.amazonaws.com"])
def test_nothing_is_seeded_on_aws(settings: Settings, db: None, endpoint: str | None) -> None:
    settings.ENV = env().model_copy(
        update={"aws_endpoint_url": None, "aws_endpoint_url_dynamodb": endpoint}
    )
    with pytest.raises(CommandError, match=r"local AWS only: set AWS_ENDPOINT_URL"):
        run("seed", "5")
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


# Recounting


def forget_counters() -> None:
    for counter in usage.Counter.scan(usage.Counter.files.exists()):
        counter.delete()


def of_an_earlier_version(upload_id: str) -> str:
    """A record from before there were counters."""
    StoredFile(upload_id).update([StoredFile.counted.remove()], add_version_condition=False)
    return upload_id


def test_recounting_counts_files_of_earlier_versions_once() -> None:
    for _ in range(3):
        of_an_earlier_version(store("7"))
    forget_counters()
    store("7")
    assert run("recount") == "3 files were taken into the counters.\n"
    assert (of_owner("7"), recount.differences()) == (Usage(4, 20), [])
    assert run("recount") == "0 files were taken into the counters.\n"
    assert of_owner("7") == Usage(4, 20)


def test_a_file_that_cannot_be_counted_is_left_to_the_next_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = [of_an_earlier_version(store("7")) for _ in range(3)]
    forget_counters()
    get = records.get

    def fail_for_one(upload_id: str) -> StoredFile | None:
        if upload_id == ids[1]:
            raise BackendUnavailable
        return get(upload_id)

    with monkeypatch.context() as patch:
        patch.setattr(records, "get", fail_for_one)
        with pytest.raises(CommandError, match="1 could not be"):
            run("recount")
    assert of_owner("7") == Usage(2, 10)
    assert run("recount").startswith("1 files")
    assert recount.differences() == []


def test_the_check_reports_each_counter_that_differs() -> None:
    store("7")
    store("8")
    assert run("recount", "--check") == "The counters agree with the records.\n"
    usage.Counter("owner#7").update([usage.Counter.files.add(2)])
    usage.Counter("owner#8").delete()
    usage.Counter("owner#nobody").update([usage.Counter.bytes.add(1)])
    out = StringIO()
    with pytest.raises(CommandError, match="3 counters differ"):
        call_command("recount", "--check", stdout=out)
    assert out.getvalue().splitlines() == [
        "owner#7: the counter says 3 files of 5 bytes, the records come to 1 files of 5 bytes",
        "owner#8: the counter says 0 files of 0 bytes, the records come to 1 files of 5 bytes",
        "owner#nobody: the counter says 0 files of 1 bytes, the records come to 0 files of 0 bytes",
    ]


def test_the_check_reports_a_limited_number_of_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uploads.management.commands.recount.MAX_NAMED", 2)
    for number in range(5):
        usage.Counter(f"owner#{number}").update([usage.Counter.files.add(2)])
    out = StringIO()
    with pytest.raises(CommandError, match="5 counters differ"):
        call_command("recount", "--check", stdout=out)
    assert out.getvalue().splitlines()[2:] == ["… and 3 more"]


def damage() -> None:
    """A counter as a manual edit may leave it."""
    usage.Counter("owner#7").update([usage.Counter.files.add(2), usage.Counter.bytes.add(-3)])
    usage.Counter("owner#8").delete()
    usage.Counter("owner#nobody").update([usage.Counter.bytes.add(1)])


def test_a_repair_changes_only_what_differs() -> None:
    store("7")
    store("8")
    store("9")
    of_an_earlier_version(store("8"))
    right = usage.Counter.get("owner#9").attribute_values
    damage()
    out = run("recount", "--repair")
    assert "owner#7: the counter says 3 files of 2 bytes, the records come to 1 files of 5" in out
    # The three counters, and that of the type of the file that was counted twice.
    assert out.endswith("4 counters were set to what the records come to.\n")
    assert recount.differences() == []
    assert (of_owner("7"), of_owner("8"), of_owner("nobody")) == (
        Usage(1, 5),
        Usage(2, 10),
        Usage(),
    )
    assert {owner for owner, _ in usage.owners(10)} == {"7", "8", "9", "nobody"}
    assert usage.Counter.get("owner#9").attribute_values == right
    assert run("recount", "--repair").endswith("0 counters were set to what the records come to.\n")


@pytest.mark.parametrize("moment", ["before the records are read", "after"])
@pytest.mark.parametrize("change", ["more", "another in its place"])
def test_a_counter_that_changes_during_a_repair_is_read_again(
    monkeypatch: pytest.MonkeyPatch, moment: str, change: str
) -> None:
    first = store("7")
    damage()
    read = recount._sums
    rounds: list[str] = []

    def meanwhile() -> None:
        store("7")
        if change == "another in its place":
            removal(first, 10)

    def disturbed(condition: Any) -> dict[str, Usage]:
        rounds.append("one")
        if len(rounds) == 1 and moment != "after":
            meanwhile()
        sums = read(condition)
        if len(rounds) == 1 and moment == "after":
            meanwhile()
        return sums

    monkeypatch.setattr(recount, "_sums", disturbed)
    result = recount.repair()
    assert (len(rounds), result.busy) == (2, 0)
    monkeypatch.undo()
    assert recount.differences() == []
    assert of_owner("7").files == (2 if change == "more" else 1)


def test_counters_that_keep_changing_are_left_and_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store("7")
    damage()
    read = recount._sums

    def disturbed(condition: Any) -> dict[str, Usage]:
        sums = read(condition)
        store("7")
        return sums

    with monkeypatch.context() as patch:
        patch.setattr(recount, "_sums", disturbed)
        with pytest.raises(CommandError, match="more may differ: they changed"):
            run("recount", "--repair")
    # The counter is still wrong by the same two files.
    assert of_owner("7") == Usage(4 + 2, 20 - 3)
    assert (of_owner("8"), of_owner("nobody")) == (Usage(), Usage())
    run("recount", "--repair")
    assert recount.differences() == []


def test_a_repair_during_traffic_is_right_once_the_traffic_ends() -> None:
    for _ in range(4):
        store("7")
    damage()
    with ThreadPoolExecutor(4) as pool:
        coming = [pool.submit(store, "7") for _ in range(24)]
        going = pool.submit(lambda: [removal(store("8"), 10) for _ in range(6)])
        while not all(task.done() for task in [*coming, going]):
            recount.repair()
        for task in [*coming, going]:
            task.result()
    assert recount.repair().busy == 0
    assert recount.differences() == []
    assert of_owner("7") == Usage(28, 140)
