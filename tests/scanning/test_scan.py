"""From the object to the verdict, with a scanner that dies, stalls and answers late."""

from __future__ import annotations

import base64
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from tests.support.clamd import FakeClamd, die
from tests.support.files import upload
from tests.support.local_aws import arguments, drain
from tests.support.records import tamper
from tests.thumbnails.helpers import PNG, created, put_object, record
from uploads.aws import s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.errors import FileNotFound
from uploads.files import quarantine, queries, trash, usage
from uploads.files.batches import Actor
from uploads.files.listing import FileFilter, find
from uploads.files.record import StoredFile
from uploads.files.usage import Usage
from uploads.ingest import confirm, scans
from uploads.ingest.reconciliation import comparison
from uploads.scanning.clamd import EICAR
from uploads.scanning.errors import ScannerUnavailable

pytestmark = pytest.mark.usefixtures("aws", "scanning")

OWNER = "7"
OPERATOR = Actor("1", None)


def scanning_file(body: bytes = b"hello", type_: str = "text/plain") -> str:
    upload_id = upload(OWNER, "a file", body, type_)
    assert confirm.apply_event(created(upload_id)) == "scanning"
    return upload_id


def queued() -> list[tuple[str, list[str]]]:
    """Receive the low-priority tasks; return the name and the files of each."""
    return sorted(
        (_name(message), arguments(message["Body"])[0]) for message in drain(conf().low_queue)
    )


def _name(message: Any) -> str:
    return str(json.loads(base64.b64decode(message["Body"]))["headers"]["task"])


def listed(state: Any) -> list[str]:
    return [info.id for info in queries.files_of(OWNER, limit=10, state=state).files]


def status(upload_id: str) -> tuple[str, str]:
    found = queries.upload_status(upload_id, OWNER)
    return found.state, found.reason.code


def test_a_file_is_available_after_its_verdict_only() -> None:
    upload_id = scanning_file(PNG, "image/png")
    assert queued() == [("uploads.tasks.scan_objects", [upload_id])]
    assert status(upload_id) == ("scanning", "")
    assert (listed("stored"), listed("scanning")) == ([], [upload_id])
    with pytest.raises(FileNotFound):
        queries.stored_file(upload_id, OWNER)
    assert usage.of_owner(OWNER) == Usage(1, len(PNG), held_files=1, held_bytes=len(PNG))
    # It takes room, but the totals of lists do not count it.
    assert usage.of_owner(OWNER).stored == Usage()

    assert scans.scan(upload_id) == "stored"

    assert status(upload_id) == ("stored", "")
    assert (listed("stored"), listed("scanning")) == ([upload_id], [])
    found = queries.stored_file(upload_id, OWNER)
    assert (found.malware, found.scanner) == ("clean", "ClamAV 1.4.3/27800/today")
    # The thumbnail is made only now.
    assert queued() == [("uploads.tasks.make_thumbnails", [upload_id])]
    assert usage.of_owner(OWNER) == Usage(1, len(PNG))


def test_malware_goes_into_quarantine_and_operators_decide() -> None:
    upload_id = scanning_file(b"x" * 10_000 + EICAR)
    assert scans.scan(upload_id) == "quarantined"
    assert status(upload_id) == ("rejected", "malware")
    assert (listed("stored"), listed("rejected")) == ([], [upload_id])
    in_quarantine = FileFilter(state="quarantined", owner=OWNER)
    assert [info.id for info in find(in_quarantine, limit=5).files] == [upload_id]
    assert s3.head(upload_id) is not None
    for refused in (trash.move_to_trash, trash.restore, quarantine.release):
        (result,) = refused([upload_id], Actor(OWNER, "8"))
        assert isinstance(result.error, FileNotFound)

    # A second check finds it again, and the operator releases it.
    assert quarantine.check_again([upload_id], OPERATOR)[0].error is None
    assert status(upload_id) == ("scanning", "")
    assert scans.scan(upload_id) == "quarantined"
    assert quarantine.release([upload_id], OPERATOR)[0].error is None
    assert status(upload_id) == ("stored", "")
    assert record(upload_id).malware == "released"
    # It stays released: neither an event nor a check takes it back.
    assert confirm.apply_event(created(upload_id, 9)) == "stored"
    assert scans.scan(upload_id) == "unchanged"
    assert status(upload_id) == ("stored", "")


def test_malware_is_deleted_if_that_is_the_policy(scanning: Settings) -> None:
    scanning.FILEHUB = {**scanning.FILEHUB, "SCAN_INFECTED": "delete"}
    upload_id = scanning_file(EICAR)
    assert scans.scan(upload_id) == "rejected"
    assert status(upload_id) == ("rejected", "malware")
    assert s3.head(upload_id) is None
    assert usage.of_owner(OWNER) == Usage()


def test_an_owner_may_delete_what_is_in_quarantine() -> None:
    upload_id = scanning_file(EICAR)
    scans.scan(upload_id)
    assert trash.delete([upload_id], Actor(OWNER, OWNER))[0].error is None
    assert s3.head(upload_id) is None


@pytest.mark.parametrize("fault", ["dies", "stalls"])
def test_a_scanner_that_fails_decides_nothing(clamd: FakeClamd, fault: str) -> None:
    upload_id = scanning_file(EICAR)
    if fault == "dies":
        clamd.answer = die
    else:
        clamd.may_answer.clear()
    with pytest.raises(ScannerUnavailable):
        scans.scan(upload_id, deadline=_soon())
    assert status(upload_id) == ("scanning", "")
    # The task leaves it to the sweep, so that an outage makes no dead letters.
    if fault == "dies":
        assert scans.scan_until_late([upload_id]) == scans.Remaining()


def _soon() -> float:
    return time.monotonic() + 0.5


def test_a_verdict_about_an_object_that_was_replaced_is_ignored(clamd: FakeClamd) -> None:
    """It lies late: the file is replaced by malware while the scanner says that it is clean."""
    upload_id = scanning_file(b"hello")
    clamd.may_answer.clear()
    outcomes: list[str] = []
    thread = threading.Thread(target=lambda: outcomes.append(scans.scan(upload_id)))
    thread.start()
    assert clamd.has_read.wait(60)
    put_object(upload_id, EICAR, "text/plain")
    assert confirm.apply_event(created(upload_id, 2)) == "scanning"
    clamd.may_answer.set()
    thread.join(20)
    assert outcomes == ["unchanged"]
    assert status(upload_id) == ("scanning", "")
    assert scans.scan(upload_id) == "quarantined"


def test_a_lost_task_is_queued_again_and_a_scanner_that_stays_away_is_not_waited_for() -> None:
    upload_id, recent = scanning_file(), scanning_file()
    drain(conf().low_queue)
    assert scans.sweep() == scans.Swept()
    _age(upload_id, timedelta(minutes=5))
    assert scans.sweep() == scans.Swept(queued=1)
    assert queued() == [("uploads.tasks.scan_objects", [upload_id])]
    _age(upload_id, timedelta(hours=25))
    assert scans.sweep() == scans.Swept(expired=1)
    assert status(upload_id) == ("rejected", "scan_unavailable")
    assert record(upload_id).state == "quarantined"
    assert status(recent) == ("scanning", "")


def test_nothing_is_queued_while_the_scanner_is_away(scanning: Settings) -> None:
    scanning.FILEHUB = {**scanning.FILEHUB, "CLAMD": "tcp://127.0.0.1:1"}
    upload_id = scanning_file()
    drain(conf().low_queue)
    _age(upload_id, timedelta(minutes=5))
    assert scans.sweep() == scans.Swept()
    assert queued() == []


def test_reconciliation_agrees_with_files_that_wait_and_that_are_in_quarantine() -> None:
    waiting, infected = scanning_file(), scanning_file(EICAR)
    scans.scan(infected)
    for upload_id in (waiting, infected):
        shard = keys.shard(upload_id)
        (pair,) = [p for p in comparison.compare(shard, after="0", until="g") if p.id == upload_id]
        assert pair.agrees
        assert confirm.check(upload_id) == "consistent"
    assert status(waiting) == ("scanning", "")
    assert record(infected).state == "quarantined"


def _age(upload_id: str, by: timedelta) -> None:
    """Make a file as old as this, for the index too."""
    tamper(upload_id, StoredFile.confirmed_at.set(datetime.now(UTC) - by))
