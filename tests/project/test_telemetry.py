"""The OTEL_ variables turn traces on, and say what is wrong."""

from __future__ import annotations

import atexit
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from filehub import checks, telemetry
from tests.support.processes import ROOT
from uploads.core import tracing

OTLP = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture(autouse=True)
def providers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[TracerProvider]]:
    """The providers that were set, each of which has a thread."""
    result: list[TracerProvider] = []
    monkeypatch.setattr(trace, "set_tracer_provider", result.append)
    monkeypatch.setattr(atexit, "register", lambda end: None)
    monkeypatch.setattr(telemetry, "problem", "")
    monkeypatch.setattr(tracing, "_recorder", None)
    monkeypatch.setattr(tracing, "_end", None)
    yield result
    for provider in result:
        provider.shutdown()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ()),
        ({"OTEL_SERVICE_NAME": "files"}, ()),
        ({OTLP: "http://collector:4318"}, ("otlp",)),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector/v1/traces"}, ("otlp",)),
        ({OTLP: ""}, ()),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, ("otlp",)),
        ({"OTEL_TRACES_EXPORTER": "console, OTLP"}, ("console", "otlp")),
        ({"OTEL_TRACES_EXPORTER": "none", OTLP: "http://collector:4318"}, ()),
        ({"OTEL_TRACES_EXPORTER": " ", OTLP: "http://collector:4318"}, ("otlp",)),
        ({"OTEL_SDK_DISABLED": "True", OTLP: "http://collector:4318"}, ()),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, ()),
    ],
)
def test_exporters(environ: dict[str, str], expected: tuple[str, ...]) -> None:
    assert telemetry.exporters(environ) == expected


def test_traces_are_on_if_they_are_asked_for(providers: list[TracerProvider]) -> None:
    telemetry.configure({OTLP: "http://127.0.0.1:9"})
    assert checks.traces() == []
    assert tracing.recorder() is not None
    (provider,) = providers
    assert provider.resource.attributes["service.name"] == "filehub"


@pytest.mark.parametrize(
    "environ",
    [{"OTEL_SERVICE_NAME": "files"}, {"OTEL_RESOURCE_ATTRIBUTES": "a=b,service.name=files"}],
)
def test_the_environment_may_name_the_service(
    environ: dict[str, str], providers: list[TracerProvider], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    telemetry.configure(environ | {OTLP: "http://127.0.0.1:9"})
    assert providers[0].resource.attributes["service.name"] == "files"


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "must be otlp, console or none, not zipkin"),
        ({OTLP: "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "http/protobuf, not grpc"),
    ],
)
def test_wrong_variables_are_reported_and_filehub_starts(
    environ: dict[str, str], sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        telemetry.configure(environ)
    assert sentence in caplog.text
    (message,) = checks.traces()
    assert message.id == "filehub.W038"
    assert sentence in message.msg
    assert tracing.recorder() is None


def test_a_variable_that_the_sdk_refuses_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-1")
    telemetry.configure({OTLP: "http://127.0.0.1:9"})
    assert "OpenTelemetry refused its variables" in telemetry.problem
    assert tracing.recorder() is None


def test_a_process_ends_though_the_collector_does_not_respond(
    providers: list[TracerProvider], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = 120
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", str(waits))
    monkeypatch.setattr(telemetry, "END_MILLISECONDS", 200)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv(OTLP, url)
        telemetry.configure({OTLP: url})
        with providers[0].get_tracer("tests").start_as_current_span("a span"):
            pass
        started_at = time.monotonic()
        tracing.end()
        assert time.monotonic() - started_at < waits / 2


def test_missing_packages_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    telemetry.configure({OTLP: "http://127.0.0.1:9"})
    (message,) = checks.traces()
    assert "requirements-otel.txt" in message.msg
    assert tracing.recorder() is None


@pytest.mark.exhaustive
def test_without_the_variables_nothing_of_opentelemetry_is_imported() -> None:
    code = """
import sys, django
django.setup()
from uploads.aws import clients
from uploads.ingest import tasks
from uploads.web import request_id
print([name for name in sys.modules if name.startswith(("opentelemetry", "google.protobuf"))])
"""
    done: Any = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
