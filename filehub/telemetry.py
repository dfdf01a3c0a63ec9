"""Start OpenTelemetry's SDK, if the standard variables ask for traces.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from uploads.core import tracing

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

logger = logging.getLogger(__name__)

EXPORTERS = "OTEL_TRACES_EXPORTER"
#: With one of these, and without OTEL_TRACES_EXPORTER, traces are on too.
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_KNOWN = ("otlp", "console")
#: How long a process that ends waits for its last spans to be sent.
END_MILLISECONDS = 2_000

#: Why there are no traces although they were asked for; "" otherwise.
problem = ""


def exporters(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the names of the exporters that the environment asks for; none by default."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return ()
    named = environ.get(EXPORTERS, "").strip()
    if not named:
        return ("otlp",) if any(environ.get(name) for name in _ENDPOINTS) else ()
    names = (name.strip().lower() for name in named.split(","))
    return tuple(name for name in names if name not in ("", "none"))


def configure(environ: Mapping[str, str] = os.environ) -> None:
    """Turn tracing on if it is asked for. What is wrong is logged, and uploads work without it."""
    wanted = exporters(environ)
    if not wanted:
        return
    globals()["problem"] = _wrong(wanted, environ) or _start(wanted, environ)
    if problem:
        logger.warning("there are no traces: %s", problem)


def _wrong(wanted: tuple[str, ...], environ: Mapping[str, str]) -> str:
    unknown = [name for name in wanted if name not in _KNOWN]
    if unknown:
        return f"{EXPORTERS} must be otlp, console or none, not {unknown[0]}."
    protocol = next((environ[name] for name in _PROTOCOLS if environ.get(name)), "http/protobuf")
    if "otlp" in wanted and protocol != "http/protobuf":
        return f"OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf, not {protocol}."
    return ""


def _start(wanted: tuple[str, ...], environ: Mapping[str, str]) -> str:
    """Start the SDK; return what is wrong, or ""."""
    try:
        # Only here, so that they cost nothing without traces.
        from opentelemetry import trace  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        # The SDK's own handler of exits waits for half a minute if the collector does not respond.
        provider = TracerProvider(resource=Resource.create(_name(environ)), shutdown_on_exit=False)
        processors = [BatchSpanProcessor(_exporter(exporter)) for exporter in wanted]
        for processor in processors:
            provider.add_span_processor(processor)
    except ImportError:
        return (
            "OpenTelemetry is not installed. Run: pip install --require-hashes -r "
            "requirements-otel.txt"
        )
    except Exception as exc:  # noqa: BLE001  # whatever the SDK raises for a wrong variable
        return f"OpenTelemetry refused its variables: {exc}"
    trace.set_tracer_provider(provider)
    end = partial(_end, processors)
    atexit.register(end)
    tracing.enable(end)
    return ""


def _end(processors: Iterable[BatchSpanProcessor]) -> None:
    """Send the last spans, but do not wait long for that."""
    for processor in processors:
        # The public method has no limit, and would wait for half a minute.
        processor._batch_processor.shutdown(END_MILLISECONDS)


def _name(environ: Mapping[str, str]) -> dict[str, str]:
    """The name of the service, unless the environment has one."""
    attributes = environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    is_named = environ.get("OTEL_SERVICE_NAME") or "service.name=" in attributes
    return {} if is_named else {"service.name": "filehub"}


def _exporter(name: str) -> SpanExporter:
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter  # noqa: PLC0415

        return ConsoleSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )

    return OTLPSpanExporter()
