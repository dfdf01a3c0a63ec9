"""Traces by OpenTelemetry. Off until `enable` is called; only then are the packages imported.

The trace of an upload goes with the object: its signed metadata name the span in which it was
signed (`traceparent`), and the worker adds its spans to that trace. Spans have ids, routes and
counts. They never have names of files, URLs, or texts of errors, which may contain secrets: a
tracing backend has other readers than filehub.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uploads.core.spans import Attributes, Kind, Recorder

#: The name of the metadata, and of the header of requests and tasks.
#: https://www.w3.org/TR/trace-context/#traceparent-header
HEADER = "traceparent"

_OFF: AbstractContextManager[None] = nullcontext()
_recorder: Recorder | None = None
_end: Callable[[], None] | None = None


def enable(end: Callable[[], None] | None = None) -> None:
    """Record spans with the tracer provider of `opentelemetry`, which the caller has set.

    `end` sends the last spans, within seconds. Processes that end without `atexit` call it. Raises
    ImportError without the packages of requirements-otel.txt.
    """
    from uploads.core.spans import Recorder  # noqa: PLC0415  # only if tracing is on

    globals().update(_recorder=Recorder(), _end=end)


def recorder() -> Recorder | None:
    """Return what records spans; None if tracing is off."""
    return _recorder


def span(
    name: str,
    kind: Kind = "internal",
    *,
    parent: object = None,
    attributes: Attributes | None = None,
) -> AbstractContextManager[None]:
    """`with span("name"):` records what happens inside.

    `parent` is the traceparent of another process. It may be anything: an invalid one is ignored.
    Without it, the parent is the current span.
    """
    if _recorder is None:
        return _OFF
    return _recorder.span(name, kind, parent, attributes or {})


def describe(attributes: Attributes, *, name: str = "") -> None:
    """Add attributes to the current span, and give it another name if there is one."""
    if _recorder is not None:
        _recorder.describe(attributes, name)


def failed(error: str) -> None:
    """Mark the current span as failed. `error` is the class of an exception, or a code."""
    if _recorder is not None:
        _recorder.failed(error)


def traceparent() -> str:
    """Return the current span in the form of the header; "" if none is being recorded."""
    return "" if _recorder is None else _recorder.traceparent()


def ids() -> dict[str, str]:
    """Return the ids that log lines have; none if no span is being recorded."""
    return {} if _recorder is None else _recorder.ids()


def end() -> None:
    """Send the last spans, within seconds. For processes that end without `atexit`."""
    if _end is not None:
        _end()
