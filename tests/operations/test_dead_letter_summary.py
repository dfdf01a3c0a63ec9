"""The summary of a dead letter, however hostile its body is."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

import pytest

from tests.support.dead_letters import (
    BUCKET,
    HOSTILE,
    KEY,
    UPLOAD_ID,
    celery_body,
    s3_record,
    send_dead_letter,
)
from tests.support.local_aws import drain
from uploads.core.conf import conf
from uploads.core.reasons import Reason
from uploads.ingest import tasks
from uploads.ingest.events import ObjectEvent
from uploads.operations import dead_letter_summary, queue_status
from uploads.templatetags.formatting import sentences

ENVELOPES = {
    "S3": json.dumps({"Records": [s3_record()]}),
    "SNS": json.dumps({"Type": "Notification", "Message": json.dumps({"Records": [s3_record()]})}),
}


@pytest.mark.parametrize("body", ENVELOPES.values(), ids=ENVELOPES.keys())
def test_the_summary_of_an_event_has_its_name_bucket_and_key(body: str) -> None:
    summary = dead_letter_summary.read_event(body, BUCKET)
    assert summary.title == "ObjectCreated:Put"
    assert summary.objects == (
        dead_letter_summary.ObjectRef("ObjectCreated:Put", BUCKET, "uploads/a b+c"),
    )
    assert summary.problems == ()


def test_the_summary_of_an_eventbridge_event_has_the_same() -> None:
    body = {
        "detail-type": "Object Created",
        "source": "aws.s3",
        "detail": {"bucket": {"name": BUCKET}, "object": {"key": "uploads/a+b"}},
    }
    summary = dead_letter_summary.read_event(json.dumps(body), BUCKET)
    assert summary.objects == (
        dead_letter_summary.ObjectRef("Object Created", BUCKET, "uploads/a+b"),
    )


def test_the_summary_of_a_broken_record_has_its_content_and_its_problem() -> None:
    record = {"eventName": "s3:ObjectCreated:Put", "s3": {"bucket": {"name": BUCKET}}}
    summary = dead_letter_summary.read_event(json.dumps({"Records": [record]}), BUCKET)
    assert summary.objects == (dead_letter_summary.ObjectRef("ObjectCreated:Put", BUCKET, ""),)
    assert Reason("field_missing", {"field": "s3.object.key", "record": 0}) in summary.problems


def test_the_summary_of_many_objects_lists_some_and_counts_the_rest() -> None:
    body = json.dumps({"Records": [s3_record(f"uploads/{n}") for n in range(50)]})
    summary = dead_letter_summary.read_event(body, BUCKET)
    assert (len(summary.objects), summary.more) == (20, 30)


def test_the_summary_of_a_task_has_its_name_and_objects() -> None:
    event = {"kind": "removed", "upload_id": UPLOAD_ID, "sequencer": "1"}
    summary = dead_letter_summary.read_task(celery_body([[event]]), BUCKET)
    assert (summary.title, summary.task_id) == ("uploads.tasks.confirm_objects", "t-1")
    assert summary.objects == (dead_letter_summary.ObjectRef("removed", BUCKET, KEY),)
    assert UPLOAD_ID in summary.text


def test_a_hint_has_one_object_and_a_reconciliation_has_none() -> None:
    hint = dead_letter_summary.read_task(celery_body([UPLOAD_ID]), BUCKET)
    assert hint.objects == (dead_letter_summary.ObjectRef("", BUCKET, KEY),)
    assert dead_letter_summary.read_task(celery_body([]), BUCKET).objects == ()


def test_a_task_for_thumbnails_has_the_objects_of_its_files() -> None:
    body = celery_body([[UPLOAD_ID, 7, "x"]], "uploads.tasks.make_thumbnails")
    summary = dead_letter_summary.read_task(body, BUCKET)
    assert summary.objects == (dead_letter_summary.ObjectRef("", BUCKET, KEY),)


@pytest.mark.usefixtures("aws")
def test_a_task_queued_by_celery_can_be_read() -> None:
    tasks.enqueue([ObjectEvent("created", UPLOAD_ID, "A" * 64)])
    (message,) = drain(conf().tasks_queue)
    summary = dead_letter_summary.read_task(message["Body"], BUCKET)
    assert summary.title == "uploads.tasks.confirm_objects"
    assert summary.objects == (dead_letter_summary.ObjectRef("created", BUCKET, KEY),)
    assert uuid.UUID(summary.task_id)
    assert summary.problems == ()


@pytest.mark.parametrize("read", [dead_letter_summary.read_event, dead_letter_summary.read_task])
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_dead_letter_can_be_shown(
    read: Callable[[str, str], dead_letter_summary.Summary], body: str
) -> None:
    summary = read(body, BUCKET)
    shown = [summary.title, sentences(summary.problems[:1]), summary.task_id]
    shown += [part for ref in summary.objects for part in (ref.event, ref.bucket, ref.key)]
    assert all(len(text) <= 301 and (text.isprintable() or not text) for text in shown[1:])
    assert len(summary.title) <= 301 * 20
    assert len(summary.text) <= 8_001
    "".join([*shown, summary.text]).encode()
    assert "\x00" not in summary.text


def test_an_unreadable_body_shows_its_beginning() -> None:
    summary = dead_letter_summary.read_event("lorem " * 500, BUCKET)
    assert summary.text == ("lorem " * 500)[:500] + "…"
    assert summary.problems == (Reason("not_json"),)


def test_a_task_with_an_invalid_id_is_not_looked_up() -> None:
    assert dead_letter_summary.read_task(celery_body([], task_id="x" * 5000), BUCKET).task_id == ""


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("kind", queue_status.KINDS)
def test_hostile_dead_letters_do_not_hide_each_other(kind: queue_status.Kind) -> None:
    sendable = [body for body in HOSTILE.values() if 0 < len(body) < 1_000_000]
    for body in sendable:
        send_dead_letter(body, queue_status.queue_name(kind))
    assert len(queue_status.list_dead_letters(kind).letters) == len(sendable)
