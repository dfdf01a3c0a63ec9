"""Tasks continue the trace of what queued them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from celery import Task, signals
from opentelemetry.trace import StatusCode

from filehub.celery import app
from tests.support.spans import Spans, parent_of, recorded, trace_of
from uploads.core import tracing
from uploads.core.logs import context

NAME = "tests.traced"


@pytest.fixture
def spans() -> Iterator[Spans]:
    with recorded() as result:
        yield result
    context.begin()


def headers_of_a_task() -> dict[str, Any]:
    """The headers of a task that is queued now."""
    headers: dict[str, Any] = {}
    signals.before_task_publish.send(sender="a task", headers=headers)
    return headers


def run(headers: dict[str, Any], error: Exception | None = None) -> list[dict[str, Any]]:
    """Run a task with these headers; return those of a task that it queues."""
    queued: list[dict[str, Any]] = []

    @app.task(name=NAME, bind=True)
    def traced(self: Task[Any, Any]) -> None:
        queued.append(headers_of_a_task())
        if error is not None:
            raise error

    try:
        traced.apply(task_id="t-1", headers=headers)
    finally:
        app.tasks.unregister(NAME)
    return queued


def test_a_task_continues_the_trace_of_what_queued_it_and_passes_it_on(spans: Spans) -> None:
    with tracing.span("a request", "server"):
        headers = headers_of_a_task()
    (passed_on,) = run(headers)
    request, task = spans.one("a request"), spans.one(NAME)
    assert (trace_of(task), parent_of(task)) == (trace_of(request), request.context.span_id)
    assert dict(task.attributes or {}) == {"filehub.task_id": "t-1"}
    assert f"{task.context.span_id:016x}" in passed_on["traceparent"]
    assert tracing.ids() == {}


@pytest.mark.parametrize("traceparent", [None, "", 5, ["x"], {"a": 1}, "00-x", "a" * 10_000])
def test_a_task_with_any_header_runs(spans: Spans, traceparent: object) -> None:
    assert run({"traceparent": traceparent})
    assert spans.one(NAME).parent is None


def test_a_task_that_fails_says_so_without_the_text(spans: Spans) -> None:
    run({}, ValueError("a secret"))
    span = spans.one(NAME)
    assert span.status.status_code == StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "ValueError"
    assert "secret" not in span.to_json()


def test_without_traces_a_task_has_no_such_header() -> None:
    context.begin()
    assert headers_of_a_task() == {}
