"""The receivers of the signals, each called in a task of its own, so that none delays another."""

from __future__ import annotations

import inspect
import logging
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from celery.exceptions import SoftTimeLimitExceeded
from django.dispatch import Signal

from uploads import signals
from uploads.core.logs import context
from uploads.files.file_events import EventType, FileEvent
from uploads.integrations import queue

logger = logging.getLogger(__name__)

#: Seconds after which a task calls its receiver for no further event, well below its time limit.
BUDGET = 30.0

Receiver = Callable[..., Any]


class UnknownReceiver(Exception):
    """This worker has no receiver of that name: it may run an older or a newer version."""


@dataclass(frozen=True)
class Remaining:
    """The events whose receiver failed, the first error, and the events not tried."""

    failed: list[FileEvent]
    error: Exception | None
    left: list[FileEvent]


def enqueue(events: Sequence[FileEvent]) -> None:
    """Queue the calls of all receivers for these events. Raises BackendUnavailable."""
    by_receiver: dict[str, list[FileEvent]] = {}
    for event in events:
        for name, _ in _connected(signals.BY_TYPE[event.type]):
            by_receiver.setdefault(name, []).append(event)
    for name, its_events in by_receiver.items():
        queue.call_receiver(name, its_events)


def call(name: str, events: Sequence[FileEvent]) -> Remaining:
    """Call a receiver for each event, for BUDGET seconds; one failure does not prevent the others.

    Raises UnknownReceiver.
    """
    stop_at = time.monotonic() + BUDGET
    failed: list[FileEvent] = []
    error: Exception | None = None
    for position, event in enumerate(events):
        if position and time.monotonic() >= stop_at:
            return Remaining(failed, error, list(events[position:]))
        receiver = _find(name, event.type)
        try:
            with context.about(upload_id=event.file.id):
                _call(receiver, event)
        except SoftTimeLimitExceeded:
            raise
        except Exception as exc:  # the receiver is not filehub's
            logger.exception("the receiver %s failed", name, extra={"upload_id": event.file.id})
            failed.append(event)
            error = error or exc
    return Remaining(failed, error, [])


def _call(receiver: Receiver, event: FileEvent) -> None:
    signal = signals.BY_TYPE[event.type]
    called = async_to_sync(receiver) if inspect.iscoroutinefunction(receiver) else receiver
    called(signal=signal, sender=FileEvent, event=event)


def _find(name: str, kind: EventType) -> Receiver:
    for known, receiver in _connected(signals.BY_TYPE[kind]):
        if known == name:
            return receiver
    raise UnknownReceiver(name)


def _connected(signal: Signal) -> Iterator[tuple[str, Receiver]]:
    """The receivers of a signal, and the names by which another process finds the same ones."""
    for (receiver_id, sender_id), reference, *_ in signal.receivers:
        if sender_id not in {id(None), id(FileEvent)}:
            continue
        receiver = reference() if isinstance(reference, weakref.ReferenceType) else reference
        if receiver is None:
            continue
        if isinstance(receiver_id, str):  # The dispatch_uid that it was connected with.
            yield receiver_id, receiver
        else:
            # An object that can be called has the name of its class.
            name = getattr(receiver, "__qualname__", type(receiver).__qualname__)
            yield f"{receiver.__module__}.{name}", receiver
