"""Lines of a task have its id, and that of the web request that queued it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Task, signals

from filehub.celery import app
from uploads.core.logs import context
from uploads.worker import log_context

REQUEST_ID = "0123456789abcdef"


@pytest.fixture(autouse=True)
def _no_ids() -> Iterator[None]:
    context.begin()
    yield
    context.begin()


def published() -> dict[str, Any]:
    """The headers of a task that is queued now."""
    headers: dict[str, Any] = {}
    signals.before_task_publish.send(sender="a task", headers=headers)
    return headers


def test_a_task_that_a_request_queues_has_its_id() -> None:
    context.begin(request_id=REQUEST_ID)
    assert published() == {log_context.HEADER: REQUEST_ID}


def test_a_task_that_no_request_queues_has_none() -> None:
    assert published() == {}


def ids_in_task(headers: dict[str, Any]) -> dict[str, str | None]:
    """The ids that lines have within a task with these headers."""
    seen: dict[str, str | None] = {}

    @app.task(name="tests.note", bind=True)
    def note(self: Task[Any, Any]) -> None:
        seen.update({name: context.current(name) for name in ("task_id", "request_id", "user_id")})
        # A task that it queues belongs to the same request.
        seen["passed_on"] = published().get(log_context.HEADER)

    try:
        note.apply(task_id="t-1", headers=headers, throw=True)
    finally:
        app.tasks.unregister("tests.note")
    return seen


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [
        ({log_context.HEADER: REQUEST_ID}, REQUEST_ID),
        ({}, None),
        ({log_context.HEADER: None}, None),
        ({log_context.HEADER: "a\nb"}, None),
        ({log_context.HEADER: 5}, None),
        ({log_context.HEADER: ["0123456789abcdef"]}, None),
    ],
)
def test_lines_of_a_task_have_its_ids(headers: dict[str, Any], request_id: str | None) -> None:
    context.begin(user_id="of the task before")
    assert ids_in_task(headers) == {
        "task_id": "t-1", "request_id": request_id, "user_id": None, "passed_on": request_id,
    }  # fmt: skip
    assert context.current("task_id") is None


def test_what_celery_says_while_it_stops_is_a_line(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    log_context._say("worker: Warm shutdown (MainProcess)")
    line = "INFO celery.apps.worker: worker: Warm shutdown (MainProcess)\n"
    assert capfd.readouterr().err == line
