"""Files whose destination keeps them for some days only: they move to the trash, and no others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from tests.support.files import removal, store
from tests.support.http import put
from tests.support.records import tamper
from uploads.aws import s3
from uploads.core import keys
from uploads.files import expiry, moves, recount, trash, usage
from uploads.files.batches import Actor
from uploads.files.record import StoredFile, info_of
from uploads.files.timeline import timeline
from uploads.files.usage import Usage
from uploads.ingest import confirm, tasks
from uploads.transfers import begin

pytestmark = pytest.mark.usefixtures("aws")

OWNER = "7"
ME = Actor(OWNER, OWNER)


@pytest.fixture(autouse=True)
def _destinations(settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"DESTINATIONS": {"week": {"keep_days": 7}}}


def kept(ends_in: timedelta = timedelta(days=7)) -> str:
    """A stored file that expires some time from now."""
    begun = begin.begin_put(OWNER, file_name="a.txt", size=5, destination="week")
    assert put(begun.request, b"hello").status == 200
    assert confirm.confirm(begun.id) == "stored"
    tamper(begun.id, StoredFile.kept_until.set(datetime.now(UTC) + ends_in))
    return begun.id


def expired() -> str:
    return kept(-timedelta(seconds=1))


def states(*ids: str) -> list[str]:
    return [StoredFile.get(upload_id).state for upload_id in ids]


def test_only_files_that_have_expired_move_to_the_trash() -> None:
    over, others = [expired(), expired()], [store(OWNER), kept(), kept(timedelta(minutes=1))]
    assert expiry.expire() == expiry.Expired(2, more=False)
    assert states(*over, *others) == ["trashed"] * 2 + ["stored"] * 3
    record = StoredFile.get(over[0])
    assert (record.trashed_by, record.kept_shard) == (None, None)
    assert record.purge_at == record.trashed_at + timedelta(days=30)
    assert [entry.what for entry in timeline(info_of(record))][-1] == "expired"
    assert usage.usage_of([OWNER])[OWNER] == Usage(5, 25, 2, 10)
    assert recount.differences() == []
    assert expiry.expire().files == 0


def test_a_run_reads_only_what_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    expired()
    monkeypatch.setattr(StoredFile, "scan", lambda *a, **k: pytest.fail("a scan"))
    query, shards = StoredFile.by_expiry.query, []

    def note(shard: str, *args: Any, **kwargs: Any) -> Any:
        shards.append(shard)
        return query(shard, *args, **kwargs)

    monkeypatch.setattr(StoredFile.by_expiry, "query", note)
    assert expiry.expire().files == 1
    assert shards == list(keys.SHARDS)


def test_a_restored_file_that_had_expired_is_kept() -> None:
    over, other = expired(), kept()
    expiry.expire()
    trash.move_to_trash([other], ME)
    trash.restore([over, other], ME)
    assert expiry.expire().files == 0
    assert states(over, other) == ["stored", "stored"]
    assert StoredFile.get(over).kept_until is None
    assert StoredFile.get(other).kept_shard is not None


def test_without_a_trash_expired_files_are_deleted(settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"TRASH_DAYS": 0}
    over, other = expired(), kept()
    assert expiry.expire().files == 1
    assert (s3.head(over), s3.head(other) is not None) == (None, True)
    removal(over, 9)
    assert states(over) == ["deleted"]
    assert expiry.expire().files == 0
    assert recount.differences() == []


def test_changes_and_late_events_do_not_prolong_it() -> None:
    upload_id = kept()
    until = StoredFile.get(upload_id).kept_until
    moves.update(upload_id, ME, file_name="b.txt", folder="A", tags=["x"])
    confirm.confirm(upload_id)
    confirm.check(upload_id)
    record = StoredFile.get(upload_id)
    assert (record.kept_until, record.kept_shard) == (until, keys.shard(upload_id))


def test_a_run_without_time_is_continued_by_another_task(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [expired() for _ in range(3)]
    monkeypatch.setattr(expiry, "BATCH", 1)
    monkeypatch.setattr(expiry, "BUDGET", timedelta(0))
    monkeypatch.setattr(expiry.expire, "__kwdefaults__", {"budget": timedelta(0)})
    sent: list[Any] = []
    monkeypatch.setattr(tasks, "send", lambda task, *args: sent.append(task))
    rounds = 0
    tasks.expire_files()
    while sent:
        sent.pop()()
        rounds += 1
    assert (states(*ids), rounds) == (["trashed"] * 3, 3)
