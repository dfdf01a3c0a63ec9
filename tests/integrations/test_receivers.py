"""Receivers of Django signals: each is called, whatever the others do."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.dispatch import Signal

from tests.integrations.helpers import OTHER_ID, event, publish_all
from tests.support.files import store
from tests.support.local_aws import arguments, drain
from uploads import signals
from uploads.core.conf import conf
from uploads.files import outbox
from uploads.files.file_events import FileEvent
from uploads.ingest import tasks
from uploads.integrations import receivers

calls: list[FileEvent] = []


def on_stored(sender: type, event: FileEvent, **_: Any) -> None:
    assert sender is FileEvent
    calls.append(event)


async def on_stored_async(event: FileEvent, **_: Any) -> None:
    calls.append(event)


def failing(event: FileEvent, **_: Any) -> None:
    if event.file.id == OTHER_ID:
        raise ValueError("the receiver has a bug")
    calls.append(event)


@pytest.fixture
def connected() -> Iterator[Signal]:
    calls.clear()
    signal = signals.file_stored
    yield signal
    signal.receivers.clear()
    signal.sender_receivers_cache.clear()


NAME = f"{__name__}.on_stored"


@pytest.mark.usefixtures("aws")
def test_each_receiver_has_a_task_of_its_own(connected: Signal) -> None:
    connected.connect(on_stored)
    connected.connect(failing, dispatch_uid="the failing one")
    upload_id = store("7")
    publish_all()
    queued = {arguments(message["Body"])[0]: arguments(message["Body"])[1]
              for message in drain(conf().low_queue)}  # fmt: skip
    assert queued.keys() == {NAME, "the failing one"}
    tasks.call_receiver(NAME, queued[NAME])
    assert [(call.type, call.file.id) for call in calls] == [("file.stored", upload_id)]


@pytest.mark.parametrize(("sender", "is_told"), [(None, True), (FileEvent, True), (int, False)])
@pytest.mark.usefixtures("aws")
def test_a_receiver_may_choose_the_sender(
    sender: type | None, is_told: bool, connected: Signal
) -> None:
    connected.connect(on_stored, sender=sender)
    assert outbox.interest.exists() is is_told
    receivers.enqueue([event(1)])
    assert len(drain(conf().low_queue)) == is_told


class Index:
    def __call__(self, event: FileEvent, **_: Any) -> None:
        calls.append(event)


def test_an_object_can_be_a_receiver(connected: Signal) -> None:
    index = Index()
    connected.connect(index)
    assert receivers.call(f"{__name__}.Index", [event(1)]).failed == []
    assert len(calls) == 1


def test_a_coroutine_can_be_a_receiver(connected: Signal) -> None:
    connected.connect(on_stored_async)
    # In a thread of its own, because Playwright's event loop may run in this one.
    with ThreadPoolExecutor(1) as pool:
        remaining = pool.submit(receivers.call, f"{__name__}.on_stored_async", [event(1)])
        assert remaining.result().failed == []
    assert len(calls) == 1


@pytest.mark.usefixtures("aws")
def test_calls_that_fail_become_a_separate_task(connected: Signal) -> None:
    connected.connect(failing)
    name = f"{__name__}.failing"
    good, bad = event(1), event(1, file_id=OTHER_ID)
    tasks.call_receiver(name, [each.model_dump(mode="json") for each in (bad, good)])
    assert calls == [good]
    (message,) = drain(conf().low_queue)
    assert [each["id"] for each in arguments(message["Body"])[1]] == [bad.id]
    # Alone, it stays in the queue, and becomes a dead letter in the end.
    with pytest.raises(ValueError, match="has a bug"):
        tasks.call_receiver(*arguments(message["Body"]))


@pytest.mark.usefixtures("aws")
def test_a_task_that_is_late_leaves_the_rest_to_another(
    connected: Signal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receivers, "BUDGET", 0.0)
    connected.connect(on_stored)
    tasks.call_receiver(NAME, [event(n).model_dump(mode="json") for n in (1, 2, 3)])
    assert len(calls) == 1
    (message,) = drain(conf().low_queue)
    assert len(arguments(message["Body"])[1]) == 2


def test_a_receiver_that_this_version_does_not_have_is_not_forgotten() -> None:
    with pytest.raises(receivers.UnknownReceiver):
        receivers.call("shop.on_stored", [event(1)])
