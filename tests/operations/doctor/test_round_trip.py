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
from tests.support.waiting import wait_for
from uploads.aws import s3, sqs
from uploads.core import keys
from uploads.core.conf import Conf
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


@pytest.mark.parametrize(
    ("allowed", "sent"),
    [(("*",), "text/plain"), (("image/*",), "image/x-filehub-doctor"), (("a/b",), "a/b")],
)
def test_the_test_file_has_an_allowed_type(allowed: tuple[str, ...], sent: str) -> None:
    assert roundtrip._content_type(allowed) == sent
