"""Spans of OpenTelemetry. Only `uploads.core.tracing` imports this, if tracing is on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from opentelemetry import trace
from opentelemetry.trace import (
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    TracerProvider,
)

from uploads.core.version import version

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int]

#: Of version 00, the only one so far, and the only one that filehub writes.
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)


def parse(traceparent: object) -> SpanContext | None:
    """Return the span that a traceparent names; None if it is invalid, whatever it is."""
    found = _TRACEPARENT.fullmatch(traceparent) if isinstance(traceparent, str) else None
    if found is None:
        return None
    result = SpanContext(
        trace_id=int(found[1], 16),
        span_id=int(found[2], 16),
        is_remote=True,
        trace_flags=TraceFlags(int(found[3], 16) & TraceFlags.SAMPLED),
    )
    return result if result.is_valid else None


def mark_failed(span: Span, error: str) -> None:
    """Mark a span as failed. `error` is the class of an exception, or a code."""
    span.set_attribute("error.type", error)
    span.set_status(StatusCode.ERROR)


class Recorder:
    """Records spans. `uploads.core.tracing` describes the methods that are not described here."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        """By default, with the global provider."""
        self._tracer = trace.get_tracer("filehub", version(), provider)

    @staticmethod
    def parse(traceparent: object) -> SpanContext | None:
        return parse(traceparent)

    @contextmanager
    def span(self, name: str, kind: Kind, parent: object, attributes: Attributes) -> Iterator[None]:
        remote = parse(parent)
        with self._tracer.start_as_current_span(
            name,
            context=remote and trace.set_span_in_context(trace.NonRecordingSpan(remote)),
            kind=SpanKind[kind.upper()],
            attributes=dict(attributes),
            # The text of an exception may contain anything.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except BaseException as exc:
                mark_failed(span, type(exc).__name__)
                raise

    def start_request(self, name: str, attributes: Attributes) -> Span | None:
        """Start the span of a request to another service, which the caller ends.

        None if no trace is being recorded: polls belong to none.
        """
        if not trace.get_current_span().is_recording():
            return None
        return self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=dict(attributes))

    def end_request(self, span: Span, attributes: Attributes, error: str) -> None:
        span.set_attributes(dict(attributes))
        if error:
            mark_failed(span, error)
        span.end()

    def add_finished(
        self,
        name: str,
        parent: SpanContext,
        *,
        times: tuple[int, int],
        attributes: Attributes,
        error: str = "",
    ) -> None:
        """Add a span that is over to another trace, with a link to the current span.

        `times` are its start and end in nanoseconds since 1970.
        """
        current = trace.get_current_span().get_span_context()
        span = self._tracer.start_span(
            name,
            context=trace.set_span_in_context(trace.NonRecordingSpan(parent)),
            kind=SpanKind.CONSUMER,
            attributes=dict(attributes),
            links=[trace.Link(current)] if current.is_valid else [],
            start_time=times[0],
        )
        if error:
            mark_failed(span, error)
        span.end(times[1])

    def describe(self, attributes: Attributes, name: str) -> None:
        current = trace.get_current_span()
        current.set_attributes(dict(attributes))
        if name:
            current.update_name(name)

    def failed(self, error: str) -> None:
        mark_failed(trace.get_current_span(), error)

    def traceparent(self) -> str:
        ids = self.ids()
        return f"00-{ids['trace_id']}-{ids['span_id']}-01" if ids else ""

    def ids(self) -> dict[str, str]:
        current = trace.get_current_span().get_span_context()
        if not (current.is_valid and current.trace_flags.sampled):
            return {}
        return {"trace_id": f"{current.trace_id:032x}", "span_id": f"{current.span_id:016x}"}
