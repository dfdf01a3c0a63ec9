"""Objects and records agree after a run, whatever became of either, and nothing else is touched."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import count, islice
from pathlib import Path
from typing import Any

import boto3
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from tests.plugin import AWS_PORT
from tests.support.local_aws import drain
from tests.support.processes import ROOT
from tests.support.proxy import Proxy
from tests.support.waiting import wait_for
from uploads.aws import s3
from uploads.aws.s3 import ListedObject
from uploads.core import keys
from uploads.core.conf import env
from uploads.core.errors import BackendUnavailable
from uploads.files import usage
from uploads.files.record import StoredFile
from uploads.ingest import confirm, decide, tasks
from uploads.ingest.events import ObjectEvent
from uploads.ingest.reconciliation import checkpoints, comparison, reconcile
from uploads.ingest.reconciliation.comparison import ListedRecord
from uploads.ingest.reconciliation.reconcile import Plan
from uploads.management.progress import Progress

OWNER = "7"
NOW = timedelta(0)

#: Looks at all there is, however young.
ALL = Plan("all", min_age=NOW)
#: The same, and remembers where it is.
RESUMABLE = replace(ALL, resumable=True)

aws = pytest.mark.usefixtures("aws")


def place(age: timedelta = timedelta(hours=1), body: bytes = b"hello", name: str = "a.txt") -> str:
    """An object as an upload leaves it, signed some time ago, that no event told of."""
    upload_id = keys.upload_id_at(
        datetime.now(UTC) - age, OWNER, "secret", random.SystemRandom().getrandbits(42)
    )
    put(upload_id, body, name)
    return upload_id


def put(upload_id: str, body: bytes, name: str = "a.txt") -> None:
    s3.client().put_object(
        Bucket=env().filehub_bucket,
        Key=keys.object_key(upload_id),
        Body=body,
        ContentType="text/plain",
        Metadata=s3.metadata(OWNER, name),
    )


def stored(**details: Any) -> str:
    """An object with its record."""
    upload_id = place(**details)
    assert confirm.confirm(upload_id) == "stored"
    return upload_id


def forget(upload_id: str) -> None:
    """The record goes, the object stays."""
    StoredFile(upload_id).delete(add_version_condition=False)


def age(upload_id: str, **moments: datetime) -> None:
    """Change moments in a record."""
    actions = [getattr(StoredFile, name).set(moment) for name, moment in moments.items()]
    StoredFile(upload_id).update(actions, add_version_condition=False)


def objects() -> set[str]:
    pages = s3.client().get_paginator("list_objects_v2").paginate(Bucket=env().filehub_bucket)
    found = {
        keys.upload_id_of(entry["Key"]) for page in pages for entry in page.get("Contents", [])
    }
    return {each for each in found if each}


def recorded(state: str = "stored") -> set[str]:
    return {record.id for record in StoredFile.scan(StoredFile.state == state)}


def table() -> list[dict[str, Any]]:
    """Every item as it is."""
    client = boto3.client(
        "dynamodb", region_name=env().aws_region, endpoint_url=env().endpoint("dynamodb")
    )
    pages = client.get_paginator("scan").paginate(TableName=env().filehub_table)
    items = [dict(item) for page in pages for item in page["Items"]]
    return sorted(items, key=lambda item: str(item["id"]))


def found(result: reconcile.Result) -> dict[str, int]:
    """The counts that are not zero, without those of what was looked at."""
    counts = vars(result.counts)
    looked_at = {"objects", "records", "looked_at"}
    return {name: count for name, count in counts.items() if count and name not in looked_at}


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("reconcile", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


# Both ways


@aws
def test_an_object_without_a_record_is_recorded() -> None:
    lost = place(name="naïve.txt")
    assert found(reconcile.run(ALL)) == {"orphans": 1}
    record = StoredFile.get(lost)
    assert (record.state, record.file_name, record.owner) == ("stored", "naïve.txt", OWNER)
    assert usage.usage_of([OWNER])[OWNER] == usage.Usage(1, 5)


@aws
def test_a_record_without_an_object_says_so_and_leaves_the_lists() -> None:
    ghost = stored()
    s3.delete(ghost)
    assert found(reconcile.run(ALL)) == {"ghosts": 1}
    record = StoredFile.get(ghost)
    assert (record.state, record.reason) == ("deleted", "object missing")
    assert record.owner_feed is None
    assert usage.usage_of([OWNER])[OWNER] == usage.Usage(0, 0)


@aws
def test_both_kinds_are_found_in_one_run_among_many_that_are_right() -> None:
    right = {stored() for _ in range(40)}
    orphans = {place() for _ in range(20)}
    ghosts = {stored() for _ in range(20)}
    for upload_id in ghosts:
        s3.delete(upload_id)
    assert len({keys.shard(upload_id) for upload_id in orphans | ghosts}) > 4
    result = reconcile.run(ALL)
    assert found(result) == {"orphans": 20, "ghosts": 20}
    assert (result.counts.objects, result.counts.records, result.counts.looked_at) == (60, 60, 80)
    assert recorded() == right | orphans == objects()
    assert recorded("deleted") == ghosts


@aws
def test_what_is_right_is_not_touched() -> None:
    for _ in range(20):
        stored()
    before = table()
    result = reconcile.run(RESUMABLE)
    assert (found(result), result.counts.looked_at) == ({}, 20)
    after = table()
    assert [item for item in after if not item["id"]["S"].startswith("reconcile#")] == before


@aws
def test_a_rejected_object_that_was_left_goes(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    upload_id = place()
    settings.ENV = env().model_copy(update={"filehub_allowed_types": ("image/*",)})
    with monkeypatch.context() as patch:
        patch.setattr(s3, "delete_this", lambda upload_id, etag: None)
        assert confirm.confirm(upload_id) == "rejected"
    assert objects() == {upload_id}
    assert found(reconcile.run(ALL)) == {"rejected": 1}
    assert objects() == set()
    assert recorded("rejected") == {upload_id}


@aws
def test_a_file_that_came_back_after_its_removal_is_stored_again() -> None:
    upload_id = stored()
    s3.delete(upload_id)
    confirm.apply_event(ObjectEvent("removed", upload_id, "5".ljust(64, "0")))
    put(upload_id, b"again")
    assert found(reconcile.run(ALL)) == {"orphans": 1}
    assert recorded() == {upload_id}


@aws
def test_a_record_of_another_object_is_corrected() -> None:
    upload_id = stored()
    put(upload_id, b"something longer")
    assert found(reconcile.run(ALL)) == {"corrected": 1}
    assert int(StoredFile.get(upload_id).size) == len(b"something longer")
    assert found(reconcile.run(ALL)) == {}


@aws
def test_keys_that_filehub_did_not_make_are_let_be() -> None:
    upload_id = place()
    wrong_shard = "f" if keys.shard(upload_id) != "f" else "0"
    for key in ("uploads/0/notes.txt", f"uploads/{wrong_shard}/{upload_id}", "uploads/0/zzz"):
        s3.client().put_object(Bucket=env().filehub_bucket, Key=key, Body=b"")
    assert found(reconcile.run(ALL)) == {"orphans": 1}
    assert recorded() == objects() == {upload_id}


@aws
@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(n, marks=pytest.mark.exhaustive) for n in (2, 3))]
)
def test_after_any_damage_one_run_makes_both_sides_equal(seed: int) -> None:
    rng = random.Random(seed)
    damages: list[Callable[[str], object]] = [
        lambda upload_id: None,
        forget,
        s3.delete,
        lambda upload_id: (forget(upload_id), s3.delete(upload_id)),
        lambda upload_id: put(upload_id, b"other bytes"),
        lambda upload_id: confirm.apply_event(
            ObjectEvent("removed", upload_id, "9".ljust(64, "0"))
        ),
    ]
    for _ in range(60):
        rng.choice(damages)(stored(age=timedelta(minutes=rng.randint(5, 10_000))))
    assert recorded() != objects()
    reconcile.run(ALL)
    assert recorded() == objects()
    etags = {record.id: record.etag for record in StoredFile.scan(StoredFile.state == "stored")}
    assert all(s3.head(each).etag == etag for each, etag in etags.items())  # type: ignore[union-attr]
    assert found(reconcile.run(ALL)) == {}


@given(
    st.dictionaries(st.text("01ab", min_size=1, max_size=4), st.sampled_from(["S3", "DB", "both"]))
)
def test_two_sorted_streams_become_pairs_in_order(sides: dict[str, str]) -> None:
    pairs = list(
        comparison.merge(
            (ListedObject(i, "e", None) for i in sorted(sides) if sides[i] != "DB"),
            (ListedRecord(i, "e", None, None) for i in sorted(sides) if sides[i] != "S3"),
        )
    )
    assert [pair.id for pair in pairs] == sorted(sides)
    for pair in pairs:
        assert (pair.found is None) == (sides[pair.id] == "DB")
        assert (pair.record is None) == (sides[pair.id] == "S3")
        assert pair.agrees == (sides[pair.id] == "both")


def test_streams_of_any_length_are_compared_in_the_memory_of_one_step() -> None:
    ids = (f"{number:012}" for number in count())
    evens = (f"{number:012}" for number in count(0, 2))
    pairs = comparison.merge(
        (ListedObject(each, "e", None) for each in ids),
        (ListedRecord(each, "e", None, None) for each in evens),
    )
    assert [pair.agrees for pair in islice(pairs, 5)] == [True, False, True, False, True]


# What is young


@aws
def test_an_object_that_came_just_now_is_left_to_its_event() -> None:
    place()
    assert found(reconcile.run(Plan("all"))) == {"left_alone": 1}
    assert recorded() == set()
    assert found(reconcile.run(ALL)) == {"orphans": 1}


@aws
def test_a_record_that_was_written_just_now_is_no_ghost() -> None:
    upload_id = stored()
    s3.delete(upload_id)
    assert found(reconcile.run(Plan("all"))) == {"left_alone": 1}
    age(upload_id, confirmed_at=datetime.now(UTC) - timedelta(minutes=3))
    assert found(reconcile.run(Plan("all"))) == {"ghosts": 1}


@aws
def test_a_deletion_that_was_asked_for_just_now_is_left_to_its_event() -> None:
    upload_id = stored()
    s3.delete(upload_id)
    earlier = datetime.now(UTC) - timedelta(hours=1)
    age(upload_id, confirmed_at=earlier, deletion_asked_at=datetime.now(UTC))
    assert found(reconcile.run(Plan("all"))) == {"left_alone": 1}
    age(upload_id, deletion_asked_at=earlier)
    assert found(reconcile.run(Plan("all"))) == {"ghosts": 1}


@aws
def test_only_ids_of_the_window_are_looked_at() -> None:
    inside, outside = place(timedelta(hours=1)), place(timedelta(hours=3))
    ghost = stored(age=timedelta(hours=3))
    s3.delete(ghost)
    result = reconcile.run(Plan("since", timedelta(hours=2), min_age=NOW))
    assert (found(result), result.counts.looked_at) == ({"orphans": 1}, 1)
    assert recorded() == {inside, ghost}
    assert outside in objects()


@aws
def test_a_window_that_holds_nothing_old_enough_is_empty() -> None:
    place()
    assert reconcile.run(Plan("since", timedelta(minutes=1))).counts.looked_at == 0
    checkpoints.save("all", checkpoints.Checkpoint(datetime.now(UTC), "0", "0", "f"))
    assert reconcile.run(replace(RESUMABLE, min_age=timedelta(hours=2))).counts.looked_at == 0


# A dry run


@aws
def test_a_dry_run_names_what_differs_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    stored()
    orphan, ghost, other = place(), stored(), stored()
    s3.delete(ghost)
    put(other, b"other bytes")
    checkpoints.save("all", checkpoints.Checkpoint(datetime.now(UTC), "0", "f", "f"))
    before, there = table(), objects()
    out = command("--all", "--dry-run", "--min-age", "0m")
    assert (table(), objects()) == (before, there)
    lines = out.splitlines()
    assert f"{orphan}  an object without a record" in lines
    assert f"{ghost}  a record without an object" in lines
    assert f"{other}  a record of another object" in lines
    assert "Would put right: 1 objects without a record, 1 records without" in out


@aws
def test_a_dry_run_deletes_no_object_that_breaks_a_rule(settings: Settings) -> None:
    upload_id = place()
    settings.ENV = env().model_copy(update={"filehub_allowed_types": ("image/*",)})
    assert found(reconcile.run(replace(ALL, dry_run=True))) == {"rejected": 1}
    assert objects() == {upload_id}
    assert table() == []


@aws
def test_a_dry_run_that_stops_remembers_nothing() -> None:
    place()
    result = reconcile.run(replace(RESUMABLE, budget=NOW, dry_run=True))
    assert (found(result), result.finished) == ({"orphans": 1}, False)
    assert table() == []


@aws
def test_a_dry_run_names_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uploads.management.commands.reconcile.MAX_NAMED", 2)
    for _ in range(5):
        place()
    lines = command("--all", "--dry-run", "--min-age", "0m").splitlines()
    assert [line for line in lines if line.endswith("an object without a record")] == lines[:2]
    assert lines[2] == "… and 3 more"


# Stopping and resuming


@aws
def test_a_run_that_used_up_its_budget_is_resumed() -> None:
    for _ in range(6):
        place()
    plan = replace(RESUMABLE, budget=NOW)
    results = [reconcile.run(plan)]
    assert (found(results[0]), results[0].finished) == ({"orphans": 1}, False)
    assert checkpoints.last_runs() == []
    while not results[-1].finished:
        results.append(reconcile.run(plan))
        assert len(results) < 20
    assert found(results[-1]) == {"orphans": 6}
    assert results[-1].counts.looked_at == 6
    assert recorded() == objects()
    assert [run.started_at for run in checkpoints.last_runs()] == [results[0].run.started_at]
    assert checkpoints.load("all") is None


@aws
def test_no_id_slips_out_of_the_window_while_a_run_waits() -> None:
    first, *rest = sorted((place() for _ in range(8)), key=lambda i: (keys.shard(i), i))
    assert not reconcile.run(Plan("recent", timedelta(hours=2), NOW, NOW, resumable=True)).finished
    assert recorded() == {first}
    # Hours later, none of them would be in the window of a new run.
    later = Plan("recent", timedelta(minutes=5), NOW, resumable=True)
    assert reconcile.run(later).finished
    assert recorded() == {first, *rest}


@aws
def test_kinds_of_runs_do_not_disturb_each_others_positions() -> None:
    for _ in range(3):
        place()
    reconcile.run(Plan("recent", timedelta(hours=2), NOW, NOW, resumable=True))
    before = checkpoints.load("recent")
    assert before is not None
    assert reconcile.run(RESUMABLE).finished
    assert checkpoints.load("recent") == before


@aws
def test_restart_begins_anew() -> None:
    for _ in range(4):
        place()
    reconcile.run(replace(RESUMABLE, budget=NOW))
    (healed,) = recorded()
    forget(healed)
    assert found(reconcile.run(RESUMABLE, restart=True)) == {"orphans": 4}
    assert recorded() == objects()
    assert checkpoints.load("all") is None


@aws
def test_a_listing_that_fails_ends_the_run_which_is_resumed_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(8):
        place()
    listing = s3.objects

    def broken(shard: str, *, after: str, until: str) -> Iterator[ListedObject]:
        if shard > keys.shard(sorted(objects(), key=keys.shard)[0]):
            raise BackendUnavailable("S3 could not list the objects.")
        yield from listing(shard, after=after, until=until)

    with monkeypatch.context() as patch:
        patch.setattr(s3, "objects", broken)
        with pytest.raises(CommandError, match="S3 could not list the objects"):
            command("--all", "--min-age", "0m")
    assert 0 < len(recorded()) < 8
    assert checkpoints.last_runs() == []
    assert reconcile.run(RESUMABLE).counts.looked_at == 8
    assert recorded() == objects()


@aws
@pytest.mark.exhaustive
def test_a_run_that_is_killed_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(200):
        place()
    with Proxy(AWS_PORT) as proxy:
        # Each look takes its time: it must not come to its end before it is killed.
        proxy.latency = 0.3
        child = subprocess.Popen(
            [sys.executable, "manage.py", "reconcile", "--all", "--min-age", "0m"],
            cwd=ROOT,
            env=os.environ | {"AWS_ENDPOINT_URL_S3": proxy.url},
        )
        try:
            wait_for(lambda: checkpoints.load("all"))
        finally:
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
    position = checkpoints.load("all")
    assert position is not None
    done = recorded()
    assert 0 < len(done) < 200

    asked: list[tuple[str, str]] = []
    listing = s3.objects

    def noted(shard: str, *, after: str, until: str) -> Iterator[ListedObject]:
        asked.append((shard, after))
        return listing(shard, after=after, until=until)

    monkeypatch.setattr(s3, "objects", noted)
    err = StringIO()
    call_command("reconcile", "--all", "--min-age", "0m", stdout=StringIO(), stderr=err)
    assert asked[0] == (position.shard, position.last_id)
    assert f"after {position.last_id} in shard {position.shard}" in err.getvalue()
    assert recorded() == objects()
    (run,) = checkpoints.last_runs()
    assert (run.kind, run.started_at, run.looked_at) == ("all", position.started_at, 200)
    assert checkpoints.load("all") is None


# Too many gone


def gone(number: int) -> list[str]:
    """Records of an hour ago whose objects are in another bucket, and nothing else."""
    ids = []
    with StoredFile.batch_write() as batch:
        for _ in range(number):
            upload_id = keys.upload_id_at(
                datetime.now(UTC) - timedelta(hours=1),
                OWNER,
                "secret",
                random.SystemRandom().getrandbits(42),
            )
            record = decide.new_record(upload_id, "0" * 64, "stored")
            record.owner = record.owner_feed = OWNER
            record.file_name = record.name_key = "a.txt"
            record.etag, record.size, record.content_type = "e", 5, "text/plain"
            record.confirmed_at = datetime.now(UTC) - timedelta(hours=1)
            batch.save(record)
            ids.append(upload_id)
    return ids


FEW = reconcile.PLAUSIBLE


@aws
def test_in_another_bucket_a_run_stops_and_changes_no_record() -> None:
    ids = gone(FEW + 30)
    before = table()
    result = reconcile.run(RESUMABLE)
    assert found(result) == {"held_back": FEW + 1}
    assert result.counts.looked_at == FEW + 1
    assert result.aborted is not None
    after = table()
    assert [item for item in after if not item["id"]["S"].startswith("reconcile#")] == before
    (run,) = checkpoints.last_runs()
    assert (run.ghosts, run.held_back) == (0, FEW + 1)
    # The next one begins anew, and finds the same.
    assert checkpoints.load("all") is None
    assert found(reconcile.run(RESUMABLE)) == {"held_back": FEW + 1}
    assert recorded() == {*ids}


@aws
def test_so_many_at_the_end_of_a_run_are_not_buried_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconcile, "PLAUSIBLE", 4)
    ids = gone(5)
    assert found(reconcile.run(ALL)) == {"held_back": 5}
    assert recorded() == {*ids}
    monkeypatch.setattr(reconcile, "PLAUSIBLE", 5)
    assert found(reconcile.run(ALL)) == {"ghosts": 5}


@aws
def test_many_are_buried_if_as_many_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "PLAUSIBLE", 2)
    kept = {stored(age=timedelta(hours=2)) for _ in range(9)}
    # In one shard, so that all that is there comes first.
    monkeypatch.setattr(keys, "SHARDS", "0")
    monkeypatch.setattr(keys, "shard", lambda upload_id: "0")
    pairs = [
        comparison.Pair(each, ListedObject(each, "", None), ListedRecord(each, "", None, None))
        for each in sorted(kept)
    ]
    ghosts = gone(9)
    pairs += [
        comparison.Pair(each, None, ListedRecord(each, "e", None, None)) for each in sorted(ghosts)
    ]
    monkeypatch.setattr(comparison, "compare", lambda *_, **__: iter(pairs))
    assert found(reconcile.run(ALL)) == {"ghosts": 9}
    assert recorded() == kept


def run_out_of_time_at(upload_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that Celery ends when it comes to this file."""
    head = s3.head

    def stop(looked_at: str) -> s3.StoredObject | None:
        if looked_at == upload_id:
            raise SoftTimeLimitExceeded
        return head(looked_at)

    with monkeypatch.context() as patch:
        patch.setattr(s3, "head", stop)
        with pytest.raises(SoftTimeLimitExceeded):
            reconcile.run(RESUMABLE)


@aws
def test_a_run_that_dies_with_suspicions_goes_on_before_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = sorted(gone(6), key=lambda i: (keys.shard(i), i))
    run_out_of_time_at(ids[4], monkeypatch)
    assert recorded() == {*ids}
    result = reconcile.run(RESUMABLE)
    assert (found(result), result.counts.looked_at) == ({"ghosts": 6}, 6)
    assert recorded() == set()


@aws
def test_a_budget_that_is_used_up_leaves_no_suspicions() -> None:
    gone(3)
    results = [reconcile.run(replace(RESUMABLE, budget=NOW)) for _ in range(4)]
    assert [found(result).get("ghosts") for result in results] == [1, 2, 3, 3]
    assert [result.finished for result in results] == [False, False, False, True]
    assert recorded() == set()


@aws
def test_the_command_says_why_it_stopped_and_how_to_do_it_all_the_same() -> None:
    ids = gone(FEW + 1)
    dry = command("--all", "--dry-run", "--min-age", "0m")
    assert "without --force it would stop" in dry
    sentence = f"Of {FEW + 1} records {FEW + 1} have no object in the bucket filehub-uploads"
    with pytest.raises(CommandError, match=sentence) as caught:
        command("--all", "--min-age", "0m")
    assert "--force" in str(caught.value)
    assert recorded() == {*ids}
    assert f"{FEW + 1} records without an object" in command("--all", "--min-age", "0m", "--force")
    assert recorded() == set()


@aws
def test_the_tasks_stop_too_and_say_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reconcile, "PLAUSIBLE", 2)
    ids = gone(3)
    tasks.reconcile_recent()
    tasks.reconcile_multipart()
    stopped = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
    assert [line.partition(" was stopped: Of 3 records 3 ")[0] for line in stopped] == [
        "reconciliation (recent)",
        "reconciliation (multipart)",
    ]
    # It is not gone on with: that would find the same.
    assert drain(env().filehub_tasks_queue) == []
    assert recorded() == {*ids}
    assert [run.held_back for run in checkpoints.last_runs()] == [3, 3]


# Faults


@aws
@pytest.mark.parametrize("fault", [BackendUnavailable(), ValueError("a bug")])
def test_one_failing_id_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    ids = sorted((place() for _ in range(5)), key=lambda i: (keys.shard(i), i))
    head = s3.head

    def fail_for_one(upload_id: str) -> s3.StoredObject | None:
        if upload_id == ids[1]:
            raise fault
        return head(upload_id)

    with monkeypatch.context() as patch:
        patch.setattr(s3, "head", fail_for_one)
        assert found(reconcile.run(ALL)) == {"orphans": 4, "failed": 1}
        assert recorded() == {*ids} - {ids[1]}
        with pytest.raises(CommandError, match="1 could not be looked at"):
            command("--all", "--min-age", "0m")
    assert found(reconcile.run(ALL)) == {"orphans": 1}


@aws
def test_a_task_that_has_to_stop_stops_and_remembers_where(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = sorted((place() for _ in range(5)), key=lambda i: (keys.shard(i), i))
    run_out_of_time_at(ids[2], monkeypatch)
    position = checkpoints.load("all")
    assert position is not None
    assert position.last_id == ids[1]
    assert reconcile.run(RESUMABLE).counts.looked_at == 5


@aws
def test_an_index_that_is_behind_makes_no_ghost_and_no_orphan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, gone = stored(), stored()
    s3.delete(gone)
    confirm.apply_event(ObjectEvent("removed", gone, "5".ljust(64, "0")))
    before = {each: StoredFile.get(each).version for each in (here, gone)}
    old = [ListedRecord(gone, "", None, None)]

    def behind(shard: str, *, after: str, until: str) -> list[ListedRecord]:
        return [record for record in old if keys.shard(record.id) == shard]

    monkeypatch.setattr(comparison, "_records", behind)
    assert found(reconcile.run(ALL)) == {}
    assert {each: StoredFile.get(each).version for each in (here, gone)} == before


@aws
def test_a_run_that_is_interrupted_by_hand_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = sorted((place() for _ in range(3)), key=lambda i: (keys.shard(i), i))
    head = s3.head

    def interrupt(upload_id: str) -> s3.StoredObject | None:
        if upload_id == ids[1]:
            raise KeyboardInterrupt
        return head(upload_id)

    monkeypatch.setattr(s3, "head", interrupt)
    with pytest.raises(CommandError, match="Run it again to go on") as caught:
        command("--all", "--min-age", "0m")
    assert caught.value.returncode == 130
    position = checkpoints.load("all")
    assert position is not None
    assert position.last_id == ids[0]


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_on_one_line() -> None:
    out = Terminal()
    with Progress(OutputWrapper(out)) as bar:
        bar.show(0.5, "1,000 looked at")
        bar.show(1.0, "2 looked at")
    first, second = out.getvalue().removesuffix("\n").split("\r")[1:]
    assert first == f"[{'#' * 15}{'.' * 15}]  50% 1,000 looked at"
    # What is shorter covers what it replaces.
    assert second == f"[{'#' * 30}] 100% 2 looked at    "


def test_elsewhere_a_line_is_written_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    out = StringIO()
    with Progress(OutputWrapper(out)) as bar:
        bar.show(0.5, "too soon")
        monkeypatch.setattr("uploads.management.progress.LINE_EVERY", -1)
    with Progress(OutputWrapper(out)) as bar:
        bar.show(0.25, "1,000 looked at")
        bar.show(None, "2,000 looked at")
    assert out.getvalue() == "25% 1,000 looked at\n2,000 looked at\n"


# What is remembered, and the tasks


@aws
def test_the_last_run_of_each_kind_is_told(settings: Settings) -> None:
    assert checkpoints.last_runs() == []
    place()
    command("--since", "2h", "--min-age", "0m")
    command("--all", "--min-age", "0m")
    tasks.reconcile_recent()
    first, second, third = checkpoints.last_runs()
    assert [first.kind, second.kind, third.kind] == ["recent", "all", "since"]  # newest first
    assert (third.looked_at, third.orphans, second.looked_at, second.orphans) == (1, 1, 1, 0)
    assert first.started_at <= first.finished_at <= datetime.now(UTC)
    place()
    command("--all", "--min-age", "0m")
    latest = [(run.kind, run.orphans) for run in checkpoints.last_runs()]
    assert latest == [("all", 1), ("recent", 0), ("since", 1)]


@aws
def test_what_is_remembered_is_in_no_index() -> None:
    place()
    reconcile.run(replace(RESUMABLE, budget=NOW))
    reconcile.run(Plan("since", timedelta(hours=2)))
    items = [item for item in table() if item["id"]["S"].startswith("reconcile#")]
    assert [item["id"]["S"] for item in items] == ["reconcile#last#since", "reconcile#position#all"]
    indexed = {"feed", "ownerFeed", "nameKey", "originalFileName"}
    assert not any(indexed & item.keys() for item in items)


@aws
def test_the_daily_task_goes_on_at_once_and_the_frequent_one_next_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconcile, "BUDGET", NOW)
    monkeypatch.setattr(reconcile, "MIN_AGE", NOW)
    for _ in range(2):
        place(timedelta(minutes=20))
    tasks.reconcile_recent()
    assert drain(env().filehub_tasks_queue) == []
    tasks.reconcile_multipart()
    assert checkpoints.load("multipart") is not None
    assert len(drain(env().filehub_tasks_queue)) == 1


def test_the_budget_of_a_task_is_within_its_time_limit(settings: Settings) -> None:
    slowest_look = timedelta(seconds=25)
    budget = reconcile.recent().budget
    assert budget is not None
    assert budget + slowest_look < timedelta(seconds=settings.CELERY_TASK_SOFT_TIME_LIMIT)
    assert reconcile.multipart().budget == budget


@aws
@pytest.mark.parametrize(
    "arguments",
    [["--restart"], ["--since", "soon"], ["--all", "--since", "1h"]],
)
def test_options_that_make_no_sense_together_are_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        command(*arguments)
