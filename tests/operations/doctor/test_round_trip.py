"""The round trip of a test file, and where it got stuck."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from local.aws import LocalAws
from tests.operations.doctor.helpers import events, notify, objects, queue_url, round_trip, tasks
from tests.support.files import store, upload
from tests.support.policies import client
from tests.support.records import tamper
from tests.support.waiting import wait_for
from uploads.aws import s3, sqs, thumbnails
from uploads.core import keys
from uploads.core.conf import Conf
from uploads.files.record import StoredFile
from uploads.ingest import confirm
from uploads.ingest.consumer import Consumer
from uploads.operations import doctor
from uploads.operations.doctor import (
    roundtrip,
)


def test_without_a_consumer_waiting_messages_are_reported(installed: Conf) -> None:
    # S3 may take longer than this test waits.
    client("sqs").send_message(QueueUrl=queue_url(events()), MessageBody="an event")
    finding = round_trip()
    assert finding.level == "FAIL"
    assert f"wait in {events()}" in finding.text
    assert "consume_events" in finding.fix
    assert objects() == []


def test_without_a_notification_no_event_arrives(own_queues: None) -> None:
    notify(None)
    finding = round_trip()
    assert (finding.level, "no event arrived" in finding.text) == ("FAIL", True)
    assert objects() == []


def test_without_a_worker_waiting_tasks_are_reported(aws: LocalAws) -> None:
    before = roundtrip.depths()
    upload("7")
    wait_for(lambda: Consumer().step())
    where, advice = roundtrip.locate(before, roundtrip.depths())
    assert tasks() in where
    assert "worker" in advice


def test_new_dead_letters_are_reported_first(aws: LocalAws) -> None:
    before = roundtrip.depths()
    upload("7")
    sqs.send_to_dead_letter_queue(tasks(), "{}", "why")
    where, advice = roundtrip.locate(before, roundtrip.depths())
    assert where.startswith(f"{tasks()}-dlq grew")
    assert "redrive --queue tasks" in advice


def test_a_record_that_only_reconciliation_wrote_is_a_failure(
    installed: Conf, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = doctor.RoundTrip._put

    def put_and_confirm(self: Any, request: s3.SignedRequest, body: bytes) -> int:
        done = put(self, request, body)
        (key,) = objects()
        confirm.confirm(key.rpartition("/")[2])
        return done

    monkeypatch.setattr(doctor.RoundTrip, "_put", put_and_confirm)
    finding = round_trip()
    assert (finding.level, "without an event" in finding.text) == ("FAIL", True)
    assert objects() == []


def test_a_refused_put_reports_the_reason(installed: Conf, settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"BUCKET": "no-such-bucket"}
    finding = round_trip()
    assert finding.level == "FAIL"
    assert "PUT refused: 404 NoSuchBucket" in finding.text


@pytest.mark.parametrize("moment", ["before the PUT", "while it is refused", "while it waits"])
def test_a_round_trip_that_is_stopped_says_so_and_leaves_no_file(
    installed: Conf, settings: Settings, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    round_trip = doctor.RoundTrip(60)
    if moment == "before the PUT":
        round_trip.stop()
    else:
        put = doctor.RoundTrip._put

        def put_and_stop(self: Any, request: s3.SignedRequest, body: bytes) -> int:
            self.stop()
            if moment == "while it is refused":
                request = replace(request, url=request.url.partition("?")[0])  # not signed
            return put(self, request, body)

        monkeypatch.setattr(doctor.RoundTrip, "_put", put_and_stop)
    with pytest.raises(KeyboardInterrupt):
        round_trip.run()
    assert objects() == []


def test_leftovers_of_a_killed_run_are_removed(
    installed: Conf, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = store(roundtrip.OWNER)
    monkeypatch.setattr(roundtrip, "LEFTOVER_AGE", timedelta(0))
    round_trip()
    assert keys.object_key(left) not in objects()


def recorded(thumbnail: str | None) -> StoredFile:
    """The record of the test file, with this thumbnail noted."""
    upload_id = upload(roundtrip.OWNER, roundtrip.IMAGE_NAME, roundtrip.IMAGE, "image/png")
    confirm.confirm(upload_id)
    if thumbnail:
        tamper(upload_id, StoredFile.thumbnail.set(thumbnail))
    return StoredFile.get(upload_id)


#: What the record says of the thumbnail, whether there is one, and what is reported.
THUMBNAILS = {
    "not made": (None, False, "no thumbnail was made"),
    "cannot be made": ("none", False, "no thumbnail could be made"),
    "made": ("1x1", True, None),
    "not readable": ("1x1", False, "the thumbnail is refused: 404"),
}


@pytest.mark.parametrize("case", THUMBNAILS)
def test_the_test_file_needs_a_thumbnail(aws: LocalAws, case: str) -> None:
    noted, is_stored, problem = THUMBNAILS[case]
    record = recorded(noted)
    if is_stored:
        thumbnails.store(record.id, b"RIFF")
    trip = doctor.RoundTrip(0)
    trip._check_thumbnail(record)
    assert [finding.level for finding in trip.findings] == (["FAIL"] if problem else [])
    assert all(problem and problem in finding.text for finding in trip.findings)


def test_a_text_needs_no_thumbnail(aws: LocalAws) -> None:
    trip = doctor.RoundTrip(0)
    trip._check_thumbnail(StoredFile.get(store("7")))
    assert trip.findings == []


@pytest.mark.parametrize(
    ("changes", "type_"),
    [
        ({}, "image/png"), ({"THUMBNAILS": "off"}, "text/plain"), ({"MAX_SIZE": 5}, "text/plain"),
        ({"ALLOWED_TYPES": ("text/*",)}, "text/plain"),
        ({"ALLOWED_TYPES": ("image/*",)}, "image/png"),
    ],
)  # fmt: skip
def test_the_test_file_is_an_image_if_that_has_a_thumbnail(
    settings: Settings, changes: dict[str, Any], type_: str
) -> None:
    settings.FILEHUB = settings.FILEHUB | changes
    _name, sent, body = roundtrip._test_file()
    assert sent == type_
    assert len(body) <= changes.get("MAX_SIZE", 100)


@pytest.mark.parametrize(
    ("allowed", "sent"),
    [(("*",), "text/plain"), (("image/*",), "image/x-filehub-doctor"), (("a/b",), "a/b")],
)
def test_the_test_file_has_an_allowed_type(allowed: tuple[str, ...], sent: str) -> None:
    assert roundtrip._content_type(allowed) == sent
