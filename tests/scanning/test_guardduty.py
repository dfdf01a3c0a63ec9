"""Results of GuardDuty, from the events queue to the record, in any order and more than once."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from tests.support.files import put_under, upload
from tests.support.guardduty import FakeGuardDuty, scan_result
from tests.support.local_aws import arguments, drain
from tests.support.processes import consumer, worker
from tests.support.records import tamper
from tests.support.waiting import wait_for
from tests.thumbnails.helpers import created, put_object, record
from uploads.aws import clients, s3, sqs
from uploads.core import keys
from uploads.core.conf import conf
from uploads.files import quarantine, queries, usage
from uploads.files.batches import Actor
from uploads.files.record import StoredFile
from uploads.ingest import confirm, scans
from uploads.ingest.consumer import Consumer
from uploads.ingest.scan_tasks import apply_scan_results
from uploads.scanning.errors import ScannerUnavailable
from uploads.worker.app import app

OWNER = "7"
OPERATOR = Actor("1", None)

pytestmark = pytest.mark.usefixtures("aws", "guardduty")


def status(upload_id: str) -> tuple[str, str]:
    found = queries.upload_status(upload_id, OWNER)
    return found.state, found.reason.code


def unrecorded(body: bytes = b"hello") -> str:
    """An object whose event has not been applied."""
    upload_id = upload(OWNER, "a file", body)
    lose_an_event()
    return upload_id


def lose_an_event() -> None:
    """S3 sends its events a moment later; these tests decide when they arrive."""
    wait_for(lambda: drain(conf().events_queue))


def waiting(body: bytes = b"hello") -> str:
    upload_id = unrecorded(body)
    assert confirm.apply_event(created(upload_id)) == "scanning"
    return upload_id


def deliver(*events: dict[str, Any]) -> None:
    """Put events into the events queue, run the consumer, and then the tasks that it has queued."""
    for event in events:
        clients.sqs().send_message(
            QueueUrl=sqs.url(conf().events_queue), MessageBody=json.dumps(event)
        )
    for _ in events:
        Consumer().step()
        if not sqs.depth(conf().events_queue).total:
            break
    run_tasks()


def run_tasks() -> None:
    for message in drain(django_settings.CELERY_TASK_DEFAULT_QUEUE):
        name = json.loads(base64.b64decode(message["Body"]))["headers"]["task"]
        app.tasks[name].run(*arguments(message["Body"]))


#: Result -> the state of the file, the reason that users see, and what the record says.
OUTCOMES = {
    "NO_THREATS_FOUND": ("stored", "", "clean"),
    "THREATS_FOUND": ("rejected", "malware", "infected"),
    "UNSUPPORTED": ("rejected", "scan_encrypted", "unknown"),
    # These say nothing about the file, which waits as if the scanner were away.
    "ACCESS_DENIED": ("scanning", "", "pending"),
    "FAILED": ("scanning", "", "pending"),
}


@pytest.mark.parametrize(("result", "expected"), OUTCOMES.items(), ids=OUTCOMES)
def test_each_result_in_any_order_and_twice(result: str, expected: tuple[str, str, str]) -> None:
    usual, early, both = waiting(), unrecorded(), unrecorded()
    # The result of one comes before its event only, that of another before and after.
    deliver(*(scan_result(upload_id, result) for upload_id in (usual, early, both, early)))
    for upload_id in (early, both):
        confirm.apply_event(created(upload_id))
    deliver(scan_result(usual, result), scan_result(both, result))
    confirm.apply_event(created(both, 2))
    for upload_id in (usual, early, both):
        assert (*status(upload_id), record(upload_id).malware) == expected, upload_id
        assert s3.head(upload_id) is not None
    assert usage.of_owner(OWNER).files == 3


def test_the_names_of_threats_and_other_reasons_are_kept() -> None:
    infected, archived = waiting(), waiting()
    reasons = ["UNSUPPORTED_STORAGE_CLASS"]
    deliver(
        scan_result(infected, "THREATS_FOUND"),
        scan_result(archived, "UNSUPPORTED", reasons=reasons),
    )
    found = queries.any_file(infected)
    assert found is not None
    assert found.reason.parameters == {"signature": "EICAR-Test-File (not a virus)"}
    assert found.scanner == "Amazon GuardDuty"
    assert status(archived) == ("rejected", "scan_unsupported")


def test_a_result_about_an_object_that_was_replaced_is_ignored() -> None:
    upload_id = waiting(b"hello")
    about_the_first = scan_result(upload_id, "NO_THREATS_FOUND")
    put_object(upload_id, b"something else", "text/plain")
    lose_an_event()
    # Both before the event of the second object.
    deliver(about_the_first, scan_result(upload_id, "THREATS_FOUND"), about_the_first)
    assert status(upload_id) == ("rejected", "malware")
    confirm.apply_event(created(upload_id, 2))
    deliver(about_the_first)
    assert status(upload_id) == ("rejected", "malware")


def test_a_result_about_an_object_that_is_gone_records_nothing() -> None:
    upload_id = unrecorded()
    event = scan_result(upload_id, "NO_THREATS_FOUND")
    s3.delete(upload_id)
    lose_an_event()
    deliver(event)
    assert queries.any_file(upload_id) is None


def test_results_of_others_are_ignored_and_damaged_ones_become_dead_letters() -> None:
    upload_id = waiting()
    foreign = [
        scan_result(upload_id, "NO_THREATS_FOUND", bucket="another-bucket"),
        scan_result(upload_id, "NO_THREATS_FOUND", key="malware-protection-resource-validation"),
        scan_result(upload_id, "NO_THREATS_FOUND", etag="of another object"),
        {**scan_result(upload_id, "NO_THREATS_FOUND"), "source": "com.example"},
        {**scan_result(upload_id, "NO_THREATS_FOUND"), "detail-type": "GuardDuty Finding"},
    ]
    deliver(*foreign)
    assert status(upload_id) == ("scanning", "")
    dead = sqs.dead_letter_queue(conf().events_queue)
    assert drain(dead) == []
    no_etag = scan_result(upload_id, "NO_THREATS_FOUND", etag='""')
    no_time = {**scan_result(upload_id, "NO_THREATS_FOUND"), "time": "yesterday"}
    no_details = {**scan_result(upload_id, "NO_THREATS_FOUND"), "detail": {}}
    damaged = [no_etag, no_time, no_details, scan_result(upload_id, "PROBABLY_FINE")]
    deliver(*damaged)
    assert status(upload_id) == ("scanning", "")
    assert len(drain(dead)) == len(damaged)


def test_results_do_not_count_while_another_scanner_is_used(settings: Settings) -> None:
    settings.FILEHUB = {**settings.FILEHUB, "SCAN": "clamd", "CLAMD": "tcp://127.0.0.1:1"}
    upload_id = waiting()
    deliver(scan_result(upload_id, "NO_THREATS_FOUND"))
    assert status(upload_id) == ("scanning", "")


def test_a_result_that_cannot_be_applied_yet_is_retried(settings: Settings) -> None:
    """An upload of days whose owner has no room: only its event may decide about it."""
    upload_id = keys._make(1_700_000_000_000, OWNER, "secret")
    put_under(upload_id, OWNER, b"hello")
    lose_an_event()
    good = waiting()
    settings.FILEHUB = {**settings.FILEHUB, "USER_QUOTA": 1}
    results = [scan_result(key, "NO_THREATS_FOUND") for key in (upload_id, good)]
    deliver(*results)
    assert status(good) == ("stored", "")
    assert queries.any_file(upload_id) is None
    # The other one did not succeed, and is now alone.
    (message,) = drain(django_settings.CELERY_TASK_DEFAULT_QUEUE)
    (fields,) = arguments(message["Body"])[0]
    assert fields["upload_id"] == upload_id
    with pytest.raises(Exception, match="not recorded yet"):
        apply_scan_results.run([fields])


def test_no_task_is_queued_for_new_files_and_operators_may_ask_again(
    guardduty: FakeGuardDuty,
) -> None:
    infected = waiting()
    assert drain(conf().low_queue) == []
    deliver(scan_result(infected, "THREATS_FOUND"))
    old = scan_result(infected, "NO_THREATS_FOUND", time=datetime.now(UTC) - timedelta(hours=1))
    assert quarantine.check_again([infected], OPERATOR)[0].error is None
    assert scans.scan(infected) == "requested"
    assert guardduty.asked == [keys.object_key(infected)]
    # What GuardDuty said before it was asked is no answer.
    deliver(old)
    assert status(infected) == ("scanning", "")
    deliver(scan_result(infected, "NO_THREATS_FOUND", time=_soon()))
    assert status(infected) == ("stored", "")
    guardduty.refuses = True
    with pytest.raises(ScannerUnavailable):
        scans.scan(infected)


def test_malware_that_is_found_later_makes_a_stored_file_unavailable() -> None:
    upload_id = waiting()
    deliver(scan_result(upload_id, "NO_THREATS_FOUND"))
    deliver(scan_result(upload_id, "THREATS_FOUND", time=_soon()))
    assert status(upload_id) == ("rejected", "malware")


def _soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=5)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(minutes=29), scans.Swept()),
        (timedelta(minutes=30, seconds=10), scans.Swept(queued=1)),
        (timedelta(minutes=45), scans.Swept()),
        (timedelta(minutes=60, seconds=10), scans.Swept(queued=1)),
        (timedelta(hours=24, seconds=90), scans.Swept(expired=1)),
    ],
)
def test_guardduty_is_asked_again_about_files_without_a_result_until_their_time_is_over(
    age: timedelta, expected: scans.Swept
) -> None:
    upload_id = waiting()
    tamper(upload_id, StoredFile.confirmed_at.set(datetime.now(UTC) - age))
    assert scans.sweep() == expected
    is_held = status(upload_id) == ("rejected", "scan_unavailable")
    assert is_held == bool(expected.expired)


@pytest.mark.exhaustive
@pytest.mark.usefixtures("own_queues")
def test_real_processes_apply_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FILEHUB_SCAN", "guardduty")
    monkeypatch.setenv("FILEHUB_HEALTH_DIR", str(tmp_path / "health"))
    with consumer(tmp_path), worker(tmp_path):
        ids = [upload(OWNER, result) for result in OUTCOMES]
        for upload_id, result in zip(ids, OUTCOMES, strict=True):
            for _ in range(2):
                body = json.dumps(scan_result(upload_id, result))
                clients.sqs().send_message(QueueUrl=sqs.url(conf().events_queue), MessageBody=body)
        expected = [(state, reason) for state, reason, _ in OUTCOMES.values()]
        wait_for(lambda: [status(upload_id) for upload_id in ids] == expected)
