"""Events are written with the records, and published at least once."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import pytest
import time_machine
from django.db import OperationalError

from tests.chaos.crash_points import ChildRunner, CrashPoint
from tests.integrations.helpers import outbox_ids, publish_all
from tests.support.files import removal, store, upload
from tests.support.local_aws import arguments, drain
from tests.support.webhook_receiver import Receiver
from uploads.aws import s3
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.files import moves, outbox
from uploads.files import store as files
from uploads.files.batches import Actor
from uploads.files.record import Change, changed
from uploads.ingest import confirm, tasks
from uploads.ingest.events import ObjectEvent
from uploads.integrations import publish
from uploads.integrations.webhooks import deliver, deliveries
from uploads.models import WebhookDelivery, WebhookEndpoint

pytestmark = pytest.mark.usefixtures("aws")

OWNER = "7"


def told(upload_id: str) -> list[str]:
    """The types of the events of a file, in order."""
    rows = WebhookDelivery.objects.filter(file_id=upload_id).order_by("sequence")
    return list(rows.values_list("type", flat=True))


def rename(upload_id: str) -> None:
    moves.update(upload_id, Actor(OWNER, OWNER), file_name="b.txt")


def test_without_endpoints_and_receivers_nothing_is_written(db: None) -> None:
    store(OWNER)
    assert outbox_ids() == []


def test_what_happens_to_a_file_is_told_in_order(
    endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    upload_id = store(OWNER)
    rename(upload_id)
    removal(upload_id, 9)
    # Each is announced with a task.
    queued = [arguments(message["Body"]) for message in drain(conf().tasks_queue)]
    assert sorted(item for (ids,) in queued for item in ids) == sorted(outbox_ids())
    publish_all()
    assert outbox_ids() == []
    deliver.deliver(endpoint.pk)
    assert receiver.types == ["file.stored", "file.renamed", "file.deleted"]
    renamed = receiver.received[1][1]["data"]
    assert (renamed["file_name"], renamed["previous"]["file_name"]) == ("b.txt", "a.txt")
    assert receiver.received[2][1]["data"]["state"] == "deleted"


def test_a_rename_that_is_published_first_waits_for_the_rest(
    endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    upload_id = store(OWNER)
    rename(upload_id)
    newest = max(outbox_ids())
    publish.publish([newest])
    assert told(upload_id) == ["file.renamed"]
    deliver.deliver(endpoint.pk)
    publish_all()
    with time_machine.travel(datetime.now(UTC) + deliveries.HELD, tick=True):
        deliver.deliver(endpoint.pk)
    assert receiver.types == ["file.stored", "file.renamed"]


def test_repeated_events_tell_nothing_new(endpoint: WebhookEndpoint) -> None:
    upload_id = upload(OWNER)
    event = ObjectEvent("created", upload_id, "1".ljust(64, "0"))
    confirm.apply_events([event, event])
    confirm.apply_event(event)
    publish_all()
    assert told(upload_id) == ["file.stored"]


def test_a_reconciliation_tells_what_a_lost_notification_would_have(
    endpoint: WebhookEndpoint,
) -> None:
    upload_id = upload(OWNER)
    confirm.check(upload_id)
    s3.delete(upload_id)
    confirm.check(upload_id)
    publish_all()
    assert told(upload_id) == ["file.stored", "file.deleted"]


def test_files_of_one_task_share_one_item(endpoint: WebhookEndpoint) -> None:
    events = [ObjectEvent("created", upload(OWNER), "1".ljust(64, "0")) for _ in range(5)]
    confirm.apply_events(events)
    (item,) = outbox.read(outbox_ids())
    assert {event.file.id for event in item.events()} == {event.upload_id for event in events}


def test_a_refused_transaction_leaves_nothing_in_the_outbox(
    endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = store(OWNER)
    publish_all()
    current = files.get(upload_id)
    assert current is not None
    rename(upload_id)
    publish_all()
    stale = changed(current, file_name="c.txt")
    unwritten = files.commit([Change(current, stale)])
    assert unwritten.stale == {upload_id}
    assert outbox_ids() == []


def test_an_outage_of_the_database_keeps_events(
    endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OperationalError("down")

    store(OWNER)
    with monkeypatch.context() as broken:
        broken.setattr(WebhookEndpoint.objects, "filter", fail)
        with pytest.raises(BackendUnavailable):
            publish_all()
        # Whether there are endpoints is unknown, so that events are kept.
        outbox.interest.forget()
        other = store(OWNER, "b.txt")
    publish_all()
    assert told(other) == ["file.stored"]
    assert WebhookDelivery.objects.count() == 2


def test_a_sweep_queues_what_nobody_has_published(
    endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "announce", lambda ids: None)
    upload_id = store(OWNER)
    assert publish.sweep().items == 0  # It may be published at this moment.
    monkeypatch.setattr(outbox, "OVERDUE", -outbox.OVERDUE)
    assert publish.sweep().items == 1
    for message in drain(conf().tasks_queue):
        tasks.publish_events(*arguments(message["Body"]))
    assert told(upload_id) == ["file.stored"]


def test_an_item_that_cannot_be_read_does_not_hold_back_others(
    endpoint: WebhookEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    store(OWNER)
    (damaged,) = outbox_ids()
    outbox.OutboxItem(damaged).update([outbox.OutboxItem.events.set(b"x")])
    other = store(OWNER, "b.txt")
    publish_all()
    assert "cannot be published" in caplog.text
    assert outbox_ids() == [damaged]
    assert told(other) == ["file.stored"]


#: The modules in which the state of AWS or of the database changes.
WRITING = {"store.py", "outbox.py", "publish.py", "queue.py"}
#: `make test` crashes at each n-th of their lines.
SAMPLE = 12


def test_recording_may_crash_at_any_line(endpoint: WebhookEndpoint, full_size: bool) -> None:
    """Whatever the line, the events of all records are in the outbox, and no others."""
    confirm.confirm(upload(OWNER))
    runner, uploads = ChildRunner(), []
    complete = runner.run(partial(confirm.confirm, upload(OWNER)))
    lines = [line for line in dict.fromkeys(complete.lines) if line.split(":")[0] in WRITING]
    assert {"store.py", "outbox.py"} <= {line.split(":")[0] for line in lines}
    for line in lines[:: 1 if full_size else SAMPLE]:
        uploads.append(upload(OWNER))
        step = partial(confirm.confirm, uploads[-1])
        assert runner.run(step, crash_at=CrashPoint(line, 1)).killed, line
    recorded = set(files.read(uploads))
    in_outbox = {event.file.id for item in outbox.read(outbox_ids()) for event in item.events()}
    assert in_outbox & set(uploads) == recorded
    # Its event is delivered again.
    for upload_id in uploads:
        confirm.confirm(upload_id)
    publish_all()
    assert {tuple(told(upload_id)) for upload_id in uploads} == {("file.stored",)}


def test_publishing_may_stop_anywhere(
    endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step fails once; the task is repeated, and nothing is told twice or lost."""
    upload_ids = [store(OWNER), store(OWNER, "b.txt")]
    steps = [
        (publish.deliveries, "create"),
        (publish.receivers, "enqueue"),
        (publish.outbox, "delete"),
    ]
    for module, name in steps:
        with monkeypatch.context() as broken:
            broken.setattr(module, name, _raise)
            with pytest.raises(BackendUnavailable):
                publish_all()
    with monkeypatch.context() as broken:
        broken.setattr(publish.queue, "deliver", _raise)
        publish_all()
    assert outbox_ids() == []
    assert deliveries.endpoints_with_due() == [endpoint.pk]
    assert [told(upload_id) for upload_id in upload_ids] == [["file.stored"]] * 2


def _raise(*_: object, **__: object) -> None:
    raise BackendUnavailable("down")
