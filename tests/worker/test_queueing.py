"""Whatever queues a task reports a queue that does not respond as unavailable."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from kombu.exceptions import OperationalError

from uploads.core.errors import BackendUnavailable
from uploads.ingest import tasks
from uploads.thumbnails import queue

ID = "019c0000-0000-7000-8000-0123456789ab"
SENDERS: dict[str, Callable[[], None]] = {
    "a hint": lambda: tasks.enqueue_hint(ID),
    "nothing": tasks.enqueue_nothing,
    "a move": lambda: tasks.enqueue_folder_move("7", "a", "b", "7"),
    "thumbnails": lambda: queue.enqueue([ID]),
}
ERRORS: dict[str, Exception] = {
    "kombu": OperationalError("no broker"),
    "botocore": EndpointConnectionError(endpoint_url="http://sqs"),
    "SQS": ClientError({"Error": {"Code": "AccessDenied", "Message": "x"}}, "SendMessage"),
    "the network": ConnectionResetError(),
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("sender", SENDERS.values(), ids=SENDERS)
def test_a_queue_that_fails_is_unavailable(
    sender: Callable[[], None], error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("celery.app.amqp.AMQP.send_task_message", property(lambda _: fail))
    with pytest.raises(BackendUnavailable) as caught:
        sender()
    # kombu wraps some errors.
    cause = caught.value.__cause__
    assert cause is error or (isinstance(cause, OperationalError) and cause.__cause__ is error)


def test_a_bug_stays_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("celery.app.amqp.AMQP.send_task_message", property(lambda _: fail))
    for sender in SENDERS.values():
        with pytest.raises(ZeroDivisionError):
            sender()
