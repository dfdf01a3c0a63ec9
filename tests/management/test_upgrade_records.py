"""`manage.py upgrade_records` writes what records of earlier versions lack."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.support.files import removal, store, upload
from tests.support.records import tamper
from uploads.files import browse, queries, recount, trash, upgrade, usage
from uploads.files.batches import Actor
from uploads.files.record import StoredFile
from uploads.files.usage import Counter
from uploads.ingest import confirm

pytestmark = pytest.mark.usefixtures("aws")

OWNER = "7"


def run(*arguments: object) -> str:
    out = StringIO()
    call_command("upgrade_records", *map(str, arguments), stdout=out, stderr=StringIO())
    return out.getvalue()


def old(name: str = "Übersicht.txt") -> str:
    """A file as an earlier version recorded it: with another form of its name, and no folder."""
    upload_id = store(OWNER, name)
    tamper(upload_id, StoredFile.folder_feed.remove(), StoredFile.name_key.set(name.lower()))
    return upload_id


def listed() -> list[str]:
    return [file.id for file in browse.contents(OWNER, "", limit=100).files]


def counters() -> dict[str, Any]:
    return {item.id: item.attribute_values for item in Counter.scan(Counter.files.exists())}


def test_old_files_are_in_the_root_afterwards_and_counters_are_untouched() -> None:
    ids = [old(), old("a.txt"), store(OWNER)]
    gone = store(OWNER)
    removal(gone, 9)
    assert listed() == [ids[2]]
    before, versions = counters(), usage.changes_of(OWNER)
    assert "4 records read, 2 were written" in run()
    assert listed() == ids[::-1]
    assert StoredFile.get(ids[0]).name_key == "ubersicht.txt"
    assert counters() == before
    assert usage.changes_of(OWNER) == versions
    assert recount.differences() == []
    assert ", 0 were written" in run()


def test_old_rejected_files_are_in_their_owners_list_afterwards() -> None:
    upload_id = upload(OWNER, "a.png", b"<html>", "image/png")
    assert confirm.confirm(upload_id) == "rejected"
    tamper(upload_id, StoredFile.owner_feed.remove())
    before = usage.changes_of(OWNER)
    assert "1 were written" in run()
    files = queries.files_of(OWNER, limit=9, state="rejected").files
    assert [file.id for file in files] == [upload_id]
    assert usage.changes_of(OWNER) == before + 1
    assert recount.differences() == []
    assert ", 0 were written" in run()


def test_files_in_the_trash_are_up_to_date() -> None:
    upload_id = store(OWNER, folder="A")
    trash.move_to_trash([upload_id], Actor(OWNER, OWNER))
    assert ", 0 were written" in run()


def test_a_dry_run_changes_nothing() -> None:
    old()
    assert "1 are outdated" in run("--dry-run")
    assert listed() == []


def test_it_stops_at_the_limit_and_continues_where_it_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upgrade, "BATCH_SIZE", 2)
    ids = [old(f"{number}") for number in range(5)]
    output, runs = run("--limit", 1), 1
    while match := re.search(r"Continue with --after (\S+)", output):
        output, runs = run("--limit", 1, "--after", match[1]), runs + 1
    assert runs == 4
    assert sorted(listed()) == sorted(ids)


def test_a_record_that_changes_meanwhile_is_left_to_the_next_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload_id = old()
    change = upgrade._change

    def changed_meanwhile(record: StoredFile) -> Any:
        tamper(upload_id, StoredFile.version.add(1))
        return change(record)

    monkeypatch.setattr(upgrade, "_change", changed_meanwhile)
    with pytest.raises(CommandError, match="1 records could not be written"):
        run()
    monkeypatch.undo()
    assert "1 were written" in run()


@pytest.mark.parametrize("arguments", [("--after", "x"), ("--limit", 0), ("--after", "folder#7/A")])
def test_wrong_options_are_refused(arguments: tuple[object, ...]) -> None:
    with pytest.raises(CommandError):
        run(*arguments)
