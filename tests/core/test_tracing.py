"""Spans, and the traceparents that come from elsewhere."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from opentelemetry.trace import StatusCode

from tests.support.spans import Spans, parent_of, recorded, trace_of
from uploads.aws import s3
from uploads.core import tracing
from uploads.core.logs.lines import LineFormatter
from uploads.core.spans import parse

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
VALID = f"00-{TRACE}-{SPAN}-01"


@pytest.fixture
def spans() -> Iterator[Spans]:
    with recorded() as result:
        yield result


@pytest.mark.parametrize(
    ("text", "sampled"),
    [(VALID, True), (f"00-{TRACE}-{SPAN}-00", False), (f"00-{TRACE}-{SPAN}-ff", True)],
)
def test_a_valid_traceparent_names_a_span(text: str, sampled: bool) -> None:
    found = parse(text)
    assert found is not None
    assert (f"{found.trace_id:032x}", f"{found.span_id:016x}") == (TRACE, SPAN)
    assert found.trace_flags.sampled == sampled


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        5,
        ["00"],
        {"traceparent": VALID},
        VALID.encode(),
        VALID.upper(),
        VALID + "-x",
        VALID + "\n",
        f" {VALID}",
        VALID[:-1],
        f"01-{TRACE}-{SPAN}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"00-{'٠' * 32}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0'",
        "00-" + "a" * 1_000_000,
        "<script>alert(1)</script>",
        "%30%30-",
    ],
    ids=lambda text: repr(text)[:20],
)
def test_anything_else_is_ignored(text: object, spans: Spans) -> None:
    assert parse(text) is None
    with tracing.span("a task", "consumer", parent=text):
        pass
    assert spans.one("a task").parent is None


def test_a_span_continues_the_trace_of_another_process(spans: Spans) -> None:
    with tracing.span("a task", parent=VALID):
        passed_on = tracing.traceparent()
    span = spans.one("a task")
    assert (trace_of(span), parent_of(span)) == (TRACE, int(SPAN, 16))
    assert passed_on == f"00-{TRACE}-{span.context.span_id:016x}-01"


def test_what_is_not_sampled_is_not_passed_on(spans: Spans) -> None:
    with tracing.span("a task", parent=f"00-{TRACE}-{SPAN}-00"):
        assert tracing.traceparent() == ""
        assert tracing.ids() == {}
    assert spans.all() == []


def test_an_exception_is_named_without_its_text(spans: Spans) -> None:
    with pytest.raises(ValueError, match="secret"), tracing.span("a task"):
        raise ValueError("a secret")
    span = spans.one("a task")
    assert span.status.status_code == StatusCode.ERROR
    assert dict(span.attributes or {}) == {"error.type": "ValueError"}
    assert not span.events
    assert "secret" not in span.to_json()


def line() -> dict[str, object]:
    record = logging.makeLogRecord({"name": "uploads", "levelno": logging.INFO, "msg": "hello"})
    fields: dict[str, object] = json.loads(LineFormatter("json").format(record))
    return fields


def test_log_lines_have_the_ids_of_the_span(spans: Spans) -> None:
    with tracing.span("a request"):
        fields = line()
    span = spans.one("a request")
    assert fields["trace_id"] == trace_of(span)
    assert fields["span_id"] == f"{span.context.span_id:016x}"
    assert "trace_id" not in line()


def test_the_metadata_of_an_object_name_the_span(spans: Spans) -> None:
    with tracing.span("sign upload"):
        metadata = s3.metadata("7", "a.txt", "b")
        expected = tracing.traceparent()
    assert metadata == {"filename": "a.txt", "owner": "7", "folder": "b", "traceparent": expected}


def test_metadata_for_which_s3_has_no_room_has_no_trace(spans: Spans) -> None:
    with tracing.span("sign upload"):
        for letters in range(1950, 2048 - len("filename" + "owner" + "7") + 1):
            # Names and values of all four.
            size = len("filename" + "owner" + "7") + letters + len("traceparent") + len(VALID)
            metadata = s3.metadata("7", "n" * letters)
            assert ("traceparent" in metadata) == (size <= 2048)


def test_when_off_nothing_is_recorded_or_sent() -> None:
    with tracing.span("a request", "server", parent=VALID):
        tracing.describe({"a": 1}, name="b")
        tracing.failed("500")
        assert tracing.traceparent() == ""
        assert tracing.ids() == {}
    tracing.end()
    assert s3.metadata("7", "a.txt") == {"filename": "a.txt", "owner": "7"}
